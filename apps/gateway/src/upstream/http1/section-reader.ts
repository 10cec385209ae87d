import { FieldKind, type FieldName, FieldNameCache } from './field-names.ts';
import { COLON, CR, HTAB, LF, SP, TOKEN_LOWER, VALUE } from './octets.ts';

/** Why a message is not HTTP/1.1 as we accept it. */
export interface Violation {
  /** A sentence about what the backend did. */
  readonly text: string;
  /** RFC section of the rule. */
  readonly rfc: string;
}

/** Makes a violation. */
export function violation(text: string, rfc: string): Violation {
  return { text, rfc };
}

/** Bounds of one section. */
export interface SectionLimits {
  readonly maxHeadBytes: number;
  readonly maxFields: number;
}

// Where the scan stands between two octets.
const STATUS = 0;
const STATUS_LF = 1;
const LINE_START = 2;
const NAME = 3;
const BEFORE_VALUE = 4;
const VALUE_OCTETS = 5;
const VALUE_LF = 6;
const END_LF = 7;

const VERSION = 'HTTP/1.';
const NAMES = new FieldNameCache();

/**
 * Reads one response head (status line and fields) or one trailer section, octet by octet, wherever the chunks are cut.
 * A section that lies whole in one chunk is read in place; one that does not is gathered in an own buffer, never more
 * than the limit. The octets become one string, of which the values are slices.
 */
export class SectionReader {
  /** Status code of a head, 100..999. */
  status = 0;
  /** Minor version of a head. */
  minor = 0;
  /** Names and values that may be passed on, in wire order. A new array per section. */
  fields: string[] = [];
  /** Content-length, -1 without one. */
  contentLength = -1;
  /** `transfer-encoding: chunked` was there. */
  chunked = false;
  /** `connection: close` was there. */
  close = false;
  /** `connection: keep-alive` was there. */
  keepAlive = false;
  /** Seconds of `keep-alive: timeout=`, -1 without. */
  keepAliveSeconds = -1;
  /** Value of `upgrade`, lower case, empty without. */
  upgrade = '';
  /** Set when `read` returned -1. */
  failure: Violation | null = null;
  /** The section ended; the results above are valid. */
  complete = false;

  readonly #limits: SectionLimits;
  #isHead = true;
  #state = STATUS;
  /** Offset in the section of the current line, name or value, as the state needs. */
  #mark = 0;
  #hash = 0;
  #count = 0;
  readonly #names: FieldName[] = [];
  readonly #bounds: number[] = [];
  #carry: Buffer | null = null;
  #carried = 0;
  #lastKeepAlive = '';
  #lastKeepAliveSeconds = -1;

  constructor(limits: SectionLimits) {
    this.#limits = limits;
  }

  /** True when octets of the current section have been read and it is not complete. */
  get started(): boolean {
    return this.#carried > 0;
  }

  /** Prepares for a head (`isHead`) or for trailers. */
  begin(isHead: boolean): void {
    this.#isHead = isHead;
    this.#state = isHead ? STATUS : LINE_START;
    this.#mark = 0;
    this.#count = 0;
    this.#carried = 0;
    this.complete = false;
  }

