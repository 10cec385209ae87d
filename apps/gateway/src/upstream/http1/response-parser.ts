import type { FieldSection } from './field-section.ts';
import { CR, HEX, LF, SEMICOLON, VALUE } from './octets.ts';
import { SectionReader } from './section-reader.ts';
import { type Violation, violation } from './violation.ts';

/** Whom the parser tells. Called synchronously inside `execute`; `stop()` is legal inside a call. */
export interface ResponseSink {
  /** A 1xx head. */
  onInformationalHead(status: number, head: FieldSection): void;
  /** The final head, or 101 to an upgrade. `end`: no body follows; the parser is idle again. */
  onHead(status: number, head: FieldSection, end: boolean): void;
  /** Body octets `[start, end)` of the buffer being executed. `last`: the message is complete, the parser idle again. */
  onBodyOctets(octets: Buffer, start: number, end: number, last: boolean): void;
  /** The message ended with these trailers; the parser is idle again. */
  onTrailerFields(fields: readonly string[]): void;
}

/** Bounds on one response. */
export interface ResponseLimits {
  readonly maxHeadBytes: number;
  readonly maxFields: number;
  readonly maxInformational: number;
}

/** What kind of request the next response answers. */
export const Expecting = { ORDINARY: 0, HEAD: 1, UPGRADE: 2 } as const;
/** One of `Expecting`. */
export type Expecting = (typeof Expecting)[keyof typeof Expecting];

const IDLE = 0;
const HEAD = 1;
const FIXED = 2;
const UNTIL_CLOSE = 3;
const CHUNK_SIZE = 4;
const CHUNK_EXTENSION = 5;
const CHUNK_SIZE_LF = 6;
const CHUNK_DATA = 7;
const CHUNK_DATA_CR = 8;
const CHUNK_DATA_LF = 9;
const TRAILERS = 10;
const TUNNEL = 11;
const STOPPED = 12;

/** One chunk-size line with extensions (RFC 9112 7.1.1: extensions must be bounded). */
const MAX_CHUNK_LINE = 4096;
/** Extension octets ahead of what the data they came with justifies: stops bodies that are all extensions. */
const MAX_CHUNK_OVERHEAD = 16_384;
const MAX_CHUNK_DIGITS = 16;

/** RFC 9112 responses, incrementally and strictly: whatever two parsers could read differently ends the connection. */
export class ResponseParser {
  /** Why parsing ended; null while it goes on. */
  failure: Violation | null = null;
  /** The response that has just ended allows the connection to be used again (RFC 9112 9.3). */
  reusable = false;

  readonly #sink: ResponseSink;
  readonly #limits: ResponseLimits;
  readonly #reader: SectionReader;
  #state = IDLE;
  #expecting: Expecting = Expecting.ORDINARY;
  #informational = 0;
  /** Octets still to come of the body or the chunk. */
  #remaining = 0;
  #digits = 0;
  #lineBytes = 0;
  #overhead = 0;
  /** Chunk data held back to see whether it is the last; offsets into the buffer being executed. */
  #heldStart = 0;
  #heldEnd = 0;

  constructor(sink: ResponseSink, limits: ResponseLimits) {
    this.#sink = sink;
    this.#limits = limits;
    this.#reader = new SectionReader(limits);
  }

  /** No response is outstanding. */
  get isIdle(): boolean {
    return this.#state === IDLE;
  }

  /** A request was sent: one final response may come. */
  begin(expecting: Expecting): void {
    this.#expecting = expecting;
    this.#informational = 0;
    this.#reader.begin(true);
    this.#state = HEAD;
    this.reusable = false;
  }

  /** Ignores everything from now on. */
  stop(): void {
    this.#state = STOPPED;
  }

