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
import type { PseudoField } from '../message/pseudo-order.ts';
import { resolveOptions } from '../options/resolve-options.ts';
import { initialSettings } from '../settings/initial-settings.ts';
import { type BodySource, readerOf } from './body-source.ts';
import { Exchange } from './client-exchange.ts';
import type { ClientLink } from './client-link.ts';
import { type ClientListeners, ClientState } from './client-state.ts';
import { DuplexDriver } from './duplex-driver.ts';
import { checkObject } from './given.ts';
import { flatten, type HeadersInput } from './headers.ts';
import { utf8 } from './host.ts';
import { pipe } from './pipe.ts';
import { SessionConnection, type ShutdownOptions } from './session-connection.ts';
import { checkOptions, type SessionOptions } from './session-options.ts';
import type { ShutdownReport } from './session-state.ts';
import { clockOf, driverOf, type Transport } from './transport.ts';
import { settingsField } from './upgrade-settings.ts';
import type { AbortSignalLike } from './web-streams.ts';

export { Exchange } from './client-exchange.ts';
export { ClientResponse, Informational, PushedRequest } from './client-response.ts';
export type { ClientListeners } from './client-state.ts';
export * from './exports.ts';

/** Options of `handshake` and `connect`; all have defaults. */
export interface ClientOptions
  extends Omit<SessionOptions, 'enableConnectProtocol' | 'prefaceReceived'>,
    ClientListeners {
  /** `:scheme` of requests that name none. Default `https` over a TLS socket, else `http`. */
  readonly scheme?: string;
  /** `:authority` of requests that name none: host and optional port. Without it each request names its own. */
  readonly authority?: string;
  /**
   * Let the server push. Default false: promises of a server that does so all the same are reset with CANCEL, also where it
   * has not acknowledged our SETTINGS yet.
   */
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
  /** Order of the pseudo-fields; what is left out follows. Default: the connection's. */
  readonly pseudoOrder?: readonly PseudoField[];
  /** False: the body is written to `Exchange.body`. Default: true without a body, but false for CONNECT. */
  readonly endStream?: boolean;
  /**
   * Gives the request up when it is aborted: RST_STREAM with CANCEL, and an error whose `cause` is the signal's reason. One
   * that has been aborted before keeps the request from being made.
   */
  readonly signal?: AbortSignalLike | null;
}

/** A request that certainly was not processed. */
export interface RetryableRequest extends RequestHead {
  /**
   * It has no body, or one given whole, as text or octets: the program has all it takes to send it again. False for a body
   * from a source or written piece by piece, of which some may be gone (see `Exchange.isReplayable`).
   */
  readonly isReplayable: boolean;
}

/** How a client's graceful shutdown went. */
export interface ClientShutdownReport extends ShutdownReport {
  /** Requests that certainly were not processed, though they may have been sent: safe to send again elsewhere. */
  readonly retryable: readonly RetryableRequest[];
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
   * core's 10,000. A body is sent at the server's pace; how it fares shows in `response`. A bad head, a body that is none
   * (`api.body`) or that has another length than its content-length throws a `UsageError`, and nothing is sent; what goes
   * wrong on the way fails `response`. With a `signal` that has been aborted nothing is sent either, and `response` fails.
   */
  request(init: RequestHeadInit, body?: BodySource | null): Exchange {
    const head = requestHead(init, this.scheme, this.authority);
    const { signal } = init;
    if (signal !== undefined && signal !== null) checkSignal(signal);
    const given = body ?? undefined;
    const whole = typeof given === 'string' ? utf8(given) : given instanceof Uint8Array ? given : null;
    if (whole !== null) checkLength(head, whole.length);
    // Opened before anything is sent: what is no body must not leave a request behind that never ends.
    const source = whole === null && given !== undefined ? readerOf(given) : null;
    const endStream = given === undefined && (init.endStream ?? head.method !== 'CONNECT');
    const isReplayable = whole !== null || endStream;
    if (signal?.aborted === true) {
      source?.cancel(signal.reason);
      return new Exchange(this.session.aborted(head, isReplayable, signal.reason));
    }
    let link: ClientLink;
    try {
      link = this.session.request(head, endStream, isReplayable);
    } catch (error) {
      source?.release();
      throw error;
    }
    const exchange = new Exchange(link);
    if (signal !== undefined && signal !== null) link.follow(signal);
    if (whole !== null) exchange.body.end(whole);
    // Whatever fails here resets the stream, which is told by the response.
    else if (source !== null) pipe(source, exchange.body, link, true).catch(() => {});
    return exchange;
  }

