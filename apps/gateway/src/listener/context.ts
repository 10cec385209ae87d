import type { ClientLeg, ClientLegEvents, RequestMessage } from '../exchange/legs.ts';
import type { Reason } from '../exchange/reason.ts';
import type { RecordSink } from '../exchange/record.ts';
import type { ConnectionFacts, Trace } from '../trace/trace.ts';
import type { ListenerLimits } from './limits.ts';
import type { Clients } from './proxy-protocol.ts';
import type { Registry } from './registry.ts';

/** Takes a request over: called once per request, synchronously; sets `leg.events` before it returns. Must not throw. */
export type Accept = (request: RequestMessage, leg: ClientLeg) => void;

/** What every listener and every client connection works with. */
export interface ListenerContext {
  readonly accept: Accept;
  readonly trace: Trace;
  /** Replaced as a whole by a reload. */
  limits: ListenerLimits;
  readonly registry: Registry;
  readonly clients: Clients;
  /** Hears of requests that are refused here, and of what is done to connections. */
  readonly records: RecordSink;
  /** Name of the response field that carries the reason of a refusal; empty: none. */
  readonly reasonHeader: string;
  /** Whether clients may read the state of their HTTP/2 connection. */
  readonly debugState: boolean;
}

/** Hears nothing: a leg's listener before the exchange took it, and after its last call. */
export const NO_EVENTS: ClientLegEvents = {
  onBody: () => {},
  onTrailers: () => {},
  onWritable: () => {},
  onAbort: () => {},
  onFinished: () => {},
};

/** What is known of the TLS under a connection. */
export interface TlsFacts {
  /** `TLSv1.3` or `TLSv1.2`. */
  readonly version: string;
  /** The IANA name of the cipher suite. */
  readonly cipher: string;
  /** The name the client asked for by SNI, lower case, empty when none. */
  readonly servername: string;
  /** Subject of the client's verified certificate, RFC 4514; absent: it showed none. */
  readonly clientSubject?: string;
  /** Why a request for this authority may not be served on the connection, null: it may. Absent: all may. */
  readonly judgeAuthority?: (authority: string) => Reason | null;
}

/** The part of the facts that observers get. */
export function tlsForTrace(tls: TlsFacts | null): ConnectionFacts['tls'] {
  if (tls === null) return null;
  const { version, cipher, servername } = tls;
  return { version, cipher, servername };
}
