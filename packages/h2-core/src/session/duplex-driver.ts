import { UsageError } from '../errors.ts';
import type { Driver, DriverSink } from './transport.ts';

/** What is used of a Node stream. net.Socket, TLSSocket and every stream.Duplex have this shape. */
export interface DuplexLike {
  on(event: string, listener: (argument: unknown) => void): unknown;
  off(event: string, listener: (argument: unknown) => void): unknown;
  write(chunk: Uint8Array): boolean;
  cork(): void;
  uncork(): void;
  end(flushed: () => void): unknown;
  destroy(error?: Error): unknown;
  pause(): unknown;
  resume(): unknown;
  readonly destroyed: boolean;
  readonly writable: boolean;
  readonly writableLength: number;
}

/** What sockets have beyond other Duplex streams. */
interface SocketLike extends DuplexLike {
  setNoDelay?(on: boolean): unknown;
  /** True until the transport connection is made. */
  readonly connecting?: boolean;
  /** True for TLS. */
  readonly encrypted?: boolean;
}

/** Octets waiting in the stream at which no more DATA is cut for it. */
const HIGH_WATER = 262_144;

const noop = (): void => {};

/** Drives a Node stream. */
export class DuplexDriver implements Driver {
  private readonly stream: SocketLike;
  private blocked = false;
  /** Called when the end of our side has left, or cannot leave any more: a stream that is destroyed says no word of it. */
  private flushed: () => void = noop;

  constructor(stream: DuplexLike) {
    this.stream = stream;
  }

  start(sink: DriverSink): void {
    const { stream } = this;
    // The error listener goes on first: an error without one ends the process.
    stream.on('error', cause => sink.closed(cause));
    stream.on('close', () => {
      sink.closed(undefined);
      this.flushed();
    });
    stream.on('end', () => sink.closed(undefined));
    stream.on('drain', () => {
      if (!this.blocked) return;
      this.blocked = false;
      sink.drained();
    });
    stream.on('data', chunk => {
      if (!(chunk instanceof Uint8Array)) {
        throw new UsageError(
          'api.transport',
          'the stream does not deliver octets: it must not be in object mode or have an encoding',
        );
      }
      sink.received(chunk);
    });
    // Whoever took an HTTP/1.1 head off it had to pause it, so that nothing is lost in between.
    stream.resume();
    stream.setNoDelay?.(true);
  }

  write(parts: readonly Uint8Array[]): boolean {
    const { stream } = this;
    let more = true;
    if (parts.length === 1) {
      more = stream.write(parts[0] as Uint8Array);
    } else if (parts.length > 1) {
      stream.cork();
      for (const part of parts) more = stream.write(part);
      stream.uncork();
    }
    // Only a write that was answered false is followed by 'drain'.
    this.blocked = !more && stream.writableLength >= HIGH_WATER;
    return !this.blocked;
  }

  get backlog(): number {
    return this.stream.writableLength;
  }

  get isWritable(): boolean {
    return !this.stream.destroyed && this.stream.writable;
  }

  pause(): void {
    this.stream.pause();
  }

  resume(): void {
    this.stream.resume();
  }

  end(flushed: () => void): void {
    const { stream } = this;
    this.flushed = () => {
      this.flushed = noop;
      flushed();
    };
    if (stream.destroyed) this.flushed();
    else stream.end(() => this.flushed());
  }

  destroy(): void {
    this.stream.destroy();
  }

  /** True when the stream is a socket that does not have its connection yet. */
  get isConnecting(): boolean {
    return this.stream.connecting === true;
  }

  /** True for a TLS socket. */
  get isEncrypted(): boolean {
    return this.stream.encrypted === true;
  }

  /** Settles when the socket has its connection, or has failed to get it. */
  connected(): Promise<void> {
    const { stream } = this;
    const event = this.isEncrypted ? 'secureConnect' : 'connect';
    return new Promise((resolve, reject) => {
      const settle = (cause: unknown): void => {
        stream.off(event, settle);
        stream.off('error', settle);
        stream.off('close', settle);
        if (cause instanceof Error) reject(cause);
        else if (stream.destroyed) reject(new Error('the socket was closed before it was connected'));
        else resolve();
      };
      stream.on(event, settle);
      stream.on('error', settle);
      stream.on('close', settle);
    });
  }
}
