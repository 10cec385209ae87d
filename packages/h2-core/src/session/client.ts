/**
 * The async client API: `handshake` makes a connection of a transport, `request` makes requests on it.
 *
 *     const client = await handshake(connect(80, 'example.org'), { authority: 'example.org' });
 *     const { response } = client.request({ path: '/' });
 *     const { status, body } = await response;
 *
 * The caller owns dialling and negotiation (ALPN, prior knowledge).
 *
 * @module
 */
import { H2Error, UsageError } from '../errors.ts';
import type { RequestHead } from '../handler.ts';
import type { CoreOptions } from '../options.ts';
import type { Tap } from '../tap.ts';
import type { BodySource } from './body-source.ts';
import { Exchange } from './client-exchange.ts';
import { type ClientListeners, ClientState } from './client-state.ts';
import { DuplexDriver } from './duplex-driver.ts';
import { flatten, type HeadersInput } from './headers.ts';
import { SessionConnection, type ShutdownOptions } from './session-connection.ts';
import type { ShutdownReport } from './session-state.ts';
import { driverOf, type Transport } from './transport.ts';
import type { AbortSignalLike } from './web-streams.ts';

export { ErrorCode, errorCodeName, H2Error, UsageError } from '../errors.ts';
export type { AltSvc } from '../frame/extension-frames.ts';
export type { RequestHead } from '../handler.ts';
export { type CoreOptions, resolveOptions } from '../options.ts';
export type { BodySource } from './body-source.ts';
export { Exchange } from './client-exchange.ts';
export { ClientResponse, Informational, PushedRequest } from './client-response.ts';
export type { ClientListeners } from './client-state.ts';
export type { DuplexLike } from './duplex-driver.ts';
export { type HeaderField, HeaderList, type HeadersInput } from './headers.ts';
export { pair } from './pair.ts';
export { FlowControl, RecvStream } from './recv-stream.ts';
export { SendStream } from './send-stream.ts';
export { SessionConnection, type ShutdownOptions } from './session-connection.ts';
export type {
  CloseInfo,
  CutStream,
  FrameListeners,
  GoAwayInfo,
  ShutdownReport,
  StreamCounters,
  UnknownFrame,
} from './session-state.ts';
export type { Driver, DriverSink, Transport } from './transport.ts';
export type { WebPair, WebReadable, WebWritable } from './web-driver.ts';
export type { AbortSignalLike } from './web-streams.ts';

/** Options of `handshake` and `connect`; all have defaults. */
export interface ClientOptions extends Omit<CoreOptions, 'enableConnectProtocol'>, ClientListeners {
  /** Observer of everything that happens on the connection. Default null. */
  readonly tap?: Tap | null;
  /** `:scheme` of requests that name none. Default `https` over a TLS socket, else `http`. */
  readonly scheme?: string;
  /** `:authority` of requests that name none: host and optional port. Without it each request names its own. */
  readonly authority?: string;
  /** Let the server push. Default false. */
  readonly enablePush?: boolean;
}

/** A request to make. */
export interface RequestHeadInit {
  /** Default GET. */
  readonly method?: string;
  /** Default: the connection's. Left out for ordinary CONNECT. */
  readonly scheme?: string;
  /** Default: the connection's. */
  readonly authority?: string;
  /** Path with query. Default `/`. Left out for ordinary CONNECT. */
  readonly path?: string;
  /** `:protocol` of extended CONNECT (RFC 8441): wait for `peerSettings` to learn whether the server takes it. */
  readonly protocol?: string;
  readonly headers?: HeadersInput;
  /** False: the body is written to `Exchange.body`. Default: true without a body, but false for CONNECT. */
  readonly endStream?: boolean;
  /** Resets the stream with CANCEL when it is aborted. */
  readonly signal?: AbortSignalLike;
}

/** How a client's graceful shutdown went. */
export interface ClientShutdownReport extends ShutdownReport {
  /** Requests that certainly were not processed, though they may have been sent: safe to send again elsewhere. */
  readonly retryable: readonly RequestHead[];
}

/** A client's connection. */
export class ClientConnection extends SessionConnection<ClientShutdownReport> {
  declare protected readonly session: ClientState;
  private readonly scheme: string;
  private readonly authority: string;

