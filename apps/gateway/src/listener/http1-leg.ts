import type { IncomingMessage, ServerResponse } from 'node:http';
import { ErrorCode, type FieldList } from '@glassway/h2-core';
import type {
  ClientFacts,
  ClientLeg,
  ClientLegEvents,
  RequestMessage,
  ResponseMessage,
  Trailers,
} from '../exchange/legs.ts';
import { type Reason, reason } from '../exchange/reason.ts';
import type { Trace } from '../trace/trace.ts';
import { NO_EVENTS } from './context.ts';
import { hasField, responseHead, withoutField } from './http1-head.ts';

const EMPTY = new Uint8Array(0);

/** What a leg needs of the connection it is on. */
export interface Http1LegHost {
  readonly trace: Trace;
  readonly bodyWindowBytes: number;
  readonly lingerTimeoutMs: number;
  /** Field lines that trailers may have. */
  readonly maxHeaderFields: number;
  /** True: this response must be the connection's last. */
  readonly isLast: boolean;
  /** The socket takes no more output. */
  readonly isEnded: boolean;
  /** Both halves of the exchange are over; the next one may begin if the socket allows. */
  legDone(): void;
  /** Closes the socket so that the client sees a failure. */
  abort(): void;
  /** The request cannot be passed on to its end: says so as far as that is possible, and closes. */
  giveUp(leg: Http1Leg, why: Reason): void;
  /** Our side of the socket has ended: the client gets a moment to end its own. */
  linger(): void;
}

/** One HTTP/1 exchange over Node's parser and serialiser. */
export class Http1Leg implements ClientLeg {
  readonly facts: ClientFacts;
  events: ClientLegEvents = NO_EVENTS;
  /** Request body octets received, for the progress check. */
  bodyOctets = 0;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #host: Http1LegHost;
  readonly #hasBody: boolean;
  readonly #isHead: boolean;
  #held = 0;
  #paused = false;
  #requestDone: boolean;
  #responseEnded = false;
  #responseDone = false;
  /** The rest of the request body is of no interest; it is read and dropped. */
  #stopped = false;
  #needDrain = false;
  #over = false;
  #linger: NodeJS.Timeout | undefined;

  constructor(
    facts: ClientFacts,
    message: RequestMessage,
    request: IncomingMessage,
    response: ServerResponse,
    host: Http1LegHost,
  ) {
    this.facts = facts;
    this.#request = request;
    this.#response = response;
    this.#host = host;
    this.#hasBody = message.hasBody;
    this.#isHead = message.method === 'HEAD';
    this.#requestDone = !message.hasBody;
  }

