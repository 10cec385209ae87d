/// <reference lib="esnext.disposable" preserve="true" />

import { ErrorCode, UsageError } from '../errors.ts';
import { type BodySource, readerOf } from './body-source.ts';
import { flatten, type HeadersInput } from './headers.ts';
import { utf8 } from './host.ts';
import { inspectAsText } from './inspect.ts';
import { pipe } from './pipe.ts';
import type { StreamLink } from './stream-link.ts';
import { type HostWritableStream, writableTo } from './web-streams.ts';

const EMPTY = new Uint8Array(0);

/**
 * Our half of a stream, once its head is sent: octets, then END_STREAM or trailers. Independent of the peer's half.
 *
 *     if (!body.write(chunk)) await body.ready();
 *
 * When the stream has been reset, writing does nothing and `ready()` fails with the `H2Error`.
 */
export class SendStream {
  private readonly link: StreamLink;

  constructor(link: StreamLink) {
    this.link = link;
  }

  /**
   * Sends octets, or text as UTF-8. The octets belong to the connection from now on: do not change them. False: the send
   * buffer is full, `ready()` tells when there is room (more is taken, but grows without bound).
   */
  write(chunk: Uint8Array | string): boolean {
    this.checkOpen();
    return this.link.write(octets(chunk), false);
  }

  /** Settles when the send buffer has room: at once unless `write` has answered false. Fails when the stream was reset. */
  ready(): Promise<void> {
    return this.link.awaitRoom();
  }

  /** Octets that `write` takes before it answers false. */
  get capacity(): number {
    const { link } = this;
    if (link.failure !== null || link.sendEnded) return 0;
    return Math.max(0, link.sendBufferSize - link.stream.bufferedBytes);
  }

  /** Octets the peer allows us to send on this stream now; may be negative (RFC 9113 6.9.2). */
  get window(): number {
    return this.link.stream.sendWindow;
  }

  /** Ends our half, with a last chunk if there is one. */
  end(chunk?: Uint8Array | string): void {
    this.checkOpen();
    const { link } = this;
    link.write(chunk === undefined ? EMPTY : octets(chunk), true);
    link.endSend();
  }

  /** Ends our half with trailers (RFC 9113 8.1), after everything written. */
  trailers(headers: HeadersInput): void {
    this.checkOpen();
    const { link } = this;
    const { fields, sensitive } = flatten(headers);
    if (!link.isBodyless && link.failure === null) link.core.trailers(link.stream, fields, sensitive);
    link.endSend();
  }

  /** True when our half has been ended by `end`, `trailers` or a reset. */
  get isEnded(): boolean {
    const { link } = this;
    if (link.failure !== null) link.noteTold();
    return link.sendEnded || link.failure !== null;
  }

  /** Settles when END_STREAM has left for the transport; fails when the stream was reset before. */
  get finished(): Promise<void> {
    return this.link.awaitFinished();
  }

  /** Ends the whole stream, both halves, with RST_STREAM. `reason` is for the tap. Default code: CANCEL. */
  reset(code: number = ErrorCode.CANCEL, reason = ''): void {
    this.link.reset(code, reason);
  }

  /**
   * Sends everything `source` gives, at the peer's pace, and ends our half unless `end` is false. When the stream is
   * reset the source is told to stop and the promise fails; when the source fails the stream is reset with
   * INTERNAL_ERROR and the promise fails with the source's error. What is no source, or is being read by others, fails it
   * with a `UsageError` (`api.body`), and so does a half that has ended; nothing has happened then.
   */
  pipeFrom(source: BodySource, options?: { readonly end?: boolean }): Promise<void> {
    try {
      this.checkOpen();
      return pipe(readerOf(source), this, this.link, options?.end ?? true);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Our half as a WHATWG stream: closing it is `end()`, aborting it resets the stream with CANCEL. */
  toWritableStream(): HostWritableStream {
    return writableTo(
      chunk => (this.write(chunk) ? undefined : this.ready()),
      () => this.end(),
      () => this.link.abort(),
    );
  }

  /** Resets the stream with CANCEL unless our half has been ended. */
  abort(): void {
    if (!this.link.sendEnded) this.link.abort();
  }

  /** `abort()`. */
  [Symbol.dispose](): void {
    this.abort();
  }

  private checkOpen(): void {
    const { link } = this;
    if (!link.sendEnded) return;
    throw new UsageError('api.write-after-end', `our half of stream ${link.stream.id} has ended`);
  }

  /** For people: `body of stream 1`, and whether it has ended. */
  toString(): string {
    return `body of stream ${this.link.stream.id}${this.isEnded ? ', ended' : ''}`;
  }

  static {
    inspectAsText(SendStream.prototype);
  }
}

function octets(chunk: Uint8Array | string): Uint8Array {
  if (typeof chunk === 'string') return utf8(chunk);
  if (chunk instanceof Uint8Array) return chunk;
  throw new UsageError('api.chunk', 'a chunk of body is a Uint8Array or a string');
}
