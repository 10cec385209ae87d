/** Verdicts on streams with octets to send (RFC 9113 5.2, 6.9). */
import { bytes, count } from '../words.ts';
import type { ConnectionView, SentencePart, StreamView, Verdict } from './types.ts';
import { connectionLink, peerOf, streamLink, time, verdict } from './words.ts';

const MAX_HOLDERS = 4;
const INITIAL_WINDOW_SIZE = 4;
const DEFAULT_WINDOW = 65_535;

/** Why octets that wait since `state.stalledSince` do not leave. `patience`: see `VerdictEngine`. */
export function sending(
  connection: ConnectionView,
  stream: StreamView,
  now: number,
  patience: number,
  holders: readonly SentencePart[],
): Verdict {
  const { state } = stream;
  const since = state.stalledSince;
  const lasts = time(now - since);
  const start: SentencePart[] = [
    streamLink(connection, state),
    { text: `${state.pendingBytes > 0 ? ` has ${bytes(state.pendingBytes)} to send` : ' has octets to send'}, but ` },
  ];
  const told = (code: string, short: string, rest: readonly SentencePart[], rfc: string): Verdict =>
    verdict(code, 'bad', short, [...start, ...rest], since, state.pendingBytes, rfc);
  const h2 = connection.facts.protocol === 'h2';
  const window = connection.state.sendWindow;
  // Where others get through, what stops this stream is neither the shared window nor the shared socket.
  const served = now - connection.state.dataSentAt < patience;
  if (h2 && window <= 0 && !served) {
    const negative = window < 0 ? negativeWindow : '';
    const rest = [
      connectionLink(state.connection),
      { text: `’s window is ${count(window)} since ${lasts}${negative}.` },
      ...(holders.length > 0
        ? holders
        : [{ text: ` ${granted(connection.state.grantedAt, peerOf(connection), now)}` }]),
    ];
    return told('SESSION_SEND_WINDOW', `connection window ${count(window)}`, rest, '9113 6.9.1');
  }
  if (h2 && state.sendWindow <= 0) {
    const negative = state.sendWindow < 0 ? negativeWindow : '';
    const rest = [
      { text: `its own window is ${count(state.sendWindow)} since ${lasts}${negative}. ` },
      { text: granted(state.grantedAt, peerOf(connection), now) },
    ];
    return told('STREAM_SEND_WINDOW', `stream window ${count(state.sendWindow)}`, rest, '9113 6.9.1');
  }
  if (served) {
    const rest = [
      { text: `other streams of ` },
      connectionLink(state.connection),
      { text: ` have been served first since ${lasts}.` },
    ];
    return told('SCHEDULER', 'others first', rest, '9218 10');
  }
  const slow = `the socket is full since ${lasts}: ${peerOf(connection)} or the network reads too slowly.`;
  return told('TRANSPORT', 'socket full', [{ text: slow }], '');
}

const negativeWindow = ', below zero because SETTINGS made all windows smaller (RFC 9113 6.9.2)';

function granted(at: number, peer: string, now: number): string {
  if (at < 0) return `No WINDOW_UPDATE ever came for it from ${peer}.`;
  return `The last WINDOW_UPDATE for it came ${time(now - at)} ago from ${peer}.`;
}

/**
 * Streams whose own window is below where it began hold octets that the peer has not returned to the connection either.
 * Empty when there is none.
 */
export function holdersOf(connection: ConnectionView): readonly SentencePart[] {
  const { facts } = connection;
  const initial = facts.settings.received.find(([id]) => id === INITIAL_WINDOW_SIZE)?.[1] ?? DEFAULT_WINDOW;
  const held: { stream: number; octets: number }[] = [];
  for (const { state } of connection.streams.values()) {
    if (state.closedAt >= 0) continue;
    const octets = Math.min(state.bytesSent, initial - state.sendWindow);
    if (octets > 0) held.push({ stream: state.stream, octets });
  }
  if (held.length === 0) return [];
  held.sort((a, b) => b.octets - a.octets);
  const named = held.slice(0, MAX_HOLDERS);
  const sum = held.reduce((total, { octets }) => total + octets, 0);
  const one = held.length === 1;
  const parts: SentencePart[] = [{ text: one ? ' Stream ' : ' Streams ' }];
  named.forEach(({ stream }, at) => {
    if (at > 0) parts.push({ text: at === named.length - 1 && held.length === named.length ? ' and ' : ', ' });
    parts.push({ text: String(stream), connection: facts.id, stream });
  });
  if (held.length > named.length) parts.push({ text: ` and ${held.length - named.length} more` });
  parts.push({ text: ` ${one ? 'holds' : 'hold'} ${bytes(sum)} that ${peerOf(connection)} has not returned.` });
  return parts;
}