  /** The exchange listens now: body and response events may come. */
  begin(): void {
    const request = this.#request;
    // An aborted request reports it as an error too; the socket's close has told us already.
    request.on('error', () => {});
    if (this.#hasBody) {
      request.on('data', (chunk: Uint8Array) => this.#onData(chunk));
      request.on('end', () => this.#onEnd());
    } else {
      request.resume();
    }
    this.#response.on('drain', () => this.#onDrain());
    this.#response.on('finish', () => this.#onFinish());
  }

  /** The gateway is ready for body octets that do not come. */
  get waitsForBody(): boolean {
    return !this.#requestDone && !this.#paused && !this.#over;
  }

  /** Whether the whole request was read. */
  get requestDone(): boolean {
    return this.#requestDone;
  }

  /** Whether nothing of a final response has been sent. */
  get canStillAnswer(): boolean {
    return !this.#response.headersSent;
  }

  inform(response: ResponseMessage): void {
    // RFC 9110 15.2: HTTP/1.0 knows no 1xx. 101 changes the protocol and is never relayed.
    if (this.#over || this.#response.headersSent || this.facts.protocol === 'http/1.0' || response.status === 101)
      return;
    if (response.status === 100) {
      this.#response.writeContinue();
      return;
    }
    // Only the exchange at the head of the line is served, so the socket is this response's.
    this.#response.socket?.write(responseHead(response.status, response.fields), 'latin1');
  }

  respond(response: ResponseMessage, end: boolean): void {
    if (this.#over) return;
    const { status } = response;
    const fields = this.#framed(response, end);
    // Node closes by itself where a client was not told to go on and may send its body or not (D21).
    if (this.#host.isLast) this.#response.shouldKeepAlive = false;
    this.#host.trace.http1Response(this.facts.connectionId, this.facts.streamId, status, fields);
    this.#response.writeHead(status, fields as string[]);
    if (end) this.#end(EMPTY);
    // Node would hold the head until the first body octet, which for a stream of events may be far away. At the end of
    // the turn, so that a body at hand goes out in the same write.
    else process.nextTick(flushHead, this.#response);
  }

  /** The fields with the framing this response will have; what Node cannot frame it throws at. */
  #framed({ status, fields }: ResponseMessage, end: boolean): FieldList {
    const bodiless = this.#isHead || status === 204 || status === 304;
    let framed = status === 204 ? withoutField(fields, 'content-length') : fields;
    if (hasField(framed, 'trailer')) {
      // RFC 9112 7.1.2: only chunks carry trailers, so those that were announced are worth more than the length.
      const chunked = !end && !bodiless && this.facts.protocol === 'http/1.1';
      framed = withoutField(framed, chunked ? 'content-length' : 'trailer');
    }
    // RFC 9110 8.6: saying 0 saves the chunked framing of nothing, but would be untrue where there is never a body.
    return end && !bodiless && !hasField(framed, 'content-length') ? [...framed, 'content-length', '0'] : framed;
  }

  write(chunk: Uint8Array, end: boolean): boolean {
    if (this.#over || this.#responseEnded) return true;
    if (chunk.length > 0) this.#host.trace.http1Body(this.facts.connectionId, this.facts.streamId, 1, chunk.length);
    if (end) {
      this.#end(chunk);
      return true;
    }
    if (this.#response.write(chunk)) return true;
    this.#needDrain = true;
    this.#host.trace.http1Blocked(this.facts.connectionId, this.facts.streamId, this.#response.writableLength);
    return false;
  }

  trailers({ fields }: Trailers): void {
    if (this.#over || this.#responseEnded) return;
    // RFC 9112 7.1.2: only the chunked coding has a place for them.
    if (this.#response.chunkedEncoding) {
      const pairs: [string, string][] = [];
      for (let i = 0; i + 1 < fields.length; i += 2) pairs.push([fields[i]!, fields[i + 1]!]);
      this.#response.addTrailers(pairs);
    }
    this.#end(EMPTY);
  }

  reset(why: Reason): void {
    if (this.#over) return;
    if (why.h2Code === ErrorCode.NO_ERROR && this.#responseEnded) {
      this.#stopUpload();
      return;
    }
    this.#close(why);
    this.#tellFinished();
    this.#host.abort();
  }

  consumed(bytes: number): void {
    if (this.#over) return;
    this.#held -= bytes;
    if (this.#paused && this.#held * 2 <= this.#host.bodyWindowBytes) {
      this.#paused = false;
      this.#request.resume();
    }
  }

  // HTTP/1.1 counts by connections, which end with what was cut.
  settled(): void {}

  /** The connection is gone, or its request can no longer be understood: tells the exchange, once. `answered`: status of the answer, 0: none. */
  lost(why: Reason, answered = 0): void {
    if (this.#over) return;
    this.#close(why);
    const { events } = this;
    this.events = NO_EVENTS;
    events.onAbort(why, answered);
  }

  #end(chunk: Uint8Array): void {
    this.#responseEnded = true;
    if (chunk.length > 0) this.#response.end(chunk);
    else this.#response.end();
  }

  #onData(chunk: Uint8Array): void {
    this.bodyOctets += chunk.length;
    if (this.#over || this.#stopped) return;
    this.#host.trace.http1Body(this.facts.connectionId, this.facts.streamId, 0, chunk.length);
    this.#held += chunk.length;
    if (this.#held >= this.#host.bodyWindowBytes) {
      this.#paused = true;
      this.#request.pause();
    }
    this.events.onBody(chunk, false);
  }

  #onEnd(): void {
    this.#requestDone = true;
    if (!this.#over) this.#host.trace.http1Complete(this.facts.connectionId, this.facts.streamId, 0);
    if (!this.#over && !this.#stopped) {
      const raw = this.#request.rawTrailers;
      const { maxHeaderFields } = this.#host;
      if (raw.length > maxHeaderFields * 2) {
        const text = `${raw.length / 2} trailers, at most ${maxHeaderFields} are allowed`;
        this.#host.giveUp(this, reason('request_too_large', text, { rfc: '6585 5', rule: 'http1.fields' }));
        return;
      }
      if (raw.length === 0) {
        this.events.onBody(EMPTY, true);
      } else {
        const fields = raw.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text));
        this.events.onTrailers({ fields, sensitive: null });
      }
    }
    if (this.#responseDone) this.#finish();
  }

  #onDrain(): void {
    if (this.#over || !this.#needDrain) return;
    this.#needDrain = false;
    this.#host.trace.http1Blocked(this.facts.connectionId, this.facts.streamId, 0);
    this.events.onWritable();
  }

  #onFinish(): void {
    this.#responseDone = true;
    if (!this.#over) this.#host.trace.http1Complete(this.facts.connectionId, this.facts.streamId, 1);
    // Without keep-alive Node has ended the socket by now, whatever the client still sends.
    if (this.#requestDone || this.#host.isEnded) {
      this.#finish();
    } else {
      // RFC 9112 9.3: the body must be read to reuse the connection, but not for ever.
      this.#stopUpload();
      this.#linger = setTimeout(() => this.#host.abort(), this.#host.lingerTimeoutMs);
      this.#tellFinished();
    }
  }

  #stopUpload(): void {
    if (this.#stopped || this.#requestDone) return;
    this.#stopped = true;
    this.#paused = false;
    this.#request.resume();
  }

  #finish(): void {
    if (this.#over) return;
    this.#close(null);
    this.#tellFinished();
    this.#host.legDone();
  }

  #tellFinished(): void {
    const { events } = this;
    this.events = NO_EVENTS;
    events.onFinished();
  }

  #close(why: Reason | null): void {
    this.#over = true;
    clearTimeout(this.#linger);
    this.#host.trace.http1End(this.facts.connectionId, this.facts.streamId, why);
  }
}

/** The reason for an exchange whose connection ended under it. */
export function clientClosed(): Reason {
  return reason('client_closed', 'the client closed the connection before the response was complete');
}

function flushHead(response: ServerResponse): void {
  if (!response.writableEnded && !response.destroyed) response.flushHeaders();
}
