/**
 * Serves the built page and a made-up gateway's feed, under the policy of the real admin listener.
 *
 *     node test/fake-hub.mjs [--port 0] [--rate 500] [--drop] [--empty]
 *
 * `--rate`: frames per second of the busy connection. `--drop`: this viewer is told of skipped frames now and then.
 * `--empty`: nothing ever connects. Prints the address to open. Needs `npm run build` first.
 */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  encodeLog,
  encodeMessage,
  FRAMES_HEADER_BYTES,
  PROTOCOL_VERSION,
  packSections,
  parseClientMessage,
  RECORD_BYTES,
  SUBPROTOCOL,
  type TextMessage,
  writeFramesHeader,
} from '@glassway/inspector-protocol';
import { type WebSocket, WebSocketServer } from 'ws';
import { startTraffic } from './fake/traffic.ts';
import { WORLD_RECORDS, World } from './fake/world.ts';

/** The policy under which the page must work, as the gateway sends it. */
export const POLICY: string = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data: blob:",
  "worker-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types glassway',
].join('; ');

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
const TOKEN = '00112233445566778899aabbccddeeff';
const SEND_MS = 16;
const STATE_MS = 100;
const MAX_BATCH = 800;
const CLOSE_UNAUTHENTICATED = 4401;

/** What `startHub` answers. */
export interface Hub {
  readonly url: string;
  readonly world: World;
  /** Breaks all WebSockets, as a gateway that dies does. */
  disconnect(): void;
  close(): Promise<void>;
}

/** How the hub behaves. */
export interface HubOptions {
  readonly port?: number;
  readonly rate?: number;
  readonly drop?: boolean;
  readonly empty?: boolean;
}