  override async shutdown(options: ShutdownOptions = {}): Promise<ClientShutdownReport> {
    const { session } = this;
    session.unprocessed ??= [];
    const report = await session.shutdown(options);
    return { ...report, retryable: session.unprocessed };
  }
}

/**
 * Begins HTTP/2 as the client on `transport`: a Node stream, a pair of WHATWG streams or an end of `pair()`. A socket that
 * is still connecting is waited for; when it fails the promise does, with an `H2Error` that has the socket's error as
 * `cause`. The server's SETTINGS are not waited for: requests may be made at once. Bad options throw a `UsageError`.
 */
export async function handshake(transport: Transport, options: ClientOptions = {}): Promise<ClientConnection> {
  const session = new ClientState(options, clockOf(transport));
  const { scheme, authority = '' } = options;
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

/** A client's connection that began as HTTP/1.1, and the request that asked for the upgrade. */
export interface UpgradedClient {
  readonly connection: ClientConnection;
  /** Stream 1: `response` is the answer to the HTTP/1.1 request. */
  readonly exchange: Exchange;
}

/**
 * The value of HTTP2-Settings for an HTTP/1.1 request that asks for `Upgrade: h2c` (RFC 7540 3.2.1), to go with
 * `connection: Upgrade, HTTP2-Settings`: what `options` say, which must be those given to `handshakeUpgraded` then.
 */
export function upgradeSettings(options: ClientOptions = {}): string {
  checkOptions(options);
  return settingsField(initialSettings(false, resolveOptions('client', options)));
}

/**
 * Begins HTTP/2 as the client after the server has answered an HTTP/1.1 request with `Upgrade: h2c` by 101 (RFC 7540 3.2).
 * `request` is that request, which must have had no body; what followed 101 on the transport belongs to HTTP/2
 * (`socket.unshift`). A bad head throws a `UsageError`.
 */
export async function handshakeUpgraded(
  transport: Transport,
  upgraded: { readonly request: RequestHeadInit },
  options: ClientOptions = {},
): Promise<UpgradedClient> {
  checkOptions(options);
  checkObject('api.upgrade', 'what was upgraded is an object such as { request }', upgraded);
  const { scheme = 'http', authority = '' } = options;
  const head = requestHead(upgraded.request, scheme, authority);
  const session = new ClientState(options, clockOf(transport));
  const exchange = new Exchange(session.requestUpgraded(head));
  session.attach(driverOf(transport));
  return { connection: new ClientConnection(session, scheme, authority), exchange };
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

function checkSignal(signal: AbortSignalLike): void {
  if (typeof signal.aborted === 'boolean' && typeof signal.addEventListener === 'function') return;
  throw new UsageError('api.signal', 'the signal of a request is no AbortSignal');
}

/** Refuses a body given whole whose length is not the one announced (RFC 9113 8.1.1), before its head has left. */
function checkLength({ fields }: RequestHead, octets: number): void {
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] !== 'content-length' || Number(fields[i + 1]) === octets) continue;
    const announced = JSON.stringify(fields[i + 1]);
    throw new UsageError('api.content-length', `the body has ${octets} octets, but content-length is ${announced}`);
  }
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

/** A request's head with the connection's own scheme and authority where it names none. */
function requestHead(init: RequestHeadInit, ownScheme: string, ownAuthority: string): RequestHead {
  checkObject('api.head', "the head of a request is an object such as { path: '/' }", init);
  const method = init.method ?? 'GET';
  const protocol = init.protocol ?? '';
  const tunnel = method === 'CONNECT' && protocol === '';
  const authority = init.authority ?? ownAuthority;
  const { fields, sensitive } = flatten(init.headers);
  // RFC 9113 8.3.1: a client that does not pass on somebody else's request names the authority.
  if (authority === '' && !fields.some((name, at) => (at & 1) === 0 && name === 'host')) {
    throw new UsageError('api.authority', 'a request needs an authority: give it here or in the connection options');
  }
  const scheme = tunnel ? '' : (init.scheme ?? ownScheme);
  const path = tunnel ? '' : (init.path ?? '/');
  const head: RequestHead = { method, scheme, authority, path, protocol, fields, sensitive };
  return init.pseudoOrder === undefined ? head : { ...head, pseudoOrder: init.pseudoOrder };
}