  /** Reads on; returns the offset of the first octet not used, or -1 (`failure` says why). */
  read(chunk: Buffer, start: number, end: number): number {
    const limit = this.#limits.maxHeadBytes;
    const carried = this.#carried;
    if (carried === 0) {
      const window = Math.min(end, start + limit);
      const stop = this.#scan(chunk, start, window, start);
      if (stop < 0) return -1;
      if (this.complete) return this.#build(chunk, start, stop) ? stop : -1;
      if (window < end) return this.#tooLarge();
      this.#keep(chunk, start, end);
      return end;
    }
    const taken = Math.min(end - start, limit - carried);
    this.#keep(chunk, start, start + taken);
    const carry = this.#carry!;
    const stop = this.#scan(carry, carried, carried + taken, 0);
    if (stop < 0) return -1;
    if (this.complete) {
      this.#carried = 0;
      return this.#build(carry, 0, stop) ? start + stop - carried : -1;
    }
    return start + taken < end ? this.#tooLarge() : end;
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    const needed = this.#carried + end - start;
    if (this.#carry === null || this.#carry.length < needed) {
      const grown = Buffer.allocUnsafeSlow(Math.max(1024, needed * 2));
      if (this.#carried > 0) this.#carry!.copy(grown, 0, 0, this.#carried);
      this.#carry = grown;
    }
    chunk.copy(this.#carry, this.#carried, start, end);
    this.#carried = needed;
  }

  /** Advances over `octets[from..to)`; `base` is where the section begins in `octets`. */
  #scan(octets: Buffer, from: number, to: number, base: number): number {
    let at = from;
    let state = this.#state;
    while (at < to) {
      const octet = octets[at]!;
      switch (state) {
        case STATUS:
          if (octet === CR && at - base >= 12) state = STATUS_LF;
          else if (!this.#statusOctet(octet, at - base)) return -1;
          at++;
          break;
        case STATUS_LF:
          if (octet !== LF) return this.#fail('the status line ends with a bare CR', '9112 2.2');
          this.#mark = at + 1 - base;
          state = LINE_START;
          at++;
          break;
        case LINE_START:
          this.#mark = at - base;
          if (octet === CR) {
            state = END_LF;
            at++;
          } else if (octet === SP || octet === HTAB) {
            return this.#fail('a field line is folded (obs-fold) or begins with white space', '9112 5.2');
          } else {
            if (this.#count === this.#limits.maxFields) {
              return this.#fail(`more than ${this.#limits.maxFields} fields`, '9110 5.4');
            }
            this.#hash = 0;
            state = NAME;
          }
          break;
        case NAME: {
          let hash = this.#hash;
          let lower = 0;
          while (at < to) {
            lower = TOKEN_LOWER[octets[at]!]!;
            if (lower === 0) break;
            hash = (hash * 31 + lower) | 0;
            at++;
          }
          this.#hash = hash;
          if (at === to) break;
          const start = base + this.#mark;
          if (octets[at] !== COLON || at === start) return this.#badName(octets[at]!, at === start);
          this.#names[this.#count] = NAMES.lookup(octets, start, at, hash);
          state = BEFORE_VALUE;
          at++;
          break;
        }
        case BEFORE_VALUE:
          if (octet === SP || octet === HTAB) {
            at++;
            break;
          }
          this.#mark = at - base;
          state = VALUE_OCTETS;
          break;
        case VALUE_OCTETS:
          while (at < to && VALUE[octets[at]!] === 1) at++;
          if (at === to) break;
          if (octets[at] !== CR) return this.#badValue(octets[at]!);
          this.#endValue(octets, base, at);
          state = VALUE_LF;
          at++;
          break;
        case VALUE_LF:
          if (octet !== LF) return this.#fail('a field value contains a bare CR', '9112 2.2');
          state = LINE_START;
          at++;
          break;
        default:
          if (octet !== LF) return this.#fail('the empty line after the fields ends with a bare CR', '9112 2.2');
          this.complete = true;
          return at + 1;
      }
    }
    this.#state = state;
    return at;
  }

  /** One octet of `HTTP/1.x SP 3DIGIT [SP reason]` (RFC 9112 4). A missing space before an absent reason is tolerated. */
  #statusOctet(octet: number, offset: number): boolean {
    if (offset < 7) {
      if (octet === VERSION.charCodeAt(offset)) return true;
      this.#fail(`the response does not begin with "HTTP/1."${offset === 0 ? guess(octet) : ''}`, '9112 4');
      return false;
    }
    if (offset === 7 || (offset >= 9 && offset < 12)) {
      const digit = octet - 0x30;
      if (digit < 0 || digit > 9 || (offset === 9 && digit === 0)) {
        this.#fail('the status line has no valid version and status code', '9112 4');
        return false;
      }
      if (offset === 7) this.minor = digit;
      else this.status = offset === 9 ? digit : this.status * 10 + digit;
      return true;
    }
    if (offset === 8 || offset === 12) {
      if (octet === SP) return true;
      this.#fail('the parts of the status line are not separated by one space', '9112 4');
      return false;
    }
    if (VALUE[octet] === 1) return true;
    this.#fail(
      octet === LF ? 'the status line ends with a bare LF' : 'the reason phrase has a control character',
      '9112 4',
    );
    return false;
  }

