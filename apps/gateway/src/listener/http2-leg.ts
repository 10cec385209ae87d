import { type Connection, ErrorCode, type Stream } from '@glassway/h2-core';
import type { ClientFacts, ClientLeg, ClientLegEvents, ResponseMessage, Trailers } from '../exchange/legs.ts';
import { type Reason, reason } from '../exchange/reason.ts';
import { NO_EVENTS } from './context.ts';
import { refusal } from './rules.ts';

const DECLINED = reason('upload_stopped', 'the request was refused', { rfc: '9113 8.1' });

/** One stream of a client's HTTP/2 connection, as the exchange sees it. Closed streams ignore every command. */
export class Http2Leg implements ClientLeg {
  readonly facts: ClientFacts;
  events: ClientLegEvents = NO_EVENTS;
  readonly #connection: Connection;
  readonly #stream: Stream;
  readonly #isHead: boolean;
  readonly #reasonHeader: string;
  #requestEnded: boolean;
  #responded = false;
  /** The response was given to the core to its end; and it has left. */
  #responseEnded = false;
  #responseSent = false;
  /** Nobody wants the rest of the request: it is dropped, and reset with NO_ERROR when the response has left. */
  #declined = false;
  /** The stream is gone. */
  #over = false;
  /** The exchange had its last call. */
  #told = false;
  /** Octets that moved in either direction, and as they were when last looked at. */
  #octets = 0;
  #octetsSeen = -1;
  #idleSince = 0;

  constructor(
    facts: ClientFacts,
    connection: Connection,
    stream: Stream,
    method: string,
    requestEnded: boolean,
    reasonHeader: string,
  ) {
    this.#reasonHeader = reasonHeader;
    this.facts = facts;
    this.#connection = connection;
    this.#stream = stream;
    this.#isHead = method === 'HEAD';
    this.#requestEnded = requestEnded;
    // Or a client that resets what it has just asked for could have any number of requests under way (CVE-2023-44487).
    connection.hold(stream);
  }

  inform(response: ResponseMessage): void {
    // RFC 9113 8.6: there is no 101.
    if (this.#over || response.status === 101) return;
    this.#connection.inform(this.#stream, response.status, response.fields, response.sensitive);
  }

  respond(response: ResponseMessage, end: boolean): void {
    if (this.#over) return;
    this.#responded = true;
    this.#responseEnded = end;
    this.#connection.respond(this.#stream, response.status, response.fields, end, response.sensitive);
  }

  write(chunk: Uint8Array, end: boolean): boolean {
    if (this.#over) return true;
    this.#responseEnded ||= end;
    this.#octets += chunk.length;
    return this.#connection.write(this.#stream, chunk, end);
  }

  trailers({ fields, sensitive }: Trailers): void {
    if (this.#over) return;
    this.#responseEnded = true;
    this.#connection.trailers(this.#stream, fields, sensitive);
  }

  reset(why: Reason): void {
    if (this.#over) return;
    if (why.h2Code === ErrorCode.NO_ERROR && this.#responseEnded) {
      this.#declined = true;
      // RFC 9113 8.1: "after sending a complete response", which may still wait for the client's window.
      if (!this.#responseSent) return;
    }
    this.#connection.reset(this.#stream, why.h2Code, why.code);
  }

  consumed(bytes: number): void {
    // What a closed stream held went back to the connection's window when it closed.
    if (!this.#over && bytes > 0) this.#connection.release(this.#stream, bytes);
  }

  /** Answers in the gateway's own name and declines the rest of the request. */
  refuse(why: Reason): void {
    const { fields, body } = refusal(why, this.#reasonHeader);
    this.respond({ status: why.status, fields, sensitive: null }, this.#isHead);
    if (!this.#isHead) this.write(Buffer.from(body), true);
    if (!this.#requestEnded) this.reset(DECLINED);
  }

  /** The exchange goes no further: it is told, and the client gets the reason as far as it still can. */
  giveUp(why: Reason): void {
    if (this.#over || this.#told) return;
    const { events } = this;
    this.#told = true;
    this.events = NO_EVENTS;
    const answered = this.#responded ? 0 : why.status;
    if (this.#responded) this.reset(why);
    else this.refuse(why);
    events.onAbort(why, answered);
  }

  /** The request is not complete, and somebody wants it. */
  get isUploading(): boolean {
    return !this.#requestEnded && !this.#over && !this.#told && !this.#declined;
  }

  /**
   * How long nothing has moved although the gateway was ready, ms, as seen at the moments it was asked. `now` in
   * milliseconds.
   */
  idleFor(now: number): number {
    if (this.#octets !== this.#octetsSeen || this.#stream.unreleasedBytes > 0 || this.#stream.bufferedBytes > 0) {
      this.#octetsSeen = this.#octets;
      this.#idleSince = now;
    }
    return now - this.#idleSince;
  }

  settled(): void {
    this.#connection.done(this.#stream);
  }

  /** Body octets came. */
  onData(chunk: Uint8Array, end: boolean): void {
    if (end) this.#requestEnded = true;
    this.#octets += chunk.length;
    if (this.#told || this.#declined) this.consumed(chunk.length);
    else this.events.onBody(chunk, end);
  }

  /** The request ended with trailers. */
  onTrailers(trailers: Trailers): void {
    this.#requestEnded = true;
    if (!this.#declined) this.events.onTrailers(trailers);
  }

  /** The response has left. The core is cutting frames: what this leads to must wait until it is done. */
  onEndSent(): void {
    this.#responseSent = true;
    if (!this.#requestEnded) queueMicrotask(() => this.#outlivedByRequest());
  }

  #outlivedByRequest(): void {
    if (this.#declined && !this.#over) this.#connection.reset(this.#stream, ErrorCode.NO_ERROR, 'upload_stopped');
    this.#tellFinished();
  }

  /** The stream was reset by the client or the core. */
  onReset(why: Reason): void {
    if (this.#told) return;
    const { events } = this;
    this.#over = true;
    this.#told = true;
    this.events = NO_EVENTS;
    events.onAbort(why);
  }

  /** The stream is gone. */
  onClosed(): void {
    this.#over = true;
    this.#tellFinished();
  }

  #tellFinished(): void {
    if (this.#told) return;
    const { events } = this;
    this.#told = true;
    this.events = NO_EVENTS;
    events.onFinished();
  }
}
