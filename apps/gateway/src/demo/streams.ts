/** The demo's HTTP/2 backend (h2c by prior knowledge): an echo like gRPC's, a stream without end, and resets. */
import { createServer } from 'node:net';
import { Connection, ErrorCode, type Handler, type RequestHead, type Stream } from '@glassway/h2-core';
import { attach, now } from '@glassway/h2-core/node';
import { type DemoServer, listenLocally } from './server.ts';

/** What this backend serves, as path prefixes. */
export const STREAMS_PREFIXES = ['/demo.Echo', '/streams'] as const;

const MIB = 1024 * 1024;
const FIREHOSE_MAX_MIB = 4096;
const CHUNK: Uint8Array = Buffer.alloc(16 * 1024, 'firehose ');

/** Starts the backend. */
export function startStreams(): Promise<DemoServer> {
  return listenLocally(
    createServer({ noDelay: true }, socket => {
      const handler = new StreamsHandler();
      handler.connection = new Connection({ role: 'server', handler }, now());
      attach(socket, handler.connection);
    }),
  );
}

/** What one stream is doing. */
interface Task {
  onData(chunk: Uint8Array, end: boolean): void;
  onTrailers(): void;
  onWritable(): void;
}

class StreamsHandler implements Handler {
  connection!: Connection;

  onRequest(stream: Stream, head: RequestHead, endStream: boolean): void {
    const { connection } = this;
    const [path = '', query = ''] = head.path.split('?');
    if (path.startsWith('/demo.Echo/')) stream.context = new Echo(connection, stream, head, endStream);
    else if (path === '/streams/firehose') stream.context = new Firehose(connection, stream, query);
    else if (path === '/streams/refuse')
      connection.reset(stream, ErrorCode.REFUSED_STREAM, 'the demo refuses this one');
    else if (path === '/streams/reset') resetInTheMiddle(connection, stream);
    else connection.respond(stream, 404, ['content-type', 'text/plain'], true);
  }

  onData(stream: Stream, chunk: Uint8Array, endStream: boolean): void {
    const task = stream.context as Task | null;
    if (task === null) this.connection.release(stream, chunk.length);
    else task.onData(chunk, endStream);
  }

  onTrailers(stream: Stream): void {
    (stream.context as Task | null)?.onTrailers();
  }

  onWritable(stream: Stream): void {
    (stream.context as Task | null)?.onWritable();
  }

  onStreamClosed(stream: Stream): void {
    stream.context = null;
  }
}

/** Sends back what comes, as it comes, and a status at the end; holds the sender back when its own peer is slow. */
class Echo implements Task {
  readonly #connection: Connection;
  readonly #stream: Stream;
  readonly #isGrpc: boolean;
  #withheld = 0;
  #messages = 0;

  constructor(connection: Connection, stream: Stream, head: RequestHead, endStream: boolean) {
    this.#connection = connection;
    this.#stream = stream;
    const at = head.fields.findIndex((text, i) => i % 2 === 0 && text === 'content-type');
    const type = at === -1 ? 'application/octet-stream' : head.fields[at + 1]!;
    this.#isGrpc = type.startsWith('application/grpc');
    connection.respond(stream, 200, ['content-type', type], false);
    if (endStream) this.onTrailers();
  }

  onData(chunk: Uint8Array, end: boolean): void {
    if (chunk.length > 0) {
      this.#messages++;
      if (this.#connection.write(this.#stream, chunk, false)) this.#connection.release(this.#stream, chunk.length);
      else this.#withheld += chunk.length;
    }
    if (end) this.onTrailers();
  }

  onTrailers(): void {
    const status = this.#isGrpc ? ['grpc-status', '0', 'grpc-message', ''] : [];
    this.#connection.trailers(this.#stream, [...status, 'x-echoed', String(this.#messages)]);
  }

  onWritable(): void {
    if (this.#withheld > 0) this.#connection.release(this.#stream, this.#withheld);
    this.#withheld = 0;
  }
}

/** Sends as fast as it is read: the victim of a slow reader. */
class Firehose implements Task {
  readonly #connection: Connection;
  readonly #stream: Stream;
  #left: number;

  constructor(connection: Connection, stream: Stream, query: string) {
    this.#connection = connection;
    this.#stream = stream;
    const mib = Number(new URLSearchParams(query).get('mib') ?? 64);
    this.#left = Math.min(Math.max(mib || 0, 1), FIREHOSE_MAX_MIB) * MIB;
    connection.respond(stream, 200, ['content-type', 'application/octet-stream'], false);
    this.onWritable();
  }

  onWritable(): void {
    let room = true;
    while (room && this.#left > 0) {
      const chunk = this.#left >= CHUNK.length ? CHUNK : CHUNK.subarray(0, this.#left);
      this.#left -= chunk.length;
      room = this.#connection.write(this.#stream, chunk, this.#left === 0);
    }
  }

  onData(chunk: Uint8Array): void {
    this.#connection.release(this.#stream, chunk.length);
  }

  onTrailers(): void {}
}

/** Half a response, then RST_STREAM. */
function resetInTheMiddle(connection: Connection, stream: Stream): void {
  connection.respond(stream, 200, ['content-type', 'text/plain'], false);
  connection.write(stream, Buffer.from('this is the first half, and then the backend'), false);
  setTimeout(() => connection.reset(stream, ErrorCode.INTERNAL_ERROR, 'the demo breaks this one'), 50);
}