  /** Parses `octets[start..end)`. Afterwards `failure` tells whether the connection must go. */
  execute(octets: Buffer, start: number, end: number): void {
    let at = start;
    this.#heldStart = 0;
    this.#heldEnd = 0;
    while (at < end) {
      switch (this.#state) {
        case HEAD:
          at = this.#readHead(octets, at, end);
          break;
        case FIXED:
          at = this.#readFixed(octets, at, end);
          break;
        case UNTIL_CLOSE:
        case TUNNEL:
          this.#sink.onBodyOctets(octets, at, end, false);
          return;
        case CHUNK_SIZE:
          at = this.#readChunkSize(octets, at, end);
          break;
        case CHUNK_EXTENSION:
          at = this.#readExtension(octets, at, end);
          break;
        case CHUNK_SIZE_LF:
          at = this.#readChunkSizeLf(octets, at, end);
          break;
        case CHUNK_DATA:
          at = this.#readChunkData(octets, at, end);
          break;
        case CHUNK_DATA_CR:
          at =
            octets[at] === CR
              ? this.#go(CHUNK_DATA_LF, at)
              : this.#fail('chunk data is longer than its size', '9112 7.1', end);
          break;
        case CHUNK_DATA_LF:
          at =
            octets[at] === LF
              ? this.#go(CHUNK_SIZE, at)
              : this.#fail('chunk data ends with a bare CR', '9112 7.1', end);
          break;
        case TRAILERS:
          at = this.#readTrailers(octets, at, end);
          break;
        case IDLE:
          this.#fail('octets outside of any response', '9112 9.2', end);
          return;
        default:
          return;
      }
    }
    this.#releaseHeld(octets);
  }

  /** The backend closed its side. Delivers the end of a body that ends so; anything else cut short is a failure. */
  finish(): void {
    switch (this.#state) {
      case UNTIL_CLOSE:
      case TUNNEL:
        this.#state = IDLE;
        this.#sink.onBodyOctets(EMPTY, 0, 0, true);
        return;
      case IDLE:
      case STOPPED:
        return;
      case HEAD:
        if (!this.#reader.started && this.#informational === 0) {
          this.#fail('closed the connection without a response', '9112 9.5', 0);
          return;
        }
        this.#fail('closed the connection in the middle of the response head', '9112 8', 0);
        return;
      default:
        this.#fail('closed the connection in the middle of the response body', '9112 8', 0);
    }
  }

  #readHead(octets: Buffer, at: number, end: number): number {
    const reader = this.#reader;
    const next = reader.read(octets, at, end);
    if (next < 0) return this.#pass(reader.failure!, end);
    if (!reader.complete) return next;
    const { status, minor, section } = reader;
    if (status < 200) return this.#informationalHead(status, section, next, end);

