/**
 * The gateway's client side, from an accepted socket to an exchange:
 *
 *     cleartext port -- sniff --+--> Http2Listener --> Http2Leg --+
 *                               |         ^ Upgrade: h2c          +--> accept(request, leg)
 *     TLS port ------- ALPN ----+--> Http1Listener --> Http1Leg --+
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { DevelopmentCa, ListenAddress } from '@glassway/tls-alpn';
import { NO_RECORDS, type RecordSink } from '../exchange/record.ts';
import { NO_TRACE, type Trace } from '../trace/trace.ts';
import { sniff } from './cleartext.ts';
import type { Accept, ListenerContext } from './context.ts';
import { Http1Listener } from './http1.ts';
import { Http2Listener } from './http2.ts';
import { type ListenerLimits, resolveListenerLimits } from './limits.ts';
import { Clients } from './proxy-protocol.ts';
import { type ConnectionState, type DrainReport, Registry } from './registry.ts';
import { type HttpsOptions, listenTls } from './tls.ts';

export type { Accept } from './context.ts';
export { DEFAULT_LISTENER_LIMITS, type ListenerLimits } from './limits.ts';
export type { ConnectionState, CutConnection, DrainReport } from './registry.ts';
export type { HttpsOptions } from './tls.ts';

/** Where to listen in cleartext. */
export interface HttpOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** A unix socket instead of host and port. */
  readonly path?: string;
  /** Told about failures of the listener itself, such as a connection that cannot be accepted. Default: a warning. */
  readonly onError?: (error: Error) => void;
}

/** What `startListeners` needs. */
export interface ListenersOptions {
  /** HTTP/1.1, Upgrade h2c and prior-knowledge HTTP/2 on one port. Absent: no cleartext port. */
  readonly http?: HttpOptions;
  /** HTTP/2 and HTTP/1.1 over TLS. Absent: no TLS port. */
  readonly https?: HttpsOptions;
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
  let cleartext: Server | null = null;
  try {
    if (options.http !== undefined) cleartext = await listenCleartext(options.http, context, http1, http2);
    const tls = options.https === undefined ? null : await listenTls(options.https, context, http1, http2);
    return {
      http: cleartext === null ? null : addressOf(cleartext),
      https: tls?.listener.address ?? null,
      developmentCa: tls?.developmentCa ?? null,
      get connections() {
        return registry.size;
      },
      counts: registry.counts,
      list: () => registry.list(),
      configure: given => {
        context.limits = resolveListenerLimits(given);
        registry.configure(context.limits);
        http1.configure();
      },
      close: async deadlineMs => {
        cleartext?.close();
        clients.close();
        await tls?.listener.close();
        const report = await registry.close(deadlineMs);
        http1.close();
        http2.close();
        return report;
      },
    };
  } catch (error) {
    cleartext?.close();
    http1.close();
    http2.close();
    throw error;
  }
}

function listenCleartext(
  { host = '127.0.0.1', port = 0, path, onError: onFailure = warn }: HttpOptions,
  context: ListenerContext,
  http1: Http1Listener,
  http2: Http2Listener,
): Promise<Server> {
  const { clients, registry } = context;
  const onSocket = (socket: Socket): void => {
    // First of all: a reset may come before anyone reads. What follows it is 'close', which everyone listens to.
    socket.on('error', ignore);
    clients.identify(socket, () => {
      if (!registry.add(socket, clients.of(socket))) return;
      sniff(socket, context.limits.negotiationTimeoutMs, protocol => {
        if (protocol === 'h2') http2.serve(socket, { negotiation: 'prior-knowledge', tls: null });
        else http1.serve(socket, null);
      });
    });
  };
  // Half-open, so that a client's FIN is for the protocol to judge. The high-water mark spares large responses most of
  // their pauses; with Node's 16 KiB every second write of a response would wait for the socket.
  const server = createServer({ allowHalfOpen: true, noDelay: true, highWaterMark: 65_536 }, onSocket);
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      const why = error.code === 'EADDRINUSE' ? 'something else listens there' : error.message;
      reject(new Error(`cannot listen on ${path ?? `${host}:${port}`}: ${why}`, { cause: error }));
    };
    server.once('error', onError);
    server.listen(path === undefined ? { host, port } : { path }, () => {
      server.off('error', onError);
      // Without this a connection that cannot be accepted (no descriptors, no memory) would end the process.
      server.on('error', onFailure);
      resolve(server);
    });
  });
}

function ignore(): void {}

function warn(error: Error): void {
  process.emitWarning(`the cleartext listener: ${error.message}`, { code: 'GLASSWAY_LISTENER' });
}

function addressOf(server: Server): ListenAddress {
  const address = server.address();
  if (address === null || typeof address === 'string') return { path: address ?? '' };
  return { host: address.address, port: address.port, family: address.family === 'IPv6' ? 'IPv6' : 'IPv4' };
}
