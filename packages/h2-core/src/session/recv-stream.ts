/// <reference lib="esnext.disposable" preserve="true" />

import { UsageError } from '../errors.ts';
import { lasting } from '../frame/bytes.ts';
import { shown } from '../shown.ts';
import type { HeaderList } from './headers.ts';
import { fromUtf8 } from './host.ts';
import { inspectAsText } from './inspect.ts';
import { ReceiveMode, type StreamLink } from './stream-link.ts';
import { type HostReadableStream, readableFrom } from './web-streams.ts';

/** Octets `bytes()` and `text()` collect unless told otherwise. */
const MAX_COLLECTED = 16_777_216;

/** Flow control of a received body (RFC 9113 5.2): who gives octets back to the peer, and when. */
export class FlowControl {
  private readonly link: StreamLink;

  constructor(link: StreamLink) {
    this.link = link;
  }

  /**
   * `automatic` (default): octets go back as the reader takes them. `manual`: by `release` only. Switching to `automatic`
   * gives back what was taken and not released.
   */
  get mode(): 'automatic' | 'manual' {
    return this.link.receiveMode === ReceiveMode.MANUAL ? 'manual' : 'automatic';
  }

  set mode(mode: 'automatic' | 'manual') {
    const { link } = this;
    if (mode !== 'automatic' && mode !== 'manual') {
      throw new UsageError('api.release', `the mode of flow control is "automatic" or "manual", not ${shown(mode)}`);
    }
    if (link.receiveMode === ReceiveMode.DISCARD || mode === this.mode) return;
    link.receiveMode = mode === 'manual' ? ReceiveMode.MANUAL : ReceiveMode.AUTOMATIC;
    if (mode === 'automatic') link.core.release(link.stream, link.stream.unreleasedBytes - link.queuedOctets);
  }

  /** Octets received and not given back. */
  get held(): number {
    return this.link.stream.unreleasedBytes;
  }

  /** Octets the peer may still send on this stream. */
  get window(): number {
    return this.link.stream.receiveWindow;
  }

  /**
   * Gives `octets` back to both windows, in manual mode. WINDOW_UPDATE is sent when half a window has come together. More
   * than `held` throws a `UsageError` (`api.over-release`); after the end of the stream nothing happens.
   */
  release(octets: number): void {
    const { link } = this;
    if (link.receiveMode !== ReceiveMode.MANUAL) {
      throw new UsageError('api.release', 'set flowControl.mode to "manual" before releasing octets yourself');
    }
    link.core.release(link.stream, octets);
  }
}

/**
 * A received body: iterate over it once for its octets, then ask for `trailers`. Octets wait here under flow control: the
 * peer can send no more than the stream's window ahead of the reader. A reset of the stream fails the iteration with an
 * `H2Error`, and every read after that one too: a body that was cut short never seems to have come to its end. A client
 * can read before that what had been received; a server throws it away, since no window bounds it any more. Leaving the loop
 * early is `cancel()`.
 */
export class RecvStream implements AsyncIterable<Uint8Array> {
  private readonly link: StreamLink;
  private control: FlowControl | null = null;

  constructor(link: StreamLink) {
    this.link = link;
  }

  /** True when the body has ended and everything was read; at once for a message without body. */
  get isEnded(): boolean {
    const { link } = this;
    return link.receiveEnded && link.queuedOctets === 0 && !link.isCutShort;
  }

  /** Flow control, automatic unless changed. */
  get flowControl(): FlowControl {
    this.control ??= new FlowControl(this.link);
    return this.control;
  }

  /**
   * The next octets; `done` at the end. Chunks are never empty. Taken at once they are as they came, views of what the
   * transport delivered; small ones that have waited may be gathered. Copy what you keep for long: a view holds all of that.
   */
  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    return this.link.read();
  }

  /** Iterates over the octets. One reader at a time. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return {
      next: () => this.next(),
      return: () => {
        this.cancel();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  /**
   * The trailers (RFC 9113 8.1), once the body has ended; null when it ended without. Read the body too: a body larger
   * than the window does not end unread.
   */
  trailers(): Promise<HeaderList | null> {
    return this.link.awaitTrailers();
  }

  /**
   * Reads no more. A client resets the stream with CANCEL. A server throws away what comes; when its response is complete
   * it asks the client to stop, by RST_STREAM with NO_ERROR (RFC 9113 8.1). Unless the body had been read to its end,
   * whoever reads it, or waits for octets already, gets an `H2Error` (`body.cancelled`).
   */
  cancel(): void {
    this.link.cancelRead();
  }

  /** The whole body. More than `maxOctets` (default 16 MiB) throws a `UsageError` and cancels it. */
  async bytes(maxOctets: number = MAX_COLLECTED): Promise<Uint8Array> {
    // A limit that is none would let everything through.
    if (typeof maxOctets !== 'number' || !(maxOctets >= 0)) {
      throw new UsageError('api.body-limit', `maxOctets is ${shown(maxOctets)}; it must be a number of 0 or more`);
    }
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this) {
      size += chunk.length;
      if (size > maxOctets) throw new UsageError('api.body-too-large', `the body has more than ${maxOctets} octets`);
      chunks.push(lasting(chunk));
    }
    const whole = new Uint8Array(size);
    let at = 0;
    for (const chunk of chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  /** The whole body as UTF-8; `maxOctets` as for `bytes`. */
  async text(maxOctets: number = MAX_COLLECTED): Promise<string> {
    return fromUtf8(await this.bytes(maxOctets));
  }

  /** The body as a WHATWG stream, to be used instead of iterating. Nothing is read ahead. */
  toReadableStream(): HostReadableStream {
    return readableFrom(
      () => this.next(),
      () => this.cancel(),
    );
  }

  /** `cancel()`, unless the body has ended. */
  [Symbol.dispose](): void {
    if (!this.link.receiveEnded) this.cancel();
  }

  /** For people: `body of stream 1`, and what waits to be read. */
  toString(): string {
    return `body of stream ${this.link.stream.id}, ${this.link.queuedOctets} octets to read${this.isEnded ? ', ended' : ''}`;
  }

  static {
    inspectAsText(RecvStream.prototype);
  }
}
