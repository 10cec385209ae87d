/** Raw byte backends and a recording exchange for the tests of the upstream side. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { FieldList } from '@glassway/h2-core';
import type {
  Backend,
  BackendLeg,
  BackendLegEvents,
  RequestMessage,
  ResponseMessage,
  Trailers,
} from '../src/exchange/legs.ts';
import type { Reason } from '../src/exchange/reason.ts';
import { PATIENCE_MS, real } from './support/patience.ts';

/** Why an exchange is cancelled whose client has reset it. */
export const CANCELLED: Reason = {
  code: 'client_reset',
  text: '',
  status: 499,
  h2Code: 8,
  retryable: false,
  rule: '',
  rfc: '',
};

/** A promise with its resolver outside. */
export class Signal<T> {
  readonly promise: Promise<T>;
  resolve!: (value: T) => void;
  isResolved = false;
  constructor() {
    this.promise = new Promise(resolve => {
      this.resolve = value => {
        this.isResolved = true;
        resolve(value);
      };
    });
  }
}

/** Waits until `condition` holds, looking again after every turn of the event loop; fails after `timeoutMs`. */
export async function eventually(condition: () => boolean, what: string, timeoutMs = PATIENCE_MS): Promise<void> {
  const deadline = real.now() + timeoutMs;
  while (!condition()) {
    if (real.now() > deadline) throw new Error(`did not happen within ${timeoutMs} ms: ${what}`);
    await new Promise(resolve => real.setTimeout(resolve, 1));
  }
}

/** One accepted connection of a raw backend. */
export class RawConnection {
  readonly socket: Socket;
  /** Everything received, latin1. */
  received = '';
  closed = false;
  #waiters: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1');
      this.#wake();
    });
    socket.on('error', () => {});
    socket.on('end', () => this.#end());
    socket.on('close', () => this.#end());
  }

  #end(): void {
    this.closed = true;
    this.#wake();
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter();
  }

  async #when(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>(resolve => this.#waiters.push(resolve));
  }

  /** Waits for `count` empty lines, which end request heads (without bodies). */
  async heads(count = 1): Promise<string> {
    await this.#when(() => this.received.split('\r\n\r\n').length > count || this.closed);
    return this.received;
  }

  /** Waits until `text` was received, or the other side has closed. */
  async until(text: string): Promise<string> {
    await this.#when(() => this.received.includes(text) || this.closed);
    return this.received;
  }

  /** Waits until the other side has closed. */
  async gone(): Promise<void> {
    await this.#when(() => this.closed);
  }

  send(text: string | Uint8Array): void {
    if (typeof text === 'string') this.socket.write(text, 'latin1');
    else this.socket.write(text);
  }

  /** Sends the pieces in separate segments. */
  async drip(text: string, size = 1): Promise<void> {
    const octets = Buffer.from(text, 'latin1');
    for (let at = 0; at < octets.length && !this.socket.destroyed; at += size) {
      this.socket.write(octets.subarray(at, at + size));
      await new Promise(resolve => setImmediate(resolve));
    }
  }
}

/** A TCP server that speaks only the octets its script sends. */
export class RawBackend {
  readonly connections: RawConnection[] = [];
  readonly #server: Server;
  port = 0;

  /** `script` runs per connection; without one the test drives `connections` itself. */
  constructor(script: (connection: RawConnection, index: number) => void = () => {}) {
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, socket => {
      const connection = new RawConnection(socket);
      this.connections.push(connection);
      script(connection, this.connections.length - 1);
    });
  }

  async listen(host = '127.0.0.1', port = 0): Promise<this> {
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
    const address = this.#server.address();
    this.port = typeof address === 'object' && address !== null ? address.port : 0;
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Waits for the n-th connection (from 0). */
  async connection(index = 0): Promise<RawConnection> {
    await eventually(() => this.connections.length > index, `connection ${index}`);
    return this.connections[index]!;
  }

  async close(): Promise<void> {
    for (const { socket } of this.connections) socket.destroy();
    await new Promise(resolve => this.#server.close(resolve));
  }
}

/** A request with defaults. */
export function request(over: Partial<RequestMessage> = {}): RequestMessage {
  return {
    method: 'GET',
    scheme: 'https',
    authority: 'example.com',
    path: '/',
    fields: [],
    sensitive: null,
    hasBody: false,
    contentLength: -1,
    ...over,
  };
}

/** A POST with a body of known or unknown length. */
export function upload(contentLength = -1, over: Partial<RequestMessage> = {}): RequestMessage {
  return request({ method: 'POST', hasBody: true, contentLength, ...over });
}

/** Sends one exchange and records what happens, one line each in `log`. Gives octets back at once unless `stalled`. */
export class Recorder implements BackendLegEvents {
  readonly log: string[] = [];
  leg!: BackendLeg;
  response: ResponseMessage | null = null;
  body = '';
  bodyBytes = 0;
  error: Reason | null = null;
  trailers: FieldList | null = null;
  stalled = false;
  withheld = 0;
  writable = 0;
  stopped = false;
  assigned = 0;
  readonly responded = new Signal<ResponseMessage>();
  /** Complete response or error. */
  readonly done = new Signal<void>();
  readonly settled = new Signal<void>();
  #sent = false;

  static send(backend: Backend, message: RequestMessage, stalled = false): Recorder {
    const recorder = new Recorder();
    recorder.stalled = stalled;
    recorder.leg = backend.send(message, recorder);
    recorder.#sent = true;
    return recorder;
  }

  /** Gives back everything withheld. */
  resume(): void {
    this.stalled = false;
    const bytes = this.withheld;
    this.withheld = 0;
    this.leg.consumed(bytes);
  }

  get status(): number {
    return this.response?.status ?? 0;
  }

  field(name: string): string | undefined {
    const fields = this.response?.fields ?? [];
    for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return fields[i + 1];
    return undefined;
  }

  async finished(): Promise<this> {
    await this.done.promise;
    return this;
  }

  #note(line: string): void {
    if (!this.#sent) throw new Error(`event before send returned: ${line}`);
    if (this.error !== null) throw new Error(`event after the error: ${line}`);
    this.log.push(line);
  }

  onAssigned(): void {
    this.assigned++;
    this.#note('assigned');
  }
  onInformational(response: ResponseMessage): void {
    this.#note(`informational ${response.status}`);
  }
  onResponse(response: ResponseMessage, end: boolean): void {
    this.#note(`response ${response.status}${end ? ' end' : ''}`);
    this.response = response;
    this.responded.resolve(response);
    if (end) this.done.resolve();
  }
  onBody(chunk: Uint8Array, end: boolean): void {
    this.#note(`body ${chunk.length}${end ? ' end' : ''}`);
    this.body += Buffer.from(chunk).toString('latin1');
    this.bodyBytes += chunk.length;
    if (this.stalled) this.withheld += chunk.length;
    else this.leg.consumed(chunk.length);
    if (end) this.done.resolve();
  }
  onTrailers({ fields }: Trailers): void {
    this.#note(`trailers ${fields.join(' ')}`);
    this.trailers = fields;
    this.done.resolve();
  }
  onWritable(): void {
    this.writable++;
    this.#note('writable');
  }
  onError(reason: Reason): void {
    this.#note(`error ${reason.code}`);
    this.error = reason;
    this.done.resolve();
  }
  onStopSending(): void {
    this.stopped = true;
    this.#note('stop sending');
  }
  onSettled(): void {
    this.#note('settled');
    this.settled.resolve();
  }
}

export const text = (value: string): Uint8Array => Buffer.from(value, 'latin1');
