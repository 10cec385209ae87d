/** A small HTTP/2 client for the demo's traffic: one connection, and per request somebody who decides what to do. */
import { connect as connectTcp, type Socket } from 'node:net';
import {
  Connection,
  ErrorCode,
  type Handler,
  type RequestHead,
  type ResponseHead,
  type Stream,
} from '@glassway/h2-core';
import { attach, now } from '@glassway/h2-core/node';
import { dial } from '@glassway/tls-alpn';

/** Where the gateway listens. */
export interface TrafficTarget {
  readonly host: string;
  readonly port: number;
  /** PEM of the root to trust; null: any certificate, since the peer is this very process. Absent: cleartext. */
  readonly tls?: { readonly ca: string | null };
}

/** A request under way, as its maker handles it. All methods are optional. */
export interface TrafficHandler {
  onResponse?(call: Call, status: number): void;
  /** Answers true to keep the octets (they must be released later), false to have them released at once. */
  onData?(call: Call, bytes: number): boolean;
  onWritable?(call: Call): void;
  /** The stream is closed, however it ended. */
  onClosed?(call: Call): void;
}

/** One request on its stream. */
export class Call {
  readonly #connection: Connection;
  readonly stream: Stream;
  readonly handler: TrafficHandler;
  #kept = 0;
  isClosed = false;

  constructor(connection: Connection, head: RequestHead, end: boolean, handler: TrafficHandler) {
    this.#connection = connection;
    this.handler = handler;
    this.stream = connection.request(head, end, this);
  }

  /** Sends body octets; false: wait for `onWritable`. */
  write(chunk: Uint8Array, end: boolean): boolean {
    return this.isClosed || this.#connection.write(this.stream, chunk, end);
  }

  /** Gives the request up. */
  cancel(): void {
    if (!this.isClosed) this.#connection.reset(this.stream, ErrorCode.CANCEL, 'the demo client lost interest');
  }

  /** Takes what was kept, so that the window opens again. */
  releaseKept(): void {
    if (!this.isClosed && this.#kept > 0) this.#connection.release(this.stream, this.#kept);
    this.#kept = 0;
  }

  /** Body octets came. */
  received(bytes: number): void {
    if (this.handler.onData?.(this, bytes) === true) this.#kept += bytes;
    else if (bytes > 0) this.#connection.release(this.stream, bytes);
  }
}

/** One connection to the gateway. */
export class TrafficClient implements Handler {
  readonly #connection: Connection;
  readonly #socket: Socket;
  readonly #scheme: string;
  readonly #authority: string;
  /** Called once when the connection is over. */
  onGone: (() => void) | null = null;

  private constructor(socket: Socket, target: TrafficTarget) {
    this.#socket = socket;
    this.#scheme = target.tls === undefined ? 'http' : 'https';
    this.#authority = `localhost:${target.port}`;
    // Windows of the size browsers use are too large for a demo to be seen running empty.
    const options = { initialWindowSize: 131_072, initialConnectionWindowSize: 1_048_576 };
    this.#connection = new Connection({ role: 'client', handler: this, ...options }, now());
    attach(socket, this.#connection);
  }

  /** Connects. Rejects when the gateway cannot be reached or does not speak HTTP/2. */
  static async connect(target: TrafficTarget): Promise<TrafficClient> {
    if (target.tls !== undefined) {
      const { ca } = target.tls;
      const { socket } = await dial(`https://${target.host}:${target.port}`, {
        protocols: ['h2'],
        servername: 'localhost',
        ...(ca === null ? { verify: false } : { ca }),
      });
      return new TrafficClient(socket, target);
    }
    const socket = connectTcp(target.port, target.host);
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve();
      });
    });
    return new TrafficClient(socket, target);
  }

  /** A request can be made now. */
  get isReady(): boolean {
    return !this.#connection.isClosed && this.#connection.canOpen;
  }

  /** Makes a request. `isReady` must be true. `fields`: besides user-agent. */
  call(method: string, path: string, hasBody: boolean, handler: TrafficHandler, fields: readonly string[] = []): Call {
    const head: RequestHead = {
      method,
      scheme: this.#scheme,
      authority: this.#authority,
      path,
      protocol: '',
      fields: ['user-agent', 'glassway-demo', ...fields],
      sensitive: null,
    };
    return new Call(this.#connection, head, !hasBody, handler);
  }

  /** Closes when the requests under way are done. */
  leave(): void {
    if (!this.#connection.isClosed) this.#connection.shutdown();
  }

  /** Closes now. */
  destroy(): void {
    this.#socket.destroy();
  }

  onResponse(stream: Stream, head: ResponseHead): void {
    const call = stream.context as Call;
    call.handler.onResponse?.(call, head.status);
  }

  onData(stream: Stream, chunk: Uint8Array): void {
    (stream.context as Call).received(chunk.length);
  }

  onWritable(stream: Stream): void {
    const call = stream.context as Call;
    call.handler.onWritable?.(call);
  }

  onStreamClosed(stream: Stream): void {
    const call = stream.context as Call;
    call.isClosed = true;
    call.handler.onClosed?.(call);
  }

  onClosed(): void {
    this.onGone?.();
  }
}
