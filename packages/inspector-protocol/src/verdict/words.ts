/** What the engine's sentences are put together from. */
import type { StreamState } from '../rows.ts';
import { lasting } from '../words.ts';
import type { ConnectionView, SentencePart, Verdict } from './types.ts';

/** Who is at the other end of a connection. */
export function peerOf(connection: ConnectionView): string {
  return connection.facts.leg === 0 ? 'the client' : 'the backend';
}

/** `Stream 5`, a link. On HTTP/1.1 there are requests instead. */
export function streamLink(connection: ConnectionView, state: StreamState, capital = true): SentencePart {
  const noun = connection.facts.protocol === 'h2' ? 'stream' : 'request';
  const text = `${capital ? noun[0]!.toUpperCase() + noun.slice(1) : noun} ${state.stream}`;
  return { text, connection: state.connection, stream: state.stream };
}

/** `connection 3`, a link. */
export function connectionLink(id: number): SentencePart {
  return { text: `connection ${id}`, connection: id };
}

/** `stream 7 of connection 4`, a link. */
export function pairLink(pair: { readonly connection: number; readonly stream: number }): SentencePart {
  return { text: `stream ${pair.stream} of connection ${pair.connection}`, ...pair };
}

/** `1.2 s`, from microseconds. */
export function time(us: number): string {
  return lasting(us / 1000);
}

/** A verdict of this stream's own. */
export function verdict(
  code: string,
  tone: Verdict['tone'],
  short: string,
  sentence: readonly SentencePart[],
  since: number,
  bytes: number,
  rfc: string,
): Verdict {
  return { code, upstream: false, tone, short, sentence, since, bytes, rfc };
}
