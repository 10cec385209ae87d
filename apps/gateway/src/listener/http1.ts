/**
 * HTTP/1.1 and HTTP/1.0 clients, over Node's own server: its parser is llhttp in strict mode, and what that lets through
 * is judged in http1-rules.ts. Sockets come from our listeners, so Node's server never listens: it is told it does,
 * because otherwise it watches no timeouts.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { endpoint } from '../config/address.ts';
import { type Reason, reason } from '../exchange/reason.ts';
import { Leg } from '../trace/trace.ts';
import { type ListenerContext, type TlsFacts, tlsForTrace } from './context.ts';
import { Http1Connection, type UpgradeTo } from './http1-connection.ts';

/** Node's properties, absent from its types. */
interface Untyped {
  /** 0 means field lines are counted by us, not silently cut off. */
  maxHeadersCount: number | null;
  /** Read for each connection. */
  maxHeaderSize: number;
}

/** Serves HTTP/1 on sockets handed to it. */
export class Http1Listener {
  readonly #context: ListenerContext;
  readonly #connections = new Map<Socket, Http1Connection>();
  readonly #server: Server;
  readonly #upgradeTo: UpgradeTo;
  readonly #sweep: NodeJS.Timeout;

  /** `upgradeTo` takes a socket over that has switched to HTTP/2. */
  constructor(context: ListenerContext, upgradeTo: UpgradeTo) {
    this.#context = context;
    this.#upgradeTo = upgradeTo;
    this.#server = this.#createServer();
    const { checkIntervalMs } = context.limits;
    this.#sweep = setInterval(() => {
      const now = performance.now();
      for (const connection of this.#connections.values()) connection.sweep(now);
    }, checkIntervalMs).unref();
  }

  /** Takes a connected socket over. `tls` null: cleartext. */
  serve(socket: Socket, tls: TlsFacts | null): void {
    const { trace, registry, limits, clients } = this.#context;
    const client = clients.of(socket);
    const connectionId = trace.connectionOpened({
      leg: Leg.CLIENT,
      protocol: 'http/1.1',
      negotiation: 'http/1.1',
      peer: endpoint(client.address, client.port),
      local: endpoint(socket.localAddress, socket.localPort),
      tls: tlsForTrace(tls),
    });
    const connection = new Http1Connection(this.#context, socket, client, tls, connectionId, {
      upgrade: tls === null && limits.upgradeH2c ? this.#upgradeTo : null,
      decline: () => this.#server.emit('connection', socket),
      released: () => this.#connections.delete(socket),
    });
    this.#connections.set(socket, connection);
    registry.assign(socket, connection);
    this.#server.emit('connection', socket);
  }

  /** The limits have changed. */
  configure(): void {
    const { headersTimeoutMs, keepAliveTimeoutMs, maxHeaderBytes } = this.#context.limits;
    this.#server.headersTimeout = headersTimeoutMs;
    this.#server.keepAliveTimeout = keepAliveTimeoutMs;
    (this.#server as unknown as Untyped).maxHeaderSize = maxHeaderBytes;
  }

  /** Stops the timers. Connections still open are the registry's to close. */
  close(): void {
    clearInterval(this.#sweep);
    // Answers "not running", as it never listened; what counts is that it stops its timeout checks.
    this.#server.close(() => {});
  }

  #createServer(): Server {
    const { limits } = this.#context;
    const server = createServer({
      insecureHTTPParser: false,
      requireHostHeader: false, // judged by us, with a reason
      joinDuplicateHeaders: false,
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: 0, // bodies may stream for hours; their progress is watched instead
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: limits.checkIntervalMs,
    });
    (server as unknown as Untyped).maxHeadersCount = 0;
    const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
      this.#connections.get(request.socket)?.onRequest(request, response);
    };
    server.on('request', onRequest);
    // Expect is for the backend to judge, its 100 or its refusal is passed on.
    server.on('checkContinue', onRequest);
    server.on('checkExpectation', onRequest);
    // Also without h2c: a server that does not listen for it loses the requests pipelined behind one with Upgrade.
    server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      this.#connections.get(socket)?.onUpgrade(request, head);
    });
    server.on('connect', (request: IncomingMessage, socket: Socket) =>
      this.#connections.get(socket)?.onConnect(request),
    );
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      const connection = this.#connections.get(socket);
      if (connection === undefined) socket.destroy();
      else connection.onClientError(failureOf(error));
    });
    // Without this a server that never listens checks no headersTimeout: a silent client would stay for ever.
    server.emit('listening');
    return server;
  }
}

/** What Node's complaint about a client means; null: the socket failed, there is nobody to tell. */
function failureOf(error: NodeJS.ErrnoException): Reason | null {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return reason('request_too_large', 'the request line and fields are too large', { rule: 'http1.header-octets' });
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return reason('client_header_timeout', 'the request head was not complete in time', { rfc: '9110 15.5.9' });
    default:
      if (!error.code?.startsWith('HPE_')) return null;
      return reason('client_protocol_error', error.message, { rfc: '9112 2.2', rule: 'http1.syntax' });
  }
}
