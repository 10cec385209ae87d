/**
 * Why a stream does not move, from the state alone, as one sentence. The first cause that fits wins:
 *
 *     not opened         MAX_CONCURRENT, GOAWAY_DRAIN, CONNECTING
 *     octets to send     SESSION_SEND_WINDOW, STREAM_SEND_WINDOW, SCHEDULER or TRANSPORT
 *     octets to receive  HEADER_BLOCK_OPEN, LOCAL_BACKPRESSURE, AWAITING_TRAILERS, and whoever owes the next octets;
 *                        for what the backend owes, the cause is looked for on the other leg
 *
 * What looks like a stall and is none gets no verdict: END_STREAM with a window of 0, a window below zero with nothing to
 * send, a receiver that returns window only by halves, whatever moved a moment ago.
 */
import type { StreamState } from '../rows.ts';
import { StateNumber } from '../vocabulary.ts';
import { bytes, count, plural } from '../words.ts';
import { ending } from './ending.ts';
import { holdersOf, sending } from './sending.ts';
import type { ConnectionView, SentencePart, StreamView, Verdict, VerdictWorld } from './types.ts';
import { connectionLink, pairLink, peerOf, streamLink, time, verdict } from './words.ts';

/** A stream without progress for less than this, in microseconds, is not remarked upon. */
export const PATIENCE_US = 250_000;
/** A party that owes octets is allowed this long, in microseconds, before its silence is more than worth knowing. */
export const IDLE_PATIENCE_US = 1_000_000;

/** Makes verdicts. What it remembers it forgets with every `look`. */
export class VerdictEngine {
  readonly #world: VerdictWorld;
  readonly #holders = new Map<number, readonly SentencePart[]>();
  #now = 0;

  constructor(world: VerdictWorld) {
    this.#world = world;
  }

  /** The world may have changed since: call before the verdicts of one moment. `now`: microseconds, as in the rows. */
  look(now: number): this {
    this.#now = now;
    this.#holders.clear();
    return this;
  }

  /** The verdict on a stream, null when there is nothing to say. */
  on(connection: ConnectionView, stream: StreamView): Verdict | null {
    const { state } = stream;
    if (state.closedAt >= 0 || state.state === StateNumber.CLOSED || connection.facts.closedAt >= 0)
      return ending(connection, stream);
    return this.#stuck(connection, stream);
  }

  #stuck(connection: ConnectionView, stream: StreamView): Verdict | null {
    const { state } = stream;
    const now = this.#now;
    if (state.queuedSince >= 0) {
      return now - state.queuedSince >= PATIENCE_US ? this.#notOpened(connection, stream) : null;
    }
    if (state.stalledSince >= 0 && now - state.stalledSince >= PATIENCE_US) {
      return sending(connection, stream, now, PATIENCE_US, this.#holdersOf(connection));
    }
    if (state.lastProgressAt < 0 || now - state.lastProgressAt < PATIENCE_US) return null;
    // It has octets to send and a moment to wait for them.
    if (state.stalledSince >= 0) return null;
    if (state.endReceivedAt < 0) {
      const open = this.#headerBlock(connection, stream);
      if (open !== null) return open;
    }
    if (state.withheldBytes > 0) {
      return now - state.withheldSince >= PATIENCE_US ? this.#withheld(connection, stream) : null;
    }
    return connection.facts.leg === 0 ? this.#client(connection, stream) : this.#backend(connection, stream);
  }

