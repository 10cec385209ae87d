/**
 * The gateway's client side, from an accepted socket to an exchange:
 *
 *     cleartext port -- sniff --+--> Http2Listener --> Http2Leg --+
 *                               |         ^ Upgrade: h2c          +--> accept(request, leg)
 *     TLS port ------- ALPN ----+--> Http1Listener --> Http1Leg --+
 */
import type { DevelopmentCa, ListenAddress } from '@glassway/tls-alpn';
import { NO_RECORDS, type RecordSink } from '../exchange/record.ts';
import { NO_TRACE, type Trace } from '../trace/trace.ts';
import type { Accept, ListenerContext } from './context.ts';
import { Doors, type Places, type Rebound } from './doors.ts';
import { Http1Listener } from './http1.ts';
import { Http2Listener } from './http2.ts';
import { type ListenerLimits, resolveListenerLimits } from './limits.ts';
import { Clients } from './proxy-protocol.ts';
import { type ConnectionState, type DrainReport, Registry } from './registry.ts';

export type { HttpOptions } from './cleartext-port.ts';
export type { Accept } from './context.ts';
export type { Places, Rebound } from './doors.ts';
export { DEFAULT_LISTENER_LIMITS, type ListenerLimits } from './limits.ts';
export type { ConnectionState, CutConnection, DrainReport } from './registry.ts';
export type { HttpsOptions } from './tls.ts';

/** What `startListeners` needs. */
export interface ListenersOptions extends Places {
  /** Takes each request over. */
  readonly accept: Accept;
  /**
   * Whether the peer at an address is a balancer that begins every connection with a PROXY protocol header (version 1 or
   * 2). Its connections must have one, everybody else's must not. Default: nobody.
   */
  readonly proxyProtocol?: (address: string) => boolean;
  readonly trace?: Trace;
  /** Hears of requests that are refused here, and of what is done to connections. Default: nobody. */
  readonly records?: RecordSink;
  /** Name of the response field that carries the reason of a refusal. Default: none. */
  readonly reasonHeader?: string;
  readonly limits?: Partial<ListenerLimits>;
  /** Whether clients may read the state of their HTTP/2 connection at /.well-known/h2/state. Default false. */
  readonly debugState?: boolean;
}

/** The ports in use. */
export interface Listeners {
  /** Null: not listening in cleartext. */
  readonly http: ListenAddress | null;
  /** Null: not listening with TLS. */
  readonly https: ListenAddress | null;
  /** Where the certificates come from when none were given; null otherwise. */
  readonly developmentCa: DevelopmentCa | null;
  /** Client connections open now. */
  readonly connections: number;
  /** Connections accepted, and closed at once because of a limit, since the start. */
  readonly counts: Registry['counts'];
  /** Every open connection. */
  list(): ConnectionState[];
  /** Other limits from now on; connections that are open keep the HTTP/2 settings they announced. */
  configure(limits: Partial<ListenerLimits>): void;
  /** Whether `rebind` would have to close a port before it can open another one. */
  collides(places: Places): boolean;
  /**
   * Listens elsewhere: opens what is new, and on `commit` closes what is gone, whose connections finish what they have begun.
   * Rejects with everything as it was when an address cannot be opened.
   */
  rebind(places: Places): Promise<Rebound>;
  /**
   * Stops accepting, lets every connection finish what it has begun (GOAWAY in two steps on HTTP/2, Connection: close
   * on HTTP/1.1), and after `deadlineMs` (0: at once) closes the rest. A second call cuts the first one's deadline short.
   */
  close(deadlineMs: number): Promise<DrainReport>;
}

/** Binds the ports. Throws when one cannot be bound, with nothing left open. */
export async function startListeners(options: ListenersOptions): Promise<Listeners> {
  const limits = resolveListenerLimits(options.limits);
  const registry = new Registry(limits);
  const {
    accept,
    trace = NO_TRACE,
    proxyProtocol = null,
    records = NO_RECORDS,
    reasonHeader = '',
    debugState = false,
  } = options;
  const clients = new Clients(proxyProtocol, limits.negotiationTimeoutMs);
  const context: ListenerContext = { accept, trace, limits, registry, clients, records, reasonHeader, debugState };
  const http2 = new Http2Listener(context);
  const http1 = new Http1Listener(context, (socket, settings, request) => http2.upgrade(socket, settings, request));
  const doors = new Doors(context, http1, http2);
  try {
    (await doors.rebind(options)).commit();
  } catch (error) {
    http1.close();
    http2.close();
    throw error;
  }
  return {
    get http() {
      return doors.http;
    },
    get https() {
      return doors.https;
    },
    get developmentCa() {
      return doors.developmentCa;
    },
    get connections() {
      return registry.size;
    },
    get counts() {
      return registry.counts;
    },
    list: () => registry.list(),
    configure: given => {
      context.limits = resolveListenerLimits(given);
      registry.configure(context.limits);
      http1.configure();
    },
    collides: places => doors.collides(places),
    rebind: places => doors.rebind(places),
    close: async deadlineMs => {
      clients.close();
      await doors.close();
      const report = await registry.close(deadlineMs);
      http1.close();
      http2.close();
      return report;
    },
  };
}
