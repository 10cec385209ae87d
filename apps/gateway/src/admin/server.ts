/**
 * The inspector's own listener: the page's files and one WebSocket. It runs next to the hub in the worker thread and
 * shares nothing with the gateway's data plane.
 *
 *     request --> guard (Host, proxy, target) --> files
 *     upgrade --> guard (Host, Origin) --> socket without rights --> AUTH within 5 s --> hub
 */
import { chmodSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  CloseCode,
  MAX_CLIENT_MESSAGE_BYTES,
  ProtocolError,
  parseClientMessage,
  SUBPROTOCOL,
} from '@glassway/inspector-protocol';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { ViewerPort } from '../trace/hub/viewer.ts';
import { Guard, type Refusal } from './guard.ts';
import { SECURITY_HEADERS } from './headers.ts';
import { StaticFiles } from './static-files.ts';

/** A viewer that was let in. */
export interface AdminViewer {
  /** A text message of it. */
  receive(text: string): void;
}

/** Who serves those that were let in: the hub of a running gateway, or a recording. */
export interface AdminHub {
  readonly viewers: number;
  attach(port: ViewerPort): AdminViewer;
  detach(viewer: AdminViewer): void;
}

/** What the server is started with. */
export interface AdminServerOptions {
  /** Loopback address to listen on. */
  readonly host: string;
  /** Port, 0 for any. */
  readonly port: number;
  /** A Unix socket to listen on instead, which only this user can connect to; `host` and `port` then are those it is called by. */
  readonly path?: string;
  readonly token: string;
  /** Folder of the page's files; null: there is no page, only the WebSocket. */
  readonly staticRoot: string | null;
  /** Time for AUTH, milliseconds. Default 5000. */
  readonly authTimeoutMs?: number;
  /** Sockets that have not yet authenticated. Default 16. */
  readonly maxUnauthenticated?: number;
  /** Viewers. Default 32. */
  readonly maxViewers?: number;
  /** Time between two looks at whether a viewer still answers, milliseconds. Default 30000. */
  readonly pingIntervalMs?: number;
}

/** Open connections of any kind; the listener is for a person or two. */
const MAX_CONNECTIONS = 256;
const MAX_HEADER_BYTES = 16 * 1024;
const SOCKET_PATH = '/ws';
/** RFC 6455 7.4.1. */
const GOING_AWAY = 1001;

/** The listener. */
export class AdminServer {
  readonly #options: AdminServerOptions;
  readonly #hub: AdminHub;
  readonly #http: Server;
  readonly #sockets: WebSocketServer;
  readonly #files: StaticFiles | null;
  readonly #unauthenticated = new Set<WebSocket>();
  readonly #silent = new WeakSet<WebSocket>();
  readonly #pings: NodeJS.Timeout;
  #guard: Guard | null = null;

  constructor(hub: AdminHub, options: AdminServerOptions) {
    this.#hub = hub;
    this.#options = options;
    this.#files = options.staticRoot === null ? null : new StaticFiles(options.staticRoot);
    this.#http = createServer(
      {
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: 5000,
        requestTimeout: 10_000,
        keepAliveTimeout: 5000,
        requireHostHeader: false,
      },
      (request, response) => void this.#serve(request, response),
    );
    this.#http.maxConnections = MAX_CONNECTIONS;
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.#sockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: MAX_CLIENT_MESSAGE_BYTES,
      handleProtocols: protocols => (protocols.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
    this.#pings = setInterval(() => this.#ping(), options.pingIntervalMs ?? 30_000);
    this.#pings.unref();
  }

