/**
 * Why a stream does not move, from the state alone, as one sentence. The first cause that fits wins. A stream that made
 * progress a moment ago gets none, and neither does one that has nothing to send: END_STREAM with a window of 0 is fine.
 */
import { Blocked, type StreamState } from '@glassway/inspector-protocol';
import type { Health, SentencePart, Verdict } from '../feed/model.ts';
import { errorName } from '../filter/vocabulary.ts';
import { bytes, count, lasting, plural } from '../text/format.ts';
import type { ConnectionEntry, StreamEntry } from './state-entries.ts';
import type { StateStore } from './state-store.ts';

/** A stream that could not send for less than this (microseconds) is not remarked upon. */
export const PATIENCE_US = 250_000;
/** The same for one that merely waits for somebody: an answer may take its time. */
export const IDLE_PATIENCE_US = 1_000_000;
const CLOSED = 6;
const MAX_HOLDERS = 4;

/** The verdict on a stream, null when there is nothing to say. */
export function verdictOf(
  store: StateStore,
  connection: ConnectionEntry,
  entry: StreamEntry,
  now: number,
): Verdict | null {
  const { state } = entry;
  if (state.closedAt >= 0 || state.state === CLOSED || connection.facts.closedAt >= 0) return ending(connection, entry);
  if (state.blocked !== Blocked.NOT && now - state.blockedSince >= PATIENCE_US) return sending(connection, entry, now);
  if (state.lastProgressAt < 0 || now - state.lastProgressAt < IDLE_PATIENCE_US) return null;
  if (state.withheldBytes > 0) return withheld(entry, now);
  return waiting(store, connection, entry, now);
}

/** True when the verdict is about a stream that should move and does not. */
export function isStuck(verdict: Verdict | null): boolean {
  return verdict !== null && verdict.since >= 0;
}

function sending(connection: ConnectionEntry, entry: StreamEntry, now: number): Verdict {
  const { state } = entry;
  const lost = lasting((now - state.blockedSince) / 1000);
  const pending = state.pendingBytes > 0 ? `has ${bytes(state.pendingBytes)} to send` : 'has octets to send';
  const start: SentencePart[] = [streamLink(state), { text: ` ${pending}, but ` }];
  switch (state.blocked) {
    case Blocked.CONNECTION_WINDOW: {
      const window = connection.state.sendWindow;
      const parts: SentencePart[] = [
        ...start,
        { text: `connection ${state.connection}`, connection: state.connection },
        { text: `’s window is ${count(window)} since ${lost}.` },
        ...holders(connection),
      ];
      return stuck(
        'CONNECTION_SEND_WINDOW',
        'bad',
        `connection window ${count(window)}`,
        parts,
        state.blockedSince,
        '9113 6.9.1',
      );
    }
    case Blocked.STREAM_WINDOW: {
      const parts = [
        ...start,
        {
          text: `its own window is ${count(state.sendWindow)} since ${lost}: ${other(connection)} sent no WINDOW_UPDATE for it.`,
        },
      ];
      return stuck(
        'STREAM_SEND_WINDOW',
        'bad',
        `stream window ${count(state.sendWindow)}`,
        parts,
        state.blockedSince,
        '9113 6.9.1',
      );
    }
    default: {
      const parts = [
        ...start,
        { text: `the socket is full since ${lost}: ${other(connection)} or the network reads too slowly.` },
      ];
      return stuck('TRANSPORT', 'bad', 'socket full', parts, state.blockedSince, '');
    }
  }
}

/* Streams whose own window is below where it began hold octets the peer has not returned to the connection either. */
function holders(connection: ConnectionEntry): SentencePart[] {
  const initial = connection.facts.settings.received.find(([id]) => id === 4)?.[1] ?? 65_535;
  const held: { stream: number; octets: number }[] = [];
  for (const { state } of connection.open.values()) {
    const octets = Math.min(state.bytesSent, initial - state.sendWindow);
    if (octets > 0) held.push({ stream: state.stream, octets });
  }
  if (held.length === 0) return [];
  held.sort((a, b) => b.octets - a.octets);
  const named = held.slice(0, MAX_HOLDERS);
  const sum = held.reduce((total, { octets }) => total + octets, 0);
  const parts: SentencePart[] = [{ text: held.length === 1 ? ' Stream ' : ' Streams ' }];
  named.forEach(({ stream }, at) => {
    if (at > 0) parts.push({ text: at === named.length - 1 && held.length === named.length ? ' and ' : ', ' });
    parts.push({ text: String(stream), connection: connection.facts.id, stream });
  });
  if (held.length > named.length) parts.push({ text: ` and ${held.length - named.length} more` });
  parts.push({
    text: ` ${held.length === 1 ? 'holds' : 'hold'} ${bytes(sum)} that ${other(connection)} has not returned.`,
  });
  return parts;
}