    // RFC 9112 6.1 and 6.3: ambiguous framing is an error even where no body can follow.
    if (section.chunked) {
      if (section.contentLength >= 0) return this.#fail('both transfer-encoding and content-length', '9112 6.3', end);
      if (minor === 0) return this.#fail('transfer-encoding in an HTTP/1.0 response', '9112 6.1', end);
      if (status === 204) return this.#fail('transfer-encoding in a 204 response', '9112 6.1', end);
    }
    const persistent = minor === 0 ? section.keepAlive && !section.close : !section.close;
    const bodiless = this.#expecting === Expecting.HEAD || status === 204 || status === 304;
    if (bodiless || (section.contentLength === 0 && !section.chunked)) {
      if (next < end) return this.#fail('octets after a response that has no body', '9112 6.3', end);
      this.#state = IDLE;
      this.reusable = persistent;
      this.#sink.onHead(status, section, true);
      return next;
    }
    if (section.chunked) {
      this.#overhead = 0;
      this.#startChunk();
      this.#state = CHUNK_SIZE;
    } else if (section.contentLength > 0) {
      this.#remaining = section.contentLength;
      this.#state = FIXED;
    } else {
      this.#state = UNTIL_CLOSE;
    }
    this.reusable = persistent && this.#state !== UNTIL_CLOSE;
    this.#sink.onHead(status, section, false);
    return next;
  }

  #informationalHead(status: number, section: FieldSection, next: number, end: number): number {
    if (section.chunked) return this.#fail(`transfer-encoding in a ${status} response`, '9112 6.1', end);
    if (status === 101) {
      if (this.#expecting !== Expecting.UPGRADE) return this.#fail('101 without an upgrade', '9110 15.2.2', end);
      this.#state = TUNNEL;
      this.reusable = false;
      this.#sink.onHead(status, section, false);
      return next;
    }
    if (++this.#informational > this.#limits.maxInformational) {
      return this.#fail(`more than ${this.#limits.maxInformational} informational responses`, '9110 15.2', end);
    }
    this.#sink.onInformationalHead(status, section);
    if (this.#state === HEAD) this.#reader.begin(true);
    return next;
  }

  #readFixed(octets: Buffer, at: number, end: number): number {
    const next = Math.min(end, at + this.#remaining);
    this.#remaining -= next - at;
    if (this.#remaining > 0) {
      this.#sink.onBodyOctets(octets, at, next, false);
      return next;
    }
    if (next < end) return this.#fail('more octets than content-length', '9112 6.3', end);
    this.#state = IDLE;
    this.#sink.onBodyOctets(octets, at, next, true);
    return next;
  }

  #startChunk(): void {
    this.#remaining = 0;
    this.#digits = 0;
    this.#lineBytes = 0;
  }

  #readChunkSize(octets: Buffer, from: number, end: number): number {
    let at = from;
    while (at < end) {
      const octet = octets[at]!;
      const digit = HEX[octet]!;
      if (digit === 255) {
        if (this.#digits === 0) return this.#fail('a chunk has no size', '9112 7.1', end);
        if (octet === CR) return this.#go(CHUNK_SIZE_LF, at);
        if (octet === SEMICOLON) return this.#go(CHUNK_EXTENSION, at);
        return this.#fail('a chunk size is not a hexadecimal number', '9112 7.1', end);
      }
      this.#remaining = this.#remaining * 16 + digit;
      if (++this.#digits > MAX_CHUNK_DIGITS || this.#remaining > Number.MAX_SAFE_INTEGER) {
        return this.#fail('a chunk size is too large', '9112 7.1', end);
      }
      at++;
    }
    return at;
  }

  #readExtension(octets: Buffer, from: number, end: number): number {
    let at = from;
    while (at < end && VALUE[octets[at]!] === 1) at++;
    this.#lineBytes += at - from;
    if (this.#lineBytes > MAX_CHUNK_LINE) return this.#fail('a chunk extension is too long', '9112 7.1.1', end);
    if (at === end) return at;
    if (octets[at] === CR) return this.#go(CHUNK_SIZE_LF, at);
    return this.#fail('a chunk extension has a control character or ends with a bare LF', '9112 7.1.1', end);
  }

  #readChunkSizeLf(octets: Buffer, at: number, end: number): number {
    if (octets[at] !== LF) return this.#fail('a chunk size line ends with a bare CR', '9112 7.1', end);
    this.#overhead = Math.max(0, this.#overhead + this.#lineBytes - this.#remaining);
    if (this.#overhead > MAX_CHUNK_OVERHEAD) return this.#fail('chunk extensions outweigh the data', '9112 7.1.1', end);
    if (this.#remaining > 0) return this.#go(CHUNK_DATA, at);
    this.#reader.begin(false);
    return this.#go(TRAILERS, at);
  }

  #readChunkData(octets: Buffer, at: number, end: number): number {
    this.#releaseHeld(octets);
    if (this.#state !== CHUNK_DATA) return end;
    const next = Math.min(end, at + this.#remaining);
    this.#remaining -= next - at;
    this.#heldStart = at;
    this.#heldEnd = next;
    if (this.#remaining === 0) {
      this.#startChunk();
      this.#state = CHUNK_DATA_CR;
    }
    return next;
  }

  #releaseHeld(octets: Buffer): void {
    const start = this.#heldStart;
    const end = this.#heldEnd;
    if (start === end) return;
    this.#heldStart = 0;
    this.#heldEnd = 0;
    if (this.#state !== STOPPED) this.#sink.onBodyOctets(octets, start, end, false);
  }

  #readTrailers(octets: Buffer, at: number, end: number): number {
    const reader = this.#reader;
    const next = reader.read(octets, at, end);
    if (next < 0) return this.#pass(reader.failure!, end);
    if (!reader.complete) return next;
    if (next < end) return this.#fail('octets after the last chunk', '9112 7.1', end);
    const { fields } = reader.section;
    if (fields.length === 0) {
      const start = this.#heldStart;
      const stop = this.#heldEnd;
      this.#heldStart = 0;
      this.#heldEnd = 0;
      this.#state = IDLE;
      this.#sink.onBodyOctets(octets, start, stop, true);
      return next;
    }
    this.#releaseHeld(octets);
    if (this.#state !== TRAILERS) return end;
    this.#state = IDLE;
    this.#sink.onTrailerFields(fields);
    return next;
  }

  #go(state: number, at: number): number {
    this.#state = state;
    return at + 1;
  }

  #fail(text: string, rfc: string, end: number): number {
    return this.#pass(violation(text, rfc), end);
  }

  #pass(cause: Violation, end: number): number {
    this.failure = cause;
    this.reusable = false;
    this.#state = STOPPED;
    return end;
  }
}

const EMPTY = Buffer.alloc(0);