  /** Records where the value lies, without white space around it (RFC 9110 5.5). */
  #endValue(octets: Buffer, base: number, at: number): void {
    let end = at;
    const start = base + this.#mark;
    while (end > start && (octets[end - 1] === SP || octets[end - 1] === HTAB)) end--;
    this.#bounds[this.#count * 2] = this.#mark;
    this.#bounds[this.#count * 2 + 1] = end - base;
    this.#count++;
  }

  /** Turns the recorded offsets into the results. */
  #build(octets: Buffer, base: number, stop: number): boolean {
    const text = octets.toString('latin1', base, stop);
    const fields: string[] = [];
    this.fields = fields;
    this.contentLength = -1;
    this.chunked = false;
    this.close = false;
    this.keepAlive = false;
    this.keepAliveSeconds = -1;
    this.upgrade = '';
    let nominated: string[] | null = null;
    for (let index = 0; index < this.#count; index++) {
      const name = this.#names[index]!;
      const value = text.slice(this.#bounds[index * 2]!, this.#bounds[index * 2 + 1]!);
      if (name.kind === FieldKind.PLAIN) {
        fields.push(name.text, value);
      } else if (!this.#isHead) {
        // RFC 9110 6.5.1: everything that frames, routes or authenticates is dropped from trailers.
      } else if (name.kind === FieldKind.HEAD_ONLY) {
        fields.push(name.text, value);
      } else if (name.kind === FieldKind.CONNECTION) {
        nominated = this.#connection(value, nominated);
      } else if (!this.#special(name.kind, value)) {
        return false;
      }
    }
    if (nominated !== null) this.fields = withoutNominated(fields, nominated);
    return true;
  }

  #special(kind: FieldKind, value: string): boolean {
    switch (kind) {
      case FieldKind.CONTENT_LENGTH:
        if (this.contentLength >= 0) return this.#reject('two content-length fields', '9112 6.3');
        if (!/^[0-9]{1,15}$/.test(value)) return this.#reject(`content-length is "${value.slice(0, 40)}"`, '9110 8.6');
        this.contentLength = Number(value);
        // RFC 9110 8.6: meaningless there, and a malformed message on HTTP/2.
        if (this.status >= 200 && this.status !== 204) this.fields.push('content-length', value);
        return true;
      case FieldKind.TRANSFER_ENCODING:
        if (this.chunked || value.toLowerCase() !== 'chunked') {
          return this.#reject(`transfer-encoding is not exactly "chunked"`, '9112 6.1');
        }
        this.chunked = true;
        return true;
      case FieldKind.KEEP_ALIVE: {
        // A backend says the same in every response.
        if (value !== this.#lastKeepAlive) {
          const timeout = /(?:^|[,; \t])timeout=([0-9]{1,9})(?![0-9])/i.exec(value);
          this.#lastKeepAlive = value;
          this.#lastKeepAliveSeconds = timeout === null ? -1 : Number(timeout[1]);
        }
        this.keepAliveSeconds = this.#lastKeepAliveSeconds;
        return true;
      }
      case FieldKind.UPGRADE:
        this.upgrade = value.toLowerCase();
        return true;
      default:
        return true;
    }
  }

  /** RFC 9110 7.6.1. Collects names of further fields to drop. */
  #connection(value: string, nominated: string[] | null): string[] | null {
    if (value === 'keep-alive') {
      this.keepAlive = true;
      return nominated;
    }
    let names = nominated;
    for (const part of value.split(',')) {
      const option = part.trim().toLowerCase();
      if (option === 'close') this.close = true;
      else if (option === 'keep-alive') this.keepAlive = true;
      // Our own framing is made from content-length whatever this says.
      else if (option !== '' && option !== 'content-length' && option !== 'upgrade') {
        names ??= [];
        names.push(option);
      }
    }
    return names;
  }

  #badName(octet: number, empty: boolean): number {
    if (empty && octet === COLON) return this.#fail('a field line has no name', '9112 5.1');
    if (octet === LF) return this.#fail('a line ends with a bare LF', '9112 2.2');
    if (octet === SP || octet === HTAB) return this.#fail('white space between a field name and its colon', '9112 5.1');
    return this.#fail(`a field name contains octet 0x${octet.toString(16).padStart(2, '0')}`, '9110 5.1');
  }

  #badValue(octet: number): number {
    if (octet === LF) return this.#fail('a field line ends with a bare LF', '9112 2.2');
    return this.#fail(`a field value contains octet 0x${octet.toString(16).padStart(2, '0')}`, '9110 5.5');
  }

  #tooLarge(): number {
    return this.#fail(
      `${this.#isHead ? 'the head' : 'the trailer section'} exceeds ${this.#limits.maxHeadBytes} octets`,
      '9110 5.4',
    );
  }

  #fail(text: string, rfc: string): number {
    this.failure = violation(text, rfc);
    return -1;
  }

  #reject(text: string, rfc: string): boolean {
    this.failure = violation(text, rfc);
    return false;
  }
}

/** What a backend probably speaks whose first octet is this. */
function guess(octet: number): string {
  if (octet === 0x00) return '; it looks like HTTP/2 (is this an h2c:// backend?)';
  if (octet === 0x15 || octet === 0x16) return '; it looks like TLS (is this an https:// backend?)';
  return '';
}

function withoutNominated(fields: readonly string[], nominated: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    if (!nominated.includes(fields[index]!)) kept.push(fields[index]!, fields[index + 1]!);
  }
  return kept;
}
