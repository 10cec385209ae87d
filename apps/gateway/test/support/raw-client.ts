/** Clients that send exactly the octets a test gives them, and tell what came back. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import {
  ACK,
  END_STREAM,
  FieldReader,
  type Frame,
  FrameReader,
  PREFACE,
  SETTINGS_ACK,
  settings,
  Type,
} from './h2-frames.ts';
import { PATIENCE_MS, real } from './patience.ts';

/** A socket and everything it received. */
export class RawClient {
  readonly socket: Socket;
  received: Buffer = Buffer.alloc(0);
  /** The server ended its side or the connection broke. */
  ended = false;
  /** The connection broke by a TCP reset. */
  wasReset = false;
  readonly #waiters = new Set<() => void>();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', chunk => {
      this.received = Buffer.concat([this.received, chunk]);
      this.onChunk(chunk);
      this.wake();
    });
    socket.on('end', () => this.#end());
    socket.on('close', () => this.#end());
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.wasReset ||= error.code === 'ECONNRESET';
    });
  }

  #end(): void {
    this.ended = true;
    this.wake();
  }

  protected onChunk(_chunk: Buffer): void {}

  protected wake(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }

  get text(): string {
    return this.received.toString('latin1');
  }

  send(octets: Uint8Array | string): this {
    this.socket.write(typeof octets === 'string' ? Buffer.from(octets, 'latin1') : octets);
    return this;
  }

  /** Waits until `holds`, looking again after everything that arrives. */
  until(what: string, holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter = (): void => {
        if (holds()) {
          done();
          resolve();
        } else if (this.ended) {
          done();
          reject(
            new Error(`the connection ended before ${what}; received: ${JSON.stringify(this.text.slice(0, 400))}`),
          );
        }
      };
      const timer = real.setTimeout(() => {
        done();
        reject(new Error(`waited in vain for ${what}; received: ${JSON.stringify(this.text.slice(0, 400))}`));
      }, PATIENCE_MS);
      const done = (): void => {
        real.clearTimeout(timer);
        this.#waiters.delete(waiter);
      };
      this.#waiters.add(waiter);
      waiter();
    });
  }

  /** Waits until the server has ended the connection; answers what it had sent. */
  async untilEnd(): Promise<string> {
    await this.until('the end', () => this.ended);
    return this.text;
  }

  async untilText(part: string): Promise<string> {
    await this.until(JSON.stringify(part), () => this.text.includes(part));
    return this.text;
  }

  close(): void {
    this.socket.destroy();
  }
}

/** What came back on a stream. */
export interface RawResponse {
  /** 1xx heads before the final one. */
  readonly informational: [string, string][][];
  head: [string, string][] | null;
  body: Buffer;
  trailers: [string, string][] | null;
  ended: boolean;
  /** Code of the RST_STREAM, -1: none. */
  resetCode: number;
}

/** A client that speaks HTTP/2 frame by frame. Acknowledges SETTINGS by itself, and nothing else. */
export class RawH2Client extends RawClient {
  readonly frames: Frame[] = [];
  /** Whether SETTINGS are acknowledged by itself; off while a test sends a frame in pieces. */
  autoAck = true;
  readonly #reader = new FrameReader();
  readonly #fields = new FieldReader();
  readonly #responses = new Map<number, RawResponse>();
  #block: Buffer[] = [];
  #skip: number;

  /** `skip`: octets before the first frame, as the 101 of an Upgrade. */
  constructor(socket: Socket, skip = 0) {
    super(socket);
    this.#skip = skip;
  }

  /** Sends the preface and SETTINGS. */
  hello(): this {
    return this.send(Buffer.concat([PREFACE, settings()]));
  }

  protected override onChunk(chunk: Buffer): void {
    const from = Math.min(this.#skip, chunk.length);
    this.#skip -= from;
    for (const frame of this.#reader.read(chunk.subarray(from))) {
      this.frames.push(frame);
      this.#take(frame);
    }
  }

  #take({ type, flags, streamId, payload }: Frame): void {
    if (type === Type.SETTINGS && (flags & ACK) === 0 && this.autoAck) this.send(SETTINGS_ACK);
    if (streamId === 0) return;
    const response = this.response(streamId);
    switch (type) {
      case Type.DATA:
        response.body = Buffer.concat([response.body, payload]);
        break;
      case Type.RST_STREAM:
        response.resetCode = payload.readUInt32BE(0);
        break;
      case Type.HEADERS:
      case Type.CONTINUATION:
        this.#block.push(payload);
        if ((flags & 0x4) !== 0) this.#section(response);
        break;
      default:
    }
    if ((type === Type.DATA || type === Type.HEADERS) && (flags & END_STREAM) !== 0) response.ended = true;
  }

  #section(response: RawResponse): void {
    const fields = this.#fields.read(Buffer.concat(this.#block));
    this.#block = [];
    if (response.head !== null) response.trailers = fields;
    else if (fields[0]?.[1].startsWith('1')) response.informational.push(fields);
    else response.head = fields;
  }

  response(streamId: number): RawResponse {
    let response = this.#responses.get(streamId);
    if (response === undefined) {
      response = { informational: [], head: null, body: Buffer.alloc(0), trailers: null, ended: false, resetCode: -1 };
      this.#responses.set(streamId, response);
    }
    return response;
  }

  /** The `:status` on a stream, empty while there is none. */
  status(streamId: number): string {
    return this.response(streamId).head?.find(([name]) => name === ':status')?.[1] ?? '';
  }

  async untilFrame(type: number, also: (frame: Frame) => boolean = () => true): Promise<Frame> {
    const find = (): Frame | undefined => this.frames.find(frame => frame.type === type && also(frame));
    await this.until(`a frame of type ${type}`, () => find() !== undefined);
    return find()!;
  }

  /** Waits for the end of the response. */
  async untilResponse(streamId: number): Promise<RawResponse> {
    const response = this.response(streamId);
    await this.until(`the response on stream ${streamId}`, () => response.ended || response.resetCode >= 0);
    return response;
  }

  /** Waits for RST_STREAM; answers its code. */
  async untilReset(streamId: number): Promise<number> {
    const response = this.response(streamId);
    await this.until(`RST_STREAM on stream ${streamId}`, () => response.resetCode >= 0);
    return response.resetCode;
  }

  /** Waits for GOAWAY with an error; answers code and debug data. */
  async untilGoAway(code?: number): Promise<{ lastStreamId: number; code: number; debug: string }> {
    const frame = await this.untilFrame(Type.GOAWAY, f => code === undefined || f.payload.readUInt32BE(4) === code);
    return {
      lastStreamId: frame.payload.readUInt32BE(0),
      code: frame.payload.readUInt32BE(4),
      debug: frame.payload.toString('latin1', 8),
    };
  }
}

export async function rawClient(port: number): Promise<RawClient> {
  const client = new RawClient(connect({ host: '127.0.0.1', port, noDelay: true }));
  await once(client.socket, 'connect');
  return client;
}

/** Connected, and with the preface sent. */
export async function rawH2Client(port: number): Promise<RawH2Client> {
  const client = new RawH2Client(connect({ host: '127.0.0.1', port, noDelay: true }));
  await once(client.socket, 'connect');
  return client.hello();
}

/** After the handshake; nothing sent. */
export async function rawTlsClient(port: number, alpn: string[], more: object = {}): Promise<RawH2Client> {
  const socket = connectTls({ host: '127.0.0.1', port, ALPNProtocols: alpn, rejectUnauthorized: false, ...more });
  const client = new RawH2Client(socket);
  await once(socket, 'secureConnect');
  return client;
}
