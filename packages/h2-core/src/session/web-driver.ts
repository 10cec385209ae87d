import { UsageError } from '../errors.ts';
import type { Driver, DriverSink } from './transport.ts';

/** What is used of a WHATWG ReadableStream of Uint8Array. */
export interface WebReadable {
  getReader(): {
    read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
    cancel(reason?: unknown): Promise<void>;
    releaseLock?(): void;
  };
}

/** What is used of a WHATWG WritableStream of Uint8Array. */
export interface WebWritable {
  getWriter(): {
    write(chunk: Uint8Array): Promise<void>;
    close(): Promise<void>;
    abort(reason?: unknown): Promise<void>;
  };
}

/** Two WHATWG streams that together are a transport, as WebTransport, Deno.connect or socket polyfills give. */
export interface WebPair {
  readonly readable: WebReadable;
  readonly writable: WebWritable;
}

/** Octets written and not yet taken by the stream at which no more DATA is cut for it. */
const HIGH_WATER = 262_144;

const ignore = (): void => {};

/** Drives a pair of WHATWG streams. */
export class WebDriver implements Driver {
  backlog = 0;
  private readonly reader: ReturnType<WebReadable['getReader']>;
  private readonly writer: ReturnType<WebWritable['getWriter']>;
  private sink: DriverSink | null = null;
  private blocked = false;
  private ending = false;
  private over = false;
  /** While delivery is paused: restarts it. */
  private unpause: (() => void) | null = null;
  private paused = false;

  constructor(pair: WebPair) {
    this.reader = pair.readable.getReader();
    this.writer = pair.writable.getWriter();
  }

  start(sink: DriverSink): void {
    this.sink = sink;
    void this.deliver(sink);
  }

  private async deliver(sink: DriverSink): Promise<void> {
    try {
      for (;;) {
        if (this.paused) await new Promise<void>(resume => (this.unpause = resume));
        const { done, value } = await this.reader.read();
        if (done) break;
        if (!(value instanceof Uint8Array)) {
          throw new UsageError('api.transport', 'the readable stream does not deliver Uint8Array');
        }
        if (!this.ending) sink.received(value);
      }
      this.stop(undefined);
    } catch (cause) {
      this.stop(cause);
    }
  }

  private stop(cause: unknown): void {
    if (this.over) return;
    this.over = true;
    this.sink?.closed(cause);
  }

  write(parts: readonly Uint8Array[]): boolean {
    for (const part of parts) {
      const { length } = part;
      this.backlog += length;
      this.writer.write(part).then(
        () => this.taken(length),
        cause => this.stop(cause),
      );
    }
    this.blocked = this.backlog >= HIGH_WATER;
    return !this.blocked;
  }

  private taken(octets: number): void {
    this.backlog -= octets;
    if (!this.blocked || this.backlog > HIGH_WATER >>> 1) return;
    this.blocked = false;
    this.sink?.drained();
  }

  get isWritable(): boolean {
    return !this.ending;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    const { unpause } = this;
    this.unpause = null;
    unpause?.();
  }

  end(flushed: () => void): void {
    this.ending = true;
    this.writer.close().then(flushed, flushed);
  }

  destroy(): void {
    this.ending = true;
    this.writer.abort().catch(ignore);
    this.reader.cancel().catch(ignore);
    this.stop(undefined);
  }
}