function withheld(entry: StreamEntry, now: number): Verdict {
  const { state, facts } = entry;
  const parts: SentencePart[] = [
    { text: 'The gateway holds back ' },
    { text: `${bytes(state.withheldBytes)} of window from ` },
    streamLink(state, 'stream'),
    { text: ` since ${lasting((now - state.lastProgressAt) / 1000)}` },
  ];
  if (facts.pair === null) parts.push({ text: ', because what it received has not been passed on.' });
  else parts.push({ text: ', because ' }, pairLink(facts.pair), { text: ' does not take what it received.' });
  return stuck('LOCAL_BACKPRESSURE', 'warn', 'read paused by us', parts, state.lastProgressAt, '9113 5.2.2');
}

function waiting(store: StateStore, connection: ConnectionEntry, entry: StreamEntry, now: number): Verdict | null {
  const { state, facts } = entry;
  const idle = lasting((now - state.lastProgressAt) / 1000);
  const since = state.lastProgressAt;
  if (connection.facts.leg === 1) {
    if (state.endReceivedAt >= 0) return null;
    const client = facts.pair === null ? undefined : store.stream(facts.pair.connection, facts.pair.stream)?.state;
    if (facts.pair !== null && client !== undefined && client.blocked !== Blocked.NOT) {
      const parts = [
        streamLink(state),
        { text: ' waits until ' },
        pairLink(facts.pair),
        { text: ' can send on what came so far.' },
      ];
      return stuck('CLIENT_BLOCKED', 'warn', 'client cannot take more', parts, since, '');
    }
    const what = state.headReceivedAt < 0 ? 'has not answered' : 'sent nothing more';
    return stuck(
      'BACKEND_IDLE',
      'warn',
      `backend idle ${idle}`,
      [streamLink(state), { text: `: the backend ${what} since ${idle}.` }],
      since,
      '',
    );
  }
  if (state.endSentAt >= 0 && state.endReceivedAt < 0) {
    const parts = [streamLink(state), { text: ` was answered, but the client did not end its request since ${idle}.` }];
    return stuck('CLIENT_IDLE', 'quiet', `client idle ${idle}`, parts, since, '9113 8.1');
  }
  if (facts.pair !== null) {
    const pairConnection = store.connections.get(facts.pair.connection);
    const pair = pairConnection?.streams.get(facts.pair.stream);
    if (pairConnection !== undefined && pair !== undefined) {
      const cause = verdictOf(store, pairConnection, pair, now);
      if (cause !== null && isStuck(cause)) {
        const where: SentencePart[] = [
          { text: ' waits for the backend. On ' },
          { text: `connection ${facts.pair.connection}`, connection: facts.pair.connection },
          { text: ': ' },
        ];
        const parts: SentencePart[] = [streamLink(state), ...where, ...cause.sentence];
        return stuck(`UPSTREAM: ${cause.code}`, cause.tone, cause.short, parts, since, cause.rfc);
      }
    }
  }
  if (state.endReceivedAt < 0) {
    const parts = [streamLink(state), { text: `: the client sent nothing more of its request since ${idle}.` }];
    return stuck('CLIENT_IDLE', 'quiet', `client idle ${idle}`, parts, since, '');
  }
  const missing = state.headSentAt < 0 ? 'an answer' : 'more of the answer';
  const parts: SentencePart[] = [streamLink(state), { text: ` waits for ${missing} since ${idle}` }];
  if (facts.pair === null) parts.push({ text: '; it is not on a backend connection yet.' });
  else parts.push({ text: ' from ' }, pairLink(facts.pair), { text: '.' });
  return stuck(facts.pair === null ? 'NOT_ASSIGNED' : 'UPSTREAM', 'warn', `waiting ${idle}`, parts, since, '');
}