/** Starts the made-up gateway on 127.0.0.1. */
export async function startHub(options: HubOptions = {}): Promise<Hub> {
  const world = new World();
  const stop = options.empty === true ? () => {} : startTraffic(world, options.rate ?? 500);
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://x').pathname);
    try {
      const body = await readFile(join(DIST, path === '/' ? 'index.html' : path));
      response.writeHead(200, {
        'content-type': TYPES[path === '/' ? '.html' : extname(path)] ?? 'application/octet-stream',
        'content-security-policy': POLICY,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-embedder-policy': 'require-corp',
        'cross-origin-resource-policy': 'same-origin',
      });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  const sockets = new WebSocketServer({
    server,
    path: '/ws',
    handleProtocols: names => (names.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  const name = `https://127.0.0.1:8443`;
  const viewers = new Set<Viewer>();
  sockets.on('connection', socket => {
    const viewer = new Viewer(socket, world, name, options.drop === true);
    viewers.add(viewer);
    socket.on('close', () => viewers.delete(viewer));
  });
  const sender = setInterval(() => {
    for (const viewer of viewers) viewer.send();
  }, SEND_MS);
  const stater = setInterval(() => {
    const rows = world.changes(false);
    for (const viewer of viewers) viewer.state(rows);
  }, STATE_MS);
  await new Promise<void>(resolve => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/#token=${TOKEN}`,
    world,
    disconnect: () => {
      for (const client of sockets.clients) client.terminate();
    },
    close: async () => {
      stop();
      clearInterval(sender);
      clearInterval(stater);
      for (const client of sockets.clients) client.terminate();
      sockets.close();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

/* One WebSocket: a cursor into the world's logs. */
class Viewer {
  readonly #socket: WebSocket;
  readonly #world: World;
  readonly #drop: boolean;
  #subscribed = false;
  #frames = 0;
  #sections = 0;
  #events = 0;
  #batches = 0;

  constructor(socket: WebSocket, world: World, name: string, drop: boolean) {
    this.#socket = socket;
    this.#world = world;
    this.#drop = drop;
    socket.on('message', data => this.#take(String(data), name));
  }

  state(rows: ReturnType<World['changes']>): void {
    if (!this.#subscribed) return;
    const world = this.#world;
    const head = { frames: world.head, fields: world.sections.length, events: world.events.length, payloads: 0 };
    this.#say({ type: 'state', now: world.now, head, reset: false, rows });
  }

  send(): void {
    if (!this.#subscribed) return;
    const world = this.#world;
    for (let sent = 0; sent < 20 && this.#frames < world.head; sent++) this.#batch();
    if (this.#sections < world.sections.length) {
      const to = Math.min(world.sections.length, this.#sections + 500);
      const sections = world.sections.slice(this.#sections, to);
      this.#socket.send(encodeLog({ type: 'fields', from: this.#sections, to, sections }));
      this.#sections = to;
    }
    if (this.#events < world.events.length) {
      const to = Math.min(world.events.length, this.#events + 500);
      const events = world.events.slice(this.#events, to);
      this.#socket.send(encodeLog({ type: 'events', from: this.#events, to, events }));
      this.#events = to;
    }
  }

  #batch(): void {
    const world = this.#world;
    const from = this.#frames;
    const to = Math.min(world.head, from + MAX_BATCH);
    this.#frames = to;
    this.#batches++;
    if (this.#drop && this.#batches % 50 === 0) {
      this.#say({ type: 'dropped', log: 'frames', cause: 'credit', from, to, count: to - from, counts: [] });
      return;
    }
    const message = new Uint8Array(FRAMES_HEADER_BYTES + (to - from) * RECORD_BYTES);
    writeFramesHeader(message, to - from, from, to);
    const records = new Uint8Array(world.buffer);
    for (let position = from; position < to; position++) {
      const at = (position % WORLD_RECORDS) * RECORD_BYTES;
      message.set(records.subarray(at, at + RECORD_BYTES), FRAMES_HEADER_BYTES + (position - from) * RECORD_BYTES);
    }
    this.#socket.send(message);
  }

  #take(text: string, name: string): void {
    const message = parseClientMessage(text);
    const world = this.#world;
    switch (message.type) {
      case 'auth':
        if (message.token !== TOKEN) this.#socket.close(CLOSE_UNAUTHENTICATED, 'wrong token');
        else this.#greet(name);
        return;
      case 'subscribe': {
        this.#frames = Math.max(0, world.head - Math.min(message.backlog, WORLD_RECORDS));
        this.#sections = Math.max(0, world.sections.length - 5000);
        this.#events = Math.max(0, world.events.length - 5000);
        this.#subscribed = true;
        const from = { frames: this.#frames, fields: this.#sections, events: this.#events, payloads: 0 };
        const head = { frames: world.head, fields: world.sections.length, events: world.events.length, payloads: 0 };
        this.#say({
          type: 'snapshot',
          id: message.id,
          now: world.now,
          from,
          head,
          before: [],
          rows: world.changes(true),
        });
        return;
      }
      case 'get': {
        if (message.what === 'tables') {
          const tables = world.connections.find(connection => connection.id === message.connection)?.tables;
          if (tables === undefined) this.#say({ type: 'reply', id: message.id, what: 'error', message: 'not known' });
          else this.#say({ type: 'reply', id: message.id, what: 'tables', received: tables[0], sent: tables[1] });
          return;
        }
        if (message.what !== 'sections') return;
        const { connection, stream } = message;
        const found = world.sections.filter(section => section.connection === connection && section.stream === stream);
        this.#say({ type: 'reply', id: message.id, what: 'sections', packed: packSections(found) });
        return;
      }
      default:
    }
  }

  #greet(name: string): void {
    const world = this.#world;
    this.#say({
      type: 'hello',
      version: PROTOCOL_VERSION,
      recordBytes: RECORD_BYTES,
      gateway: 'fake',
      name,
      release: '0.1.0',
      epochMs: Date.now() - world.now / 1000,
      now: world.now,
      ringRecords: WORLD_RECORDS,
      creditBytes: 4 << 20,
      revealed: false,
      listeners: ['https://127.0.0.1:8443', 'http://127.0.0.1:8080'],
    });
  }

  #say(message: TextMessage): void {
    this.#socket.send(encodeMessage(message));
  }
}

/** The command of `fake-hub.mjs`. */
export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string', default: '0' },
      rate: { type: 'string', default: '500' },
      drop: { type: 'boolean', default: false },
      empty: { type: 'boolean', default: false },
    },
  });
  const hub = await startHub({
    port: Number(values.port),
    rate: Number(values.rate),
    drop: values.drop,
    empty: values.empty,
  });
  process.stdout.write(`${hub.url}\n`);
}
