import type { FieldSink } from '@glassway/hpack';
import type { FieldRule, Handler, RequestHead, ResponseHead } from '../handler.ts';
import type { RuleId } from '../rules.ts';
import { FieldClass, parseLength } from './field-class.ts';
import { pseudoOrderOf } from './pseudo-order.ts';

const METHOD = 1;
const SCHEME = 2;
const AUTHORITY = 4;
const PATH = 8;
const PROTOCOL = 16;
const STATUS = 32;

/**
 * Collects one decoded field section and checks it as a message head or as trailers (RFC 9113 8.1 to 8.5). The first
 * rule broken is kept; decoding goes on, because the table must stay right.
 */
export class Section implements FieldSink {
  fields: string[] = [];
  sensitive: number[] | null = null;
  method = '';
  scheme = '';
  authority = '';
  path = '';
  protocol = '';
  status = 0;
  /** Value of content-length, -1 without one. */
  contentLength = -1;
  /** Value of the `priority` field (RFC 9218 4), empty without one. */
  priority = '';
  /** The first rule broken, empty while there is none. */
  broken: RuleId | '' = '';
  /** Name of the field that broke it, fit for messages; its value never is. */
  brokenField = '';
  /** What `Handler.onInvalidField` threw, to be thrown again when the section has been decoded. */
  thrown: unknown = null;
  private readonly core: { readonly handler: Handler };
  private readonly joinCookies: boolean;
  private host: string | null = null;
  private seen = 0;
  /** The pseudo-fields so far, three bits each, see `pseudoOrderOf`. */
  private order = 0;
  private regular = false;
  /** Position of the cookie, -1: none. */
  private cookieAt = -1;

  constructor(core: { readonly handler: Handler }, joinCookies: boolean) {
    this.core = core;
    this.joinCookies = joinCookies;
  }

  /** Ready for the next section. */
  reset(): void {
    this.fields = [];
    this.sensitive = null;
    this.method = '';
    this.scheme = '';
    this.authority = '';
    this.path = '';
    this.protocol = '';
    this.status = 0;
    this.contentLength = -1;
    this.priority = '';
    this.broken = '';
    this.brokenField = '';
    this.thrown = null;
    this.host = null;
    this.seen = 0;
    this.order = 0;
    this.regular = false;
    this.cookieAt = -1;
  }

  onField(name: string, value: string, sensitive: boolean, tag: number): void {
    if (tag >= FieldClass.METHOD) {
      this.pseudo(name, value, tag);
      return;
    }
    this.regular = true;
    if (tag !== FieldClass.REGULAR && this.special(name, value, sensitive, tag)) return;
    const fields = this.fields;
    if (sensitive) {
      if (this.sensitive === null) this.sensitive = [fields.length];
      else this.sensitive.push(fields.length);
    }
    fields.push(name, value);
  }

  private break(rule: RuleId, name: string): void {
    if (this.broken !== '') return;
    this.broken = rule;
    this.brokenField = readable(name);
  }

  private pseudo(name: string, value: string, tag: number): void {
    let bit = 0;
    switch (tag) {
      case FieldClass.METHOD:
        bit = METHOD;
        this.method = value;
        break;
      case FieldClass.SCHEME:
        bit = SCHEME;
        this.scheme = value;
        break;
      case FieldClass.AUTHORITY:
        bit = AUTHORITY;
        this.authority = value;
        break;
      case FieldClass.PATH:
        bit = PATH;
        this.path = value;
        break;
      case FieldClass.PROTOCOL:
        bit = PROTOCOL;
        this.protocol = value;
        break;
      case FieldClass.STATUS:
        bit = STATUS;
        this.status = (value.charCodeAt(0) - 48) * 100 + (value.charCodeAt(1) - 48) * 10 + value.charCodeAt(2) - 48;
        break;
    }
    if (this.regular) this.break('pseudo.late', name);
    if ((this.seen & bit) !== 0) this.break('pseudo.duplicate', name);
    this.seen |= bit;
    this.order = (this.order << 3) | (32 - Math.clz32(bit));
  }

  /** A field line that means something here, or is none; true: it does not go into the list. */
  private special(name: string, value: string, sensitive: boolean, tag: number): boolean {
    switch (tag) {
      case FieldClass.BAD_NAME:
        return this.invalid('field.name', name, value);
      case FieldClass.BAD_VALUE:
        return this.invalid('field.value', name, value);
      case FieldClass.CONNECTION_SPECIFIC:
        return this.invalid('field.connection-specific', name, value);
      case FieldClass.BAD_TE:
        return this.invalid('field.te', name, value);
      case FieldClass.COOKIE:
        return this.joinCookies && this.crumb(value, sensitive);
      case FieldClass.BAD_PSEUDO_VALUE:
        this.break('pseudo.value', name);
        break;
      case FieldClass.UNKNOWN_PSEUDO:
        this.break('pseudo.unknown', name);
        break;
      case FieldClass.HOST:
        if (this.host !== null) this.break('host.mismatch', name);
        this.host = value;
        break;
      case FieldClass.CONTENT_LENGTH:
        if (this.contentLength >= 0) this.break('content-length.value', name);
        this.contentLength = parseLength(value);
        if (this.contentLength < 0) this.break('content-length.value', name);
        break;
      case FieldClass.PRIORITY:
        this.priority = value;
        break;
    }
    return false;
  }