  /** Begins to listen; resolves to the port. Rejects when it cannot. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#http.once('error', reject);
      const { host, port: wanted, path } = this.#options;
      const where = path === undefined ? { host, port: wanted } : { path };
      this.#http.listen(where, () => {
        this.#http.off('error', reject);
        // The folder keeps others out already; a pipe of Windows has no mode.
        if (path !== undefined && process.platform !== 'win32') chmodSync(path, 0o600);
        // Failing to accept one connection (no descriptors, no memory) is no reason to end.
        this.#http.on('error', error => process.emitWarning(`the inspector's listener: ${error.message}`));
        const port = path === undefined ? (this.#http.address() as AddressInfo).port : wanted;
        this.#guard = new Guard(this.#options.host, port, this.#options.token);
        resolve(port);
      });
    });
  }

  /** Ends everything; viewers get what was sent to them if they take it within `graceMs`, default 0: at once. */
  close(graceMs = 0): Promise<void> {
    clearInterval(this.#pings);
    for (const socket of this.#sockets.clients) {
      if (graceMs === 0) socket.terminate();
      else {
        socket.close(GOING_AWAY, 'the gateway ends');
        const timer = setTimeout(() => socket.terminate(), graceMs);
        socket.once('close', () => clearTimeout(timer));
      }
    }
    return new Promise(resolve => {
      this.#http.close(() => resolve());
      this.#http.closeAllConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Nothing here takes a body.
    request.resume();
    const refusal = this.#guard!.request(request);
    if (refusal !== null) return answer(request, response, refusal.status, refusal.text);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      return answer(request, response, 405, 'Only GET and HEAD are served here.');
    }
    const path = request.url!.split('?', 1)[0]!;
    if (path === SOCKET_PATH) {
      response.setHeader('upgrade', 'websocket');
      return answer(request, response, 426, 'This is the inspector’s WebSocket.');
    }
    if (this.#files === null)
      return answer(request, response, 404, 'No inspector page is installed with this gateway.');
    const file = await this.#files.find(path);
    if (file === null) return answer(request, response, 404, 'There is no such file.');
    response.writeHead(200, {
      ...SECURITY_HEADERS,
      'content-type': file.type,
      'content-length': file.body.length,
      'cache-control': file.cacheControl,
    });
    response.end(request.method === 'HEAD' ? undefined : file.body);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const refusal = this.#refuseUpgrade(request);
    if (refusal !== null) {
      refuseUpgrade(socket, refusal);
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, webSocket => this.#accept(webSocket));
  }

  #refuseUpgrade(request: IncomingMessage): Refusal | null {
    const guard = this.#guard!;
    const refusal = guard.request(request) ?? guard.upgrade(request);
    if (refusal !== null) return refusal;
    if (request.url !== SOCKET_PATH) return { status: 404, text: 'There is no WebSocket here.' };
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map(name => name.trim());
    if (!offered.includes(SUBPROTOCOL)) {
      return {
        status: 400,
        text: `The page and the gateway are of different versions: this one speaks ${SUBPROTOCOL}.`,
      };
    }
    if (this.#unauthenticated.size >= (this.#options.maxUnauthenticated ?? 16)) {
      return { status: 503, text: 'Too many connections that have not shown a token.' };
    }
    return null;
  }

  #accept(socket: WebSocket): void {
    this.#unauthenticated.add(socket);
    const giveUp = (reason: string): void => {
      settle();
      socket.close(CloseCode.UNAUTHENTICATED, reason);
      // Someone without a token is not waited for.
      setTimeout(() => socket.terminate(), 1000).unref();
    };
    const timer = setTimeout(() => giveUp('no token in time'), this.#options.authTimeoutMs ?? 5000);
    const settle = (): void => {
      clearTimeout(timer);
      this.#unauthenticated.delete(socket);
      socket.off('message', first);
    };
    const first = (data: RawData, isBinary: boolean): void => {
      if (isBinary || !this.#isAuth(data.toString())) {
        giveUp('wrong token');
        return;
      }
      settle();
      this.#admit(socket);
    };
    socket.on('message', first);
    // From the first moment: a ping may come before the token, and who answered it is not silent.
    socket.on('pong', () => this.#silent.delete(socket));
    socket.on('error', () => socket.terminate());
    socket.on('close', settle);
  }

  #isAuth(text: string): boolean {
    try {
      const message = parseClientMessage(text);
      return message.type === 'auth' && this.#guard!.token(message.token);
    } catch (error) {
      if (error instanceof ProtocolError) return false;
      throw error;
    }
  }

  #admit(socket: WebSocket): void {
    if (this.#hub.viewers >= (this.#options.maxViewers ?? 32)) {
      socket.close(CloseCode.TOO_MANY, 'too many viewers');
      return;
    }
    const viewer = this.#hub.attach({
      send: data => socket.send(data),
      get bufferedBytes() {
        return socket.bufferedAmount;
      },
      close: (code, reason) => socket.close(code, reason),
    });
    socket.on('close', () => this.#hub.detach(viewer));
    socket.on('message', (data: RawData, isBinary: boolean) => {
      if (socket.readyState !== socket.OPEN) return;
      if (isBinary) socket.close(CloseCode.BAD_MESSAGE, 'binary messages go only the other way');
      else viewer.receive(data.toString());
    });
  }

  #ping(): void {
    for (const socket of this.#sockets.clients) {
      if (this.#silent.has(socket)) {
        socket.terminate();
        continue;
      }
      this.#silent.add(socket);
      socket.ping();
    }
  }
}

function answer(request: IncomingMessage, response: ServerResponse, status: number, text: string): void {
  const body = `${text}\n`;
  response.writeHead(status, {
    ...SECURITY_HEADERS,
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function refuseUpgrade(socket: Duplex, refusal: Refusal): void {
  const body = `${refusal.text}\n`;
  const headers = {
    ...SECURITY_HEADERS,
    'content-type': 'text/plain; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    'cache-control': 'no-store',
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}\r\n${lines.join('')}\r\n${body}`, () =>
    socket.destroy(),
  );
}
