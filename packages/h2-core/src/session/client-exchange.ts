/// <reference lib="esnext.disposable" preserve="true" />

import { ErrorCode, UsageError } from '../errors.ts';
import type { RequestHead } from '../handler.ts';
import { shown } from '../shown.ts';
import type { ClientLink } from './client-link.ts';
import type { ClientResponse, Informational, PushedRequest } from './client-response.ts';
import { inspectAsText, requestLine } from './inspect.ts';
import { SendStream } from './send-stream.ts';

/** A request that was made, and what comes of it. */
export class Exchange {
  private readonly link: ClientLink;
  private sendStream: SendStream | null = null;

  constructor(link: ClientLink) {
    this.link = link;
  }

  /** The stream's number; 0 while the request waits for the server's stream limit. */
  get streamId(): number {
    return this.link.stream.id;
  }

  /** The request's head, as sent. */
  get request(): RequestHead {
    return this.link.head;
  }

  /**
   * The final response, once its head has come. Fails with an `H2Error` when there is none; `retryable` says that the
   * server certainly did nothing (RFC 9113 8.7).
   */
  get response(): Promise<ClientResponse> {
    return this.link.awaitResponse();
  }

  /** The 1xx responses, until the final one. At most 64 wait unread; one more resets the stream. */
  get informational(): AsyncIterable<Informational> {
    return this.link.informational();
  }

  /**
   * Requests the server promised along with this one, until the stream closes; none unless the connection has
   * `enablePush`. Ask for them before the response has ended: promises nobody asked for are then refused. Leaving the
   * loop refuses those not taken, and those still to come until it is asked for again. Over the whole connection at most `maxReservedStreams` wait to be taken, and their
   * responses hold at most one receive window; what goes beyond is reset (`push.too-many`, `push.untaken`).
   */
  get pushes(): AsyncIterable<PushedRequest> {
    return this.link.pushes();
  }

  /**
   * True for a request without body, or with one given whole, as text or octets: after a `retryable` error the program can
   * send it again as it is. False for a body from a source or written piece by piece.
   */
  get isReplayable(): boolean {
    return this.link.isReplayable;
  }

  /** The request's body, open for writing when `request` was told `endStream: false`. */
  get body(): SendStream {
    this.sendStream ??= new SendStream(this.link);
    return this.sendStream;
  }

  /**
   * Tells the server another priority than the `priority` field of the request did (PRIORITY_UPDATE, RFC 9218 7.1): `urgency`
   * 0 (first) to 7; `incremental`: the response is of use in parts. Nothing happens while the request waits for a slot.
   */
  prioritise(urgency: number, incremental = false): void {
    const { core, stream, failure, isClosed } = this.link;
    if (!Number.isInteger(urgency) || urgency < 0 || urgency > 7) {
      throw new UsageError('api.urgency', `urgency ${shown(urgency)} is not an integer from 0 to 7`);
    }
    if (stream.id === 0 || failure !== null || isClosed) return;
    core.priorityUpdate(stream.id, incremental ? `u=${urgency}, i` : `u=${urgency}`);
  }

  /** Ends the stream, both halves, with RST_STREAM. `reason` is for the tap. Default code: CANCEL. */
  reset(code: number = ErrorCode.CANCEL, reason = ''): void {
    this.link.reset(code, reason);
  }

  /** Gives the exchange up with CANCEL, unless it is complete. */
  abort(): void {
    this.link.abort();
  }

  /** `abort()`. */
  [Symbol.dispose](): void {
    this.abort();
  }

  /** For people: `GET https://example.org/path (stream 1)`. Fields and body are left out. */
  toString(): string {
    return requestLine(this.request, this.streamId);
  }

  static {
    inspectAsText(Exchange.prototype);
  }
}