  /** Asks the program about a line that is not allowed. */
  private invalid(rule: FieldRule, name: string, value: string): boolean {
    const { handler } = this.core;
    let verdict = 'reject';
    if (handler.onInvalidField !== undefined) {
      try {
        verdict = handler.onInvalidField(name, value, rule);
      } catch (error) {
        // Not from inside the decoder, whose table would be lost.
        this.thrown ??= error;
      }
    }
    if (verdict === 'ignore') return true;
    if (verdict !== 'accept') this.break(rule, name);
    return false;
  }

  /** RFC 9113 8.2.3: a cookie may come in several lines. True: this one was joined to the first. */
  private crumb(value: string, sensitive: boolean): boolean {
    const { fields, cookieAt } = this;
    if (cookieAt < 0) {
      this.cookieAt = fields.length;
      return false;
    }
    fields[cookieAt + 1] += `; ${value}`;
    if (sensitive && this.sensitive?.includes(cookieAt) !== true) {
      this.sensitive = [...(this.sensitive ?? []), cookieAt].sort((a, b) => a - b);
    }
    return true;
  }

  /** Checks the section as a request. Returns the broken rule or ''. RFC 9113 8.3.1, 8.5, RFC 8441 4. */
  checkRequest(connectProtocol: boolean): RuleId | '' {
    if (this.broken !== '') return this.broken;
    const seen = this.seen;
    if ((seen & STATUS) !== 0) return 'pseudo.unknown';
    if ((seen & METHOD) === 0) return 'pseudo.missing';
    if ((seen & PROTOCOL) !== 0) {
      if (this.method !== 'CONNECT' || !connectProtocol) return 'connect.protocol';
      if ((seen & (SCHEME | PATH | AUTHORITY)) !== (SCHEME | PATH | AUTHORITY)) return 'pseudo.missing';
    } else if (this.method === 'CONNECT') {
      if ((seen & (SCHEME | PATH)) !== 0 || this.authority === '') return 'connect.fields';
    } else if ((seen & (SCHEME | PATH)) !== (SCHEME | PATH)) {
      return 'pseudo.missing';
    } else if (this.path === '*' && this.method !== 'OPTIONS') {
      return 'pseudo.value';
    }
    if (this.host !== null) {
      if ((seen & AUTHORITY) === 0) this.authority = this.host;
      else if (!sameAuthority(this.host, this.authority, this.scheme)) return 'host.mismatch';
    }
    // RFC 9113 8.3.1: one of the two, not empty, where the scheme has a mandatory authority.
    if (this.authority === '' && (this.scheme === 'http' || this.scheme === 'https')) return 'pseudo.missing';
    return '';
  }

  /** Checks the section as a response. Returns the broken rule or ''. RFC 9113 8.3.2. */
  checkResponse(endStream: boolean): RuleId | '' {
    if (this.broken !== '') return this.broken;
    if (this.seen !== STATUS) return (this.seen & STATUS) === 0 ? 'pseudo.missing' : 'pseudo.unknown';
    if (this.status === 101) return 'status.switching';
    if (this.status < 200 && endStream) return 'status.informational-end';
    return '';
  }

  /** Checks the section as trailers. Returns the broken rule or ''. RFC 9113 8.1. */
  checkTrailers(): RuleId | '' {
    if (this.seen !== 0) return 'pseudo.trailers';
    return this.broken;
  }

  /** The request read; call after `checkRequest`. */
  requestHead(): RequestHead {
    return {
      method: this.method,
      scheme: this.scheme,
      authority: this.authority,
      path: this.path,
      protocol: this.protocol,
      fields: this.fields,
      sensitive: this.sensitive,
      pseudoOrder: pseudoOrderOf(this.order),
    };
  }

  /** The response read; call after `checkResponse`. */
  responseHead(): ResponseHead {
    return { status: this.status, fields: this.fields, sensitive: this.sensitive };
  }
}

/** Authorities compare without case and without the scheme's own port (RFC 9113 8.3.1, RFC 3986 6.2.3). */
export function sameAuthority(host: string, authority: string, scheme: string): boolean {
  return host === authority || normalised(host, scheme) === normalised(authority, scheme);
}

function normalised(authority: string, scheme: string): string {
  const port = scheme === 'https' ? ':443' : scheme === 'http' ? ':80' : ':';
  const text = authority.toLowerCase();
  return text.endsWith(port) ? text.slice(0, -port.length) : text.endsWith(':') ? text.slice(0, -1) : text;
}

/** A name for messages and logs: it may be anything a peer can think of. */
function readable(name: string): string {
  let text = '';
  for (let i = 0; i < name.length && i < 64; i++) {
    const code = name.charCodeAt(i);
    text += code > 0x20 && code < 0x7f ? name[i] : `\\x${code.toString(16).padStart(2, '0')}`;
  }
  if (name === '') return '(empty name)';
  return name.length > 64 ? `${text}...` : text;
}