/* What can be said of a stream that is gone: only when it did not end as streams should. */
function ending(connection: ConnectionEntry, entry: StreamEntry): Verdict | null {
  const { facts, state } = entry;
  if (facts.reset !== null) {
    const who = facts.reset.initiator === 'remote' ? other(connection) : 'the gateway';
    const code = errorName(facts.reset.code);
    const why = facts.reason === null ? facts.reset.reason : `${facts.reason.text} (${facts.reason.code})`;
    const parts: SentencePart[] = [
      streamLink(state),
      { text: ` was reset by ${who} with ${code}${why === '' ? '' : `: ${why}`}` },
    ];
    const tone = facts.reset.code === 0 || facts.reset.code === 8 ? 'warn' : 'bad';
    const short = `reset by ${facts.reset.initiator === 'remote' ? (connection.facts.leg === 0 ? 'client' : 'backend') : 'gateway'}`;
    return { code, tone, short, sentence: parts, since: -1, rfc: facts.reason?.rfc || '9113 6.4' };
  }
  if (facts.reason !== null) {
    const sentence = [
      streamLink(state),
      { text: ` was ended by the gateway: ${facts.reason.text} (${facts.reason.code})` },
    ];
    return {
      code: facts.reason.code.toUpperCase(),
      tone: 'warn',
      short: facts.reason.code.replaceAll('_', ' '),
      sentence,
      since: -1,
      rfc: facts.reason.rfc,
    };
  }
  return null;
}

/** How a connection does, for its badge, and the same as a sentence. */
export function healthOf(entry: ConnectionEntry, now: number): { health: Health; verdict: string; sentence: string } {
  const { facts, state } = entry;
  if (facts.closedAt >= 0) {
    const why = facts.closeReason;
    const sentence = why === null ? 'Closed in good order.' : `Closed: ${why.text}`;
    return { health: why === null ? 'closed' : 'broken', verdict: 'closed', sentence };
  }
  const since = now - state.blockedSince;
  if (state.blocked === Blocked.CONNECTION_WINDOW && since >= PATIENCE_US) {
    const waits = `${plural(state.blockedStreams, 'stream')} ${state.blockedStreams === 1 ? 'waits' : 'wait'} for the connection’s window`;
    return {
      health: 'stalled',
      verdict: `stalled ${lasting(since / 1000)}`,
      sentence: `${waits} since ${lasting(since / 1000)}.`,
    };
  }
  if (state.blocked === Blocked.TRANSPORT && since >= PATIENCE_US) {
    return {
      health: 'stalled',
      verdict: 'socket full',
      sentence: `The socket has been full since ${lasting(since / 1000)}.`,
    };
  }
  const stuckAt = stuckStream(entry, now);
  const waiting = stuckAt === null ? undefined : entry.open.get(stuckAt)?.state;
  if (waiting !== undefined) {
    const lasts = lasting((now - waiting.blockedSince) / 1000);
    return {
      health: 'stalled',
      verdict: `stalled ${lasts}`,
      sentence: `Stream ${waiting.stream} waits for its window since ${lasts}.`,
    };
  }
  const goAway = facts.goAwaySent ?? facts.goAwayReceived;
  if (goAway !== null) {
    const who = facts.goAwaySent === goAway ? 'sent' : 'received';
    return {
      health: 'draining',
      verdict: 'draining',
      sentence: `GOAWAY ${who} with ${errorName(goAway.code)}; ${plural(state.openStreams, 'stream')} left.`,
    };
  }
  const idle = now - state.lastActivityAt;
  if (state.openStreams > 0 && idle >= IDLE_PATIENCE_US) {
    return {
      health: 'idle',
      verdict: `idle ${lasting(idle / 1000)}`,
      sentence: `${plural(state.openStreams, 'stream')} ${state.openStreams === 1 ? 'is' : 'are'} open and nothing moves since ${lasting(idle / 1000)}.`,
    };
  }
  return { health: 'healthy', verdict: 'healthy', sentence: 'Nothing stands in the way.' };
}

/** The first stream that could not send for long enough to be remarked upon, null when all can. */
export function stuckStream(entry: ConnectionEntry, now: number): number | null {
  for (const { state } of entry.open.values()) {
    if (state.blocked !== Blocked.NOT && now - state.blockedSince >= PATIENCE_US) return state.stream;
  }
  return null;
}

function other(connection: ConnectionEntry): string {
  return connection.facts.leg === 0 ? 'the client' : 'the backend';
}

function streamLink(state: StreamState, noun = 'Stream'): SentencePart {
  return { text: `${noun} ${state.stream}`, connection: state.connection, stream: state.stream };
}

function pairLink(pair: { readonly connection: number; readonly stream: number }): SentencePart {
  return { text: `stream ${pair.stream} of connection ${pair.connection}`, ...pair };
}

function stuck(
  code: string,
  tone: Verdict['tone'],
  short: string,
  sentence: readonly SentencePart[],
  since: number,
  rfc: string,
): Verdict {
  return { code, tone, short, sentence, since, rfc };
}