  constructor(session: ClientState, scheme: string, authority: string) {
    super(session);
    this.scheme = scheme;
    this.authority = authority;
  }

  /** True when a request made now opens its stream at once; else it would wait for a slot, or fail as retryable. */
  get canOpen(): boolean {
    return this.core.canOpen;
  }

  /** Settles when `canOpen` is true for the caller; fails as retryable when the connection takes no more requests. */
  ready(): Promise<void> {
    return this.session.ready();
  }

  /**
   * Makes a request. Above the server's stream limit (100 until it is known) it waits for a slot, without bound but the
   * core's 10,000. A body is sent at the server's pace; how it fares shows in `response`. A bad head throws a
   * `UsageError`; what goes wrong on the way fails `response`.
   */
  request(init: RequestHeadInit, body?: BodySource): Exchange {
    const head = this.head(init);
    const endStream = body === undefined && (init.endStream ?? head.method !== 'CONNECT');
    const link = this.session.request(head, endStream);
    const exchange = new Exchange(link);
    if (init.signal !== undefined) link.follow(init.signal);
    if (typeof body === 'string' || body instanceof Uint8Array) exchange.body.end(body);
    // Whatever fails here resets the stream, which is told by the response.
    else if (body !== undefined) exchange.body.pipeFrom(body).catch(() => {});
    return exchange;
  }

  private head(init: RequestHeadInit): RequestHead {
    const method = init.method ?? 'GET';
    const protocol = init.protocol ?? '';
    const tunnel = method === 'CONNECT' && protocol === '';
    const authority = init.authority ?? this.authority;
    const { fields, sensitive } = flatten(init.headers);
    // RFC 9113 8.3.1: a client that does not pass on somebody else's request names the authority.
    if (authority === '' && !fields.some((name, at) => (at & 1) === 0 && name === 'host')) {
      throw new UsageError('api.authority', 'a request needs an authority: give it here or in the connection options');
    }
    const scheme = tunnel ? '' : (init.scheme ?? this.scheme);
    const path = tunnel ? '' : (init.path ?? '/');
    return { method, scheme, authority, path, protocol, fields, sensitive };
  }

  override async shutdown(options: ShutdownOptions = {}): Promise<ClientShutdownReport> {
    const { session } = this;
    session.unprocessed ??= [];
    const report = await session.shutdown(options.deadlineMs, options.debugData);
    return { ...report, retryable: session.unprocessed };
  }
}

/**
 * Begins HTTP/2 as the client on `transport`: a Node stream, a pair of WHATWG streams or an end of `pair()`. A socket that
 * is still connecting is waited for; when it fails the promise does, with an `H2Error` that has the socket's error as
 * `cause`. The server's SETTINGS are not waited for: requests may be made at once. Bad options throw a `UsageError`.
 */
export async function handshake(transport: Transport, options: ClientOptions = {}): Promise<ClientConnection> {
  const { scheme, authority = '', enablePush = false } = options;
  const session = new ClientState({ ...options, enablePush });
  const driver = driverOf(transport);
  const socket = driver instanceof DuplexDriver ? driver : null;
  session.attach(driver);
  if (socket?.isConnecting === true) {
    try {
      await socket.connected();
    } catch (cause) {
      throw failedToConnect(cause);
    }
  }
  return new ClientConnection(session, scheme ?? (socket?.isEncrypted === true ? 'https' : 'http'), authority);
}

/**
 * `handshake`, and waits for the server's SETTINGS: the connection is known to speak HTTP/2 and its limits are known.
 * Fails with an `H2Error` when the server does not answer, or answers with something else.
 */
export async function connect(transport: Transport, options: ClientOptions = {}): Promise<ClientConnection> {
  const connection = await handshake(transport, options);
  await connection.peerSettings;
  return connection;
}

function failedToConnect(cause: unknown): H2Error {
  const why = cause instanceof Error ? cause.message : String(cause);
  const error = new H2Error(`the transport could not be connected: ${why}`, {
    scope: 'connection',
    code: 0,
    initiator: 'remote',
    rule: 'transport.connect',
    retryable: true,
  });
  error.cause = cause;
  return error;
}
