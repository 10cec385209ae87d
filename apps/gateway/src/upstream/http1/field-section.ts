import { FieldKind, type FieldName } from './field-names.ts';
import { type Violation, violation } from './violation.ts';

/** What the fields of a response head or of trailers say, as far as this hop is concerned, and the fields to pass on. */
export class FieldSection {
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

  /** Names that `connection` lists: dropped (RFC 9110 7.6.1). */
  #nominated: string[] | null = null;
  #lastKeepAlive = '';
  #lastKeepAliveSeconds = -1;

  /** Empties the section. */
  begin(): void {
    this.fields = [];
    this.contentLength = -1;
    this.chunked = false;
    this.close = false;
    this.keepAlive = false;
    this.keepAliveSeconds = -1;
    this.upgrade = '';
    this.#nominated = null;
  }

  /** Takes a field of the head of a response with this status. Returns what is wrong with it, null when nothing. */
  addToHead(name: FieldName, value: string, status: number): Violation | null {
    switch (name.kind) {
      case FieldKind.CONNECTION:
        this.#connection(value);
        return null;
      case FieldKind.KEEP_ALIVE:
        this.#keepAliveField(value);
        return null;
      case FieldKind.UPGRADE:
        this.upgrade = value.toLowerCase();
        return null;
      case FieldKind.HOP:
        return null;
      case FieldKind.TRANSFER_ENCODING:
        if (this.chunked || value.toLowerCase() !== 'chunked') {
          return violation('transfer-encoding is not exactly "chunked"', '9112 6.1');
        }
        this.chunked = true;
        return null;
      case FieldKind.CONTENT_LENGTH:
        return this.#contentLengthField(value, status);
      default:
        this.fields.push(name.text, value);
        return null;
    }
  }

  /** Takes a trailer field. RFC 9110 6.5.1: what frames, routes, authenticates or describes the content is dropped. */
  addToTrailers(name: FieldName, value: string): void {
    if (name.kind === FieldKind.PLAIN) this.fields.push(name.text, value);
  }

  /** All fields were given. */
  end(): void {
    const nominated = this.#nominated;
    if (nominated === null) return;
    const { fields } = this;
    const kept: string[] = [];
    for (let index = 0; index < fields.length; index += 2) {
      if (!nominated.includes(fields[index]!)) kept.push(fields[index]!, fields[index + 1]!);
    }
    this.fields = kept;
  }

  #contentLengthField(value: string, status: number): Violation | null {
    if (this.contentLength >= 0) return violation('two content-length fields', '9112 6.3');
    if (!/^[0-9]{1,15}$/.test(value)) return violation(`content-length is "${value.slice(0, 40)}"`, '9110 8.6');
    this.contentLength = Number(value);
    // RFC 9110 8.6: meaningless with 1xx and 204, and a malformed message on HTTP/2.
    if (status >= 200 && status !== 204) this.fields.push('content-length', value);
    return null;
  }

  #keepAliveField(value: string): void {
    // A backend says the same in every response.
    if (value !== this.#lastKeepAlive) {
      const timeout = /(?:^|[,; \t])timeout=([0-9]{1,9})(?![0-9])/i.exec(value);
      this.#lastKeepAlive = value;
      this.#lastKeepAliveSeconds = timeout === null ? -1 : Number(timeout[1]);
    }
    this.keepAliveSeconds = this.#lastKeepAliveSeconds;
  }

  #connection(value: string): void {
    if (value === 'keep-alive') {
      this.keepAlive = true;
      return;
    }
    for (const part of value.split(',')) {
      const option = part.trim().toLowerCase();
      if (option === 'close') this.close = true;
      else if (option === 'keep-alive') this.keepAlive = true;
      // Our own framing is made from content-length whatever this says.
      else if (option !== '' && option !== 'content-length') {
        this.#nominated ??= [];
        this.#nominated.push(option);
      }
    }
  }
}
