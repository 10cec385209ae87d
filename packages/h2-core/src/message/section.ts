import type { FieldSink } from '@glassway/hpack';
import type { RequestHead, ResponseHead } from '../handler.ts';
import type { RuleId } from '../rules.ts';
import { FieldClass, parseLength } from './field-class.ts';

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
  /** Name of the field that broke it. */
  brokenField = '';
  private host: string | null = null;
  private seen = 0;
  private regular = false;

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
    this.host = null;
    this.seen = 0;
    this.regular = false;
  }

  onField(name: string, value: string, sensitive: boolean, tag: number): void {
    if (tag >= FieldClass.METHOD) {
      this.pseudo(name, value, tag);
      return;
    }
    if (tag !== FieldClass.REGULAR) this.special(name, value, tag);
    this.regular = true;
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
    this.brokenField = name;
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
  }

  private special(name: string, value: string, tag: number): void {
    switch (tag) {
      case FieldClass.BAD_NAME:
        this.break('field.name', name);
        break;
      case FieldClass.BAD_VALUE:
        this.break('field.value', name);
        break;
      case FieldClass.CONNECTION_SPECIFIC:
        this.break('field.connection-specific', name);
        break;
      case FieldClass.BAD_TE:
        this.break('field.te', name);
        break;
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
    };
  }

  /** The response read; call after `checkResponse`. */
  responseHead(): ResponseHead {
    return { status: this.status, fields: this.fields, sensitive: this.sensitive };
  }
}

/** Authorities compare without case and without the scheme's own port (RFC 9113 8.3.1, RFC 3986 6.2.3). */
function sameAuthority(host: string, authority: string, scheme: string): boolean {
  return host === authority || normalised(host, scheme) === normalised(authority, scheme);
}

function normalised(authority: string, scheme: string): string {
  const port = scheme === 'https' ? ':443' : scheme === 'http' ? ':80' : ':';
  const text = authority.toLowerCase();
  return text.endsWith(port) ? text.slice(0, -port.length) : text.endsWith(':') ? text.slice(0, -1) : text;
}
