/** What a verdict is, and what it is made from. */
import type { BackendState, ConnectionFacts, ConnectionState, StreamFacts, StreamState } from '../rows.ts';

/** Why a stream does not move, in the order in which causes are looked for. */
export const VerdictCode = {
  /** All streams that the backend's connections allow are in use (HTTP/1.1: all connections). */
  MAX_CONCURRENT: 'MAX_CONCURRENT',
  /** The backend's connection takes no more streams after a GOAWAY, and there is no other yet. */
  GOAWAY_DRAIN: 'GOAWAY_DRAIN',
  /** A connection to the backend is being made. */
  CONNECTING: 'CONNECTING',
  /** Octets wait for the connection's send window. */
  SESSION_SEND_WINDOW: 'SESSION_SEND_WINDOW',
  /** Octets wait for the stream's own send window. */
  STREAM_SEND_WINDOW: 'STREAM_SEND_WINDOW',
  /** Octets wait for the socket. */
  TRANSPORT: 'TRANSPORT',
  /** Octets wait for their turn: other streams are served first. */
  SCHEDULER: 'SCHEDULER',
  /** A field section was begun and not finished, so that nothing else can arrive on the connection. */
  HEADER_BLOCK_OPEN: 'HEADER_BLOCK_OPEN',
  /** The gateway holds window back, because the other leg does not take what was received. */
  LOCAL_BACKPRESSURE: 'LOCAL_BACKPRESSURE',
  /** The whole body came, but not the end of the message. */
  AWAITING_TRAILERS: 'AWAITING_TRAILERS',
  /** The backend has not sent what it owes. */
  BACKEND_IDLE: 'BACKEND_IDLE',
  /** The client has not sent the rest of its request. */
  CLIENT_IDLE: 'CLIENT_IDLE',
  /** Both directions are open and neither side says anything: what a conversation does between two sentences. */
  BOTH_IDLE: 'BOTH_IDLE',
  /** The cause is on the other leg, of which nothing is known. */
  UPSTREAM: 'UPSTREAM',
} as const;
/** One of `VerdictCode`. */
export type VerdictCode = (typeof VerdictCode)[keyof typeof VerdictCode];

/** A piece of a sentence; one with a target is a link to that connection or stream. */
export interface SentencePart {
  readonly text: string;
  readonly connection?: number;
  readonly stream?: number;
}

/** Why a stream does not move, or how it ended. */
export interface Verdict {
  /** A `VerdictCode`; of a stream that is over, the error code's or the reason's name in capitals. */
  readonly code: string;
  /** The cause is on the stream's other leg. */
  readonly upstream: boolean;
  /** `quiet`: worth knowing, but nothing is wrong. */
  readonly tone: 'bad' | 'warn' | 'quiet';
  /** For a badge: `connection window 0`. */
  readonly short: string;
  /** One plain sentence, perhaps with a second that names the cause behind it. */
  readonly sentence: readonly SentencePart[];
  /** Since when, in t; -1 when it is no matter of time. */
  readonly since: number;
  /** Octets that wait, 0 when none do or nobody knows. */
  readonly bytes: number;
  /** RFC section to read, such as `9113 6.9.1`; empty when none. */
  readonly rfc: string;
}

/** A stream as the engine looks at it. */
export interface StreamView {
  readonly facts: StreamFacts;
  readonly state: StreamState;
}

/** A connection as the engine looks at it. */
export interface ConnectionView {
  readonly facts: ConnectionFacts;
  readonly state: ConnectionState;
  /** Streams of it that are not closed, at least. */
  readonly streams: ReadonlyMap<number, StreamView>;
}

/** Everything the engine may look up. */
export interface VerdictWorld {
  connection(id: number): ConnectionView | undefined;
  /** What exchanges of this worker (0: there is only one) wait for that want this backend. */
  backend(url: string, worker: number): BackendState | undefined;
}

/** The words of a sentence without its links. */
export function plainText(parts: readonly SentencePart[]): string {
  let text = '';
  for (const part of parts) text += part.text;
  return text;
}
