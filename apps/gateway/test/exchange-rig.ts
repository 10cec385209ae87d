/** An independent HTTP/2 client (node:http2) before the gateway and a backend of raw octets behind it. */
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach } from 'vitest';
import { DEFAULT_SETTINGS } from '../src/config/settings.ts';
import { type Gateway, startGateway } from '../src/gateway.ts';
import { Logger } from '../src/log.ts';

const SILENT = new Logger('error', () => {});
export const MIB = 1024 * 1024;
/** Run in reverse after each test. */
export const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A backend connection: what came, as text of octets, and ways to wait for more. */
export class Peer {
  received = '';
  readonly socket: Socket;
  isClosed = false;
  #waiters: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('data', chunk => {
      this.received += chunk.toString('latin1');
      this.#wake();
    });
    socket.on('close', () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  async until(holds: (received: string) => boolean): Promise<string> {
    while (!holds(this.received) && !this.isClosed) await new Promise<void>(resolve => this.#waiters.push(resolve));
    if (!holds(this.received))
      throw new Error(`the connection closed after ${JSON.stringify(this.received.slice(0, 2000))}`);
    return this.received;
  }

  async head(): Promise<string[]> {
    const all = await this.until(received => received.includes('\r\n\r\n'));
    return all.slice(0, all.indexOf('\r\n\r\n')).split('\r\n');
  }

  async closed(): Promise<void> {
    while (!this.isClosed) await new Promise<void>(resolve => this.#waiters.push(resolve));
  }

  send(octets: string): void {
    this.socket.write(octets, 'latin1');
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter();
  }
}

/** A backend of raw octets. */
export class RawBackend {
  readonly peers: Peer[] = [];
  readonly server: Server;
  #waiters: (() => void)[] = [];

  constructor() {
    this.server = createServer(socket => {
      this.peers.push(new Peer(socket));
      for (const waiter of this.#waiters.splice(0)) waiter();
    });
    cleanups.push(() => {
      for (const { socket } of this.peers) socket.destroy();
      this.server.close();
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async peer(index = 0): Promise<Peer> {
    while (this.peers.length <= index) await new Promise<void>(resolve => this.#waiters.push(resolve));
    return this.peers[index]!;
  }
}

export async function rawBackend(): Promise<RawBackend> {
  const backend = new RawBackend();
  backend.server.listen(0, '127.0.0.1');
  await once(backend.server, 'listening');
  return backend;
}

export async function gatewayTo(...to: string[]): Promise<Gateway> {
  const http = { host: '127.0.0.1', port: 0 };
  const gateway = await startGateway(
    { ...DEFAULT_SETTINGS, to, http, https: null, inspector: null },
    { logger: SILENT },
  );
  cleanups.push(() => gateway.close(0));
  return gateway;
}

export function client(gateway: Gateway): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${gateway.http!.port}`);
  session.on('error', () => {});
  cleanups.push(() => session.destroy());
  return session;
}

export async function start() {
  const backend = await rawBackend();
  const gateway = await gatewayTo(backend.url);
  return { backend, gateway, session: client(gateway) };
}

export async function response(stream: ClientHttp2Stream) {
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  return { status: headers[':status'], headers, body: await text(stream) };
}

export const get = (session: ClientHttp2Session, path: string, more: OutgoingHttpHeaders = {}): ClientHttp2Stream =>
  session.request({ ':path': path, ':authority': 'example.test', ...more });

export const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