  #holdersOf(connection: ConnectionView): readonly SentencePart[] {
    const { id } = connection.facts;
    let found = this.#holders.get(id);
    if (found === undefined) {
      found = holdersOf(connection);
      this.#holders.set(id, found);
    }
    return found;
  }

  /** The silence of whoever owes the next octets. */
  #idle(state: StreamState): { readonly since: number; readonly lasts: string; readonly tone: Verdict['tone'] } {
    const since = state.lastProgressAt;
    const us = this.#now - since;
    return { since, lasts: time(us), tone: us >= IDLE_PATIENCE_US ? 'warn' : 'quiet' };
  }

  #notOpened(connection: ConnectionView, { facts, state }: StreamView): Verdict {
    const since = state.queuedSince;
    const lasts = time(this.#now - since);
    const url = facts.waitsFor;
    const backend = url === '' ? undefined : this.#world.backend(url, connection.facts.worker ?? 0);
    const name = url === '' ? 'a backend' : url;
    const start: SentencePart[] = [
      streamLink(connection, state),
      { text: ` is not on a backend yet since ${lasts}: ` },
    ];
    const holder = backend?.connection ?? 0;
    const told = (code: string, short: string, rest: readonly SentencePart[], rfc: string): Verdict =>
      verdict(code, 'warn', short, [...start, ...rest], since, 0, rfc);
    switch (backend?.obstacle) {
      case 'max-concurrent': {
        const other = holder === 0 ? undefined : this.#world.connection(holder);
        if (other === undefined) {
          return told('MAX_CONCURRENT', 'backend busy', [{ text: `all connections to ${name} are in use.` }], '');
        }
        const limit = other.facts.settings.received.find(([id]) => id === 3)?.[1] ?? other.state.openStreams;
        const rest = [
          connectionLink(holder),
          {
            text: ` to ${name} has ${count(other.state.openStreams)} of ${plural(limit, 'stream')} open, all that its SETTINGS_MAX_CONCURRENT_STREAMS allows, and no other connection is ready.`,
          },
        ];
        return told('MAX_CONCURRENT', 'no stream free', rest, '9113 5.1.2');
      }
      case 'goaway-drain': {
        const rest = [
          ...(holder === 0 ? [{ text: 'the connection' }] : [connectionLink(holder)]),
          { text: ` to ${name} takes no new streams after its GOAWAY, and no other connection is ready.` },
        ];
        return told('GOAWAY_DRAIN', 'backend draining', rest, '9113 6.8');
      }
      default:
        return told('CONNECTING', `connecting ${lasts}`, [{ text: `a connection to ${name} is being made.` }], '');
    }
  }

  /** RFC 9113 6.10: between HEADERS and the end of its block no other frame may come, of any stream. */
  #headerBlock(connection: ConnectionView, { state }: StreamView): Verdict | null {
    const { headerBlockStream: opener, headerBlockSince: since } = connection.state;
    if (opener === 0 || this.#now - since < PATIENCE_US) return null;
    const lasts = time(this.#now - since);
    const own = opener === state.stream;
    const sentence: SentencePart[] = own
      ? [
          streamLink(connection, state),
          {
            text: `’s field section is unfinished since ${lasts}: ${peerOf(connection)} sent HEADERS without END_HEADERS and no CONTINUATION that ends it, so nothing else can arrive on `,
          },
          connectionLink(state.connection),
          { text: '.' },
        ]
      : [
          streamLink(connection, state),
          { text: ' can receive nothing: ' },
          { text: `stream ${opener}`, connection: state.connection, stream: opener },
          { text: `’s field section is unfinished since ${lasts}, and until it ends nothing else can arrive on ` },
          connectionLink(state.connection),
          { text: '.' },
        ];
    return verdict('HEADER_BLOCK_OPEN', 'bad', 'headers unfinished', sentence, since, 0, '9113 6.10');
  }

  #withheld(connection: ConnectionView, { facts, state }: StreamView): Verdict {
    const since = state.withheldSince;
    const sentence: SentencePart[] = [
      { text: `The gateway holds ${bytes(state.withheldBytes)} of window back from ` },
      streamLink(connection, state, false),
      { text: ` since ${time(this.#now - since)}, because ` },
    ];
    if (facts.pair === null) sentence.push({ text: 'what it received has not been passed on.' });
    else {
      sentence.push(pairLink(facts.pair), { text: ' does not take what it received.' });
      const cause = this.#other(facts.pair);
      if (cause !== null && cause.code !== 'LOCAL_BACKPRESSURE') sentence.push({ text: ' ' }, ...cause.sentence);
    }
    return verdict(
      'LOCAL_BACKPRESSURE',
      'warn',
      'read paused by us',
      sentence,
      since,
      state.withheldBytes,
      '9113 5.2.2',
    );
  }

  /** What stops the stream on the other leg, null: nothing, or nothing is known of it. */
  #other(pair: { readonly connection: number; readonly stream: number }): Verdict | null {
    const connection = this.#world.connection(pair.connection);
    const stream = connection?.streams.get(pair.stream);
    if (connection === undefined || stream === undefined) return null;
    if (stream.state.closedAt >= 0 || connection.facts.closedAt >= 0) return null;
    const { leg } = connection.facts;
    // The client's leg looks at the backend's, never back: a cause would be looked for in circles.
    if (leg === 1) return this.#stuck(connection, stream);
    const { state } = stream;
    if (state.stalledSince < 0 || this.#now - state.stalledSince < PATIENCE_US) return null;
    return sending(connection, stream, this.#now, PATIENCE_US, this.#holdersOf(connection));
  }

  #client(connection: ConnectionView, stream: StreamView): Verdict | null {
    const { facts, state } = stream;
    const { since, lasts, tone } = this.#idle(state);
    if (state.endSentAt >= 0) {
      if (state.endReceivedAt >= 0) return null;
      const sentence = [
        streamLink(connection, state),
        { text: ` was answered in full, but the client has not ended its request since ${lasts}.` },
      ];
      return verdict('CLIENT_IDLE', 'quiet', `client idle ${lasts}`, sentence, since, 0, '9113 8.1');
    }
    const trailers = this.#awaitsTrailers(connection, stream);
    if (trailers !== null) return trailers;
    const { pair } = facts;
    const other = pair === null ? null : this.#other(pair);
    if (pair !== null && other !== null) {
      const sentence: SentencePart[] = [
        streamLink(connection, state),
        { text: ' waits for the backend. On ' },
        connectionLink(pair.connection),
        { text: ': ' },
        ...other.sentence,
      ];
      return { ...other, upstream: true, sentence };
    }
    if (state.endReceivedAt < 0) {
      const begun = state.headSentAt >= 0;
      const rest = begun
        ? ` is open in both directions, and neither side has sent anything since ${lasts}.`
        : `: the client has sent nothing more of its request since ${lasts}.`;
      const sentence = [streamLink(connection, state), { text: rest }];
      const code = begun ? 'BOTH_IDLE' : 'CLIENT_IDLE';
      return verdict(code, 'quiet', begun ? `idle ${lasts}` : `client idle ${lasts}`, sentence, since, 0, '');
    }
    const missing = state.headSentAt < 0 ? 'an answer' : 'more of the answer';
    const sentence: SentencePart[] = [
      streamLink(connection, state),
      { text: ` waits for ${missing} since ${lasts}` },
      ...(pair === null ? [] : [{ text: ' from ' }, pairLink(pair)]),
      { text: '.' },
    ];
    return verdict('UPSTREAM', tone, `waiting ${lasts}`, sentence, since, 0, '');
  }

  #backend(connection: ConnectionView, stream: StreamView): Verdict | null {
    const { facts, state } = stream;
    if (state.endReceivedAt >= 0) return null;
    const { since, lasts, tone } = this.#idle(state);
    const trailers = this.#awaitsTrailers(connection, stream);
    if (trailers !== null) return trailers;
    // What it sent waits for the client; the gateway will hold window back from it sooner or later.
    const client = facts.pair === null ? null : this.#other(facts.pair);
    if (client !== null && facts.pair !== null) {
      const sentence: SentencePart[] = [
        streamLink(connection, state),
        { text: ' waits until ' },
        pairLink(facts.pair),
        { text: ' can send on what came so far. ' },
        ...client.sentence,
      ];
      return verdict(
        'LOCAL_BACKPRESSURE',
        'warn',
        'client cannot take more',
        sentence,
        since,
        client.bytes,
        '9113 5.2.2',
      );
    }
    const begun = state.headReceivedAt >= 0;
    if (state.endSentAt < 0) {
      const rest = begun
        ? ` is open in both directions, and neither side has sent anything since ${lasts}.`
        : `: the request has not ended, and the client has sent nothing more of it since ${lasts}.`;
      const sentence = [streamLink(connection, state), { text: rest }];
      const code = begun ? 'BOTH_IDLE' : 'CLIENT_IDLE';
      return verdict(code, 'quiet', begun ? `idle ${lasts}` : `client idle ${lasts}`, sentence, since, 0, '');
    }
    const what = begun
      ? `has sent nothing more since ${lasts}, after ${bytes(state.bytesReceived)}`
      : `has not answered since ${lasts}`;
    const sentence = [streamLink(connection, state), { text: `: the backend ${what}.` }];
    return verdict('BACKEND_IDLE', tone, `backend idle ${lasts}`, sentence, since, 0, '');
  }

  /** The body is all there, by its length, or trailers were announced and it has paused: the end is missing. */
  #awaitsTrailers(connection: ConnectionView, { facts, state }: StreamView): Verdict | null {
    if (state.endReceivedAt >= 0) return null;
    const length = connection.facts.leg === 0 ? facts.requestLength : facts.responseLength;
    const complete = length > 0 && state.bytesReceived >= length;
    const announced = connection.facts.leg === 1 && facts.announcesTrailers && state.bytesReceived > 0;
    if (!complete && !announced) return null;
    const { since, lasts, tone } = this.#idle(state);
    const what = complete
      ? `all ${bytes(length)} of the body came from ${peerOf(connection)}, but not the end of the message (END_STREAM or trailers)`
      : `${bytes(state.bytesReceived)} of the body came, and ${peerOf(connection)} announced trailers, but neither more nor they have come`;
    const sentence = [streamLink(connection, state), { text: `: ${what} since ${lasts}.` }];
    return verdict('AWAITING_TRAILERS', tone, `no trailers ${lasts}`, sentence, since, 0, '9113 8.1');
  }
}

/** True when the verdict is about a stream that should move and does not. */
export function isStuck(told: Verdict | null): boolean {
  return told !== null && told.since >= 0 && told.tone !== 'quiet';
}
