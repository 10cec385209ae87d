/**
 * The async server API. `handshake` makes a connection of a transport; the connection is iterated over for its requests.
 *
 *     transport <-> Driver <-> Pump <-> Connection (sans-I/O) <-> ServerState <-> request, respond, body
 *
 * The caller owns listening and negotiation (ALPN, prior knowledge): a transport that comes here speaks HTTP/2.
 *
 * @module
 */
import { UsageError } from '../errors.ts';
import type { RequestHead } from '../handler.ts';
import { type Fingerprint, fingerprintOf } from '../opening/fingerprint.ts';
import { flatten, type HeadersInput } from './headers.ts';
import { type Accepted, ServerState } from './server-state.ts';
import { SessionConnection, type ShutdownOptions } from './session-connection.ts';
import type { SessionOptions } from './session-options.ts';
import type { ShutdownReport } from './session-state.ts';
import { clockOf, driverOf, type Transport } from './transport.ts';
import { fromBase64Url } from './upgrade-settings.ts';

export type { Fingerprint, LegacyPriority } from '../opening/fingerprint.ts';
export * from './exports.ts';
export { ServerRequest } from './server-request.ts';
export {
  type PushInit,
  type Responder,
  type ResponseHeadInit,
  SendPushedResponse,
  SendResponse,
} from './server-response.ts';
export type { Accepted } from './server-state.ts';

/** Options of `handshake`; all have defaults. */
export interface ServerOptions extends Omit<SessionOptions, 'enablePush'> {
  /**
   * The program works for as many requests as the client may have streams open (`maxConcurrentStreams`) and no more; further
   * ones wait, see `ServerConnection.pendingAccept`. A request that is reset counts as long as the program works for it (rapid
   * reset, CVE-2023-44487): from when it is accepted until its response is ended, or it is given up (`abort`, `reset`, `using`),
   * or the program has been told that it was reset. That is when a promise it waits for fails with it (of the request's body or
   * trailers, `ready`, `finished`, `pipeFrom`), `onReset` or `signal` fire, or it looks at `isReset` or `isEnded`. One
   * that does none of that and has lost its objects gives its place back when these are collected as garbage, in a host that
   * tells of that. A program that knows better says so by `hold`. Default true; false: only what is held by `hold` counts.
   */
  readonly holdRequests?: boolean;
}

/** A request that came by HTTP/1.1 Upgrade (RFC 7540 3.2) and what goes with it. */
export interface UpgradedRequest {
  /** Value of the HTTP2-Settings field, or what it decodes to. */
  readonly settings: string | Uint8Array;
  readonly request: {
    readonly method: string;
    /** Default `http`. */
    readonly scheme?: string;
    readonly authority: string;
    readonly path: string;
    /** Without the fields that belong to the HTTP/1.1 connection. */
    readonly headers?: HeadersInput;
  };
}

/** A server's connection: iterate over it for requests, or call `accept`. */
export class ServerConnection extends SessionConnection implements AsyncIterable<Accepted> {
  declare protected readonly session: ServerState;

  /** The next request with its response; null when the connection is over. Requests wait in a bounded queue. */
  async accept(): Promise<Accepted | null> {
    const { done, value } = await this.session.queue.accept();
    return done === true ? null : value;
  }

  /**
   * Iterates over the requests until the connection is over. How it ended, also when by an error, is told by `closed`:
   * a peer must not be able to make a server's loop throw. Leaving the loop ends nothing.
   */
  [Symbol.asyncIterator](): AsyncIterator<Accepted, undefined> {
    return this.session.iterator;
  }

  /** How the client began: its SETTINGS, windows, priorities and pseudo-fields; null before its first request by HEADERS. */
  get fingerprint(): Fingerprint | null {
    const { pseudoOrder } = this.session;
    return pseudoOrder === null ? null : fingerprintOf(this.core.earlyFrames, pseudoOrder);
  }

  /**
   * Requests that wait for `accept`, or for the program to be done with others (`requestsInHand`). They are open streams; what
   * comes of their bodies waits under their windows. One that is reset as it waits never reaches the program. When the program
   * ends the connection they are refused as safe to send again (RFC 9113 8.7).
   */
  get pendingAccept(): number {
    return this.session.queue.length;
  }

  /**
   * Requests that the program works for, see `ServerOptions.holdRequests`. While they are as many as the client may have
   * streams open (`maxConcurrentStreams`), `accept` gives no further one.
   */
  get requestsInHand(): number {
    return this.session.queue.inHand;
  }

  override toString(): string {
    const { pendingAccept } = this;
    return `${super.toString()}${pendingAccept === 0 ? '' : `, waiting: ${pendingAccept}`}`;
  }

  /** Offers extended CONNECT (RFC 8441) from now on. It cannot be taken back. */
  enableConnectProtocol(): void {
    this.session.enableConnectProtocol();
  }

  override shutdown(options: ShutdownOptions = {}): Promise<ShutdownReport> {
    return this.session.shutdown(options);
  }
}

/**
 * Begins HTTP/2 as the server on `transport`: a Node stream (net.Socket, TLSSocket, any Duplex), a pair of WHATWG
 * streams or an end of `pair()`. Settles when the client's preface has come, without waiting for its SETTINGS. A client
 * that sends something else, or nothing in time, gets GOAWAY and a connection that is already over: it yields no
 * request and `closed` has the error. Bad options and a bad transport throw a `UsageError`.
 */
export async function handshake(transport: Transport, options: ServerOptions = {}): Promise<ServerConnection> {
  const session = new ServerState(options, clockOf(transport));
  session.attach(driverOf(transport));
  await session.prefaced.promise;
  return new ServerConnection(session);
}

/**
 * The same for a connection that was upgraded from HTTP/1.1 by `Upgrade: h2c`, after 101 has been sent: the request that
 * asked for it is the first one accepted. It must have had no body.
 */
export async function handshakeUpgraded(
  transport: Transport,
  upgraded: UpgradedRequest,
  options: ServerOptions = {},
): Promise<ServerConnection> {
  const { settings, request } = upgraded;
  const payload = typeof settings === 'string' ? fromBase64Url(settings) : settings;
  if (payload === null) throw new UsageError('api.upgrade', 'HTTP2-Settings is not base64url');
  const { fields, sensitive } = flatten(request.headers);
  const head: RequestHead = {
    method: request.method,
    scheme: request.scheme ?? 'http',
    authority: request.authority,
    path: request.path,
    protocol: '',
    fields,
    sensitive,
  };
  const session = new ServerState(options, clockOf(transport));
  session.core.acceptUpgrade(payload, head);
  session.attach(driverOf(transport));
  await session.prefaced.promise;
  return new ServerConnection(session);
}
