import { type FieldName, FieldNameCache } from './field-names.ts';
import { FieldSection } from './field-section.ts';
import { COLON, CR, HTAB, LF, SP, TOKEN_LOWER, VALUE } from './octets.ts';
import { type Violation, violation } from './violation.ts';

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
  /** What the fields say, and those to pass on. */
  readonly section: FieldSection = new FieldSection();
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
    const lowers = TOKEN_LOWER;
    const values = VALUE;
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
            lower = lowers[octets[at]!]!;
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
          while (at < to && values[octets[at]!] === 1) at++;
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
    const { section } = this;
    const bounds = this.#bounds;
    section.begin();
    const text = octets.toString('latin1', base, stop);
    for (let index = 0; index < this.#count; index++) {
      const name = this.#names[index]!;
      const value = text.slice(bounds[index * 2]!, bounds[index * 2 + 1]!);
      if (this.#isHead) {
        this.failure = section.addToHead(name, value, this.status);
        if (this.failure !== null) return false;
      } else {
        section.addToTrailers(name, value);
      }
    }
    section.end();
    return true;
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
}

/** What a backend probably speaks whose first octet is this. */
function guess(octet: number): string {
  if (octet === 0x00) return '; it looks like HTTP/2 (is this an h2c:// backend?)';
  if (octet === 0x15 || octet === 0x16) return '; it looks like TLS (is this an https:// backend?)';
  return '';
}
