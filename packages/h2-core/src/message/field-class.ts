/**
 * What a field line is to HTTP/2, decided once per table entry by the HPACK decoder and handed back with each use. Tables
 * of octets instead of regular expressions: a field is looked at when it first comes, not each time. RFC 9113 8.2, 8.3.
 */

/** Classes of field lines. Those below `REGULAR` make a message malformed. */
export const FieldClass = {
  BAD_NAME: 0,
  BAD_VALUE: 1,
  CONNECTION_SPECIFIC: 2,
  BAD_TE: 3,
  BAD_PSEUDO_VALUE: 4,
  UNKNOWN_PSEUDO: 5,
  REGULAR: 10,
  HOST: 11,
  CONTENT_LENGTH: 12,
  PRIORITY: 13,
  COOKIE: 14,
  METHOD: 20,
  SCHEME: 21,
  AUTHORITY: 22,
  PATH: 23,
  PROTOCOL: 24,
  STATUS: 25,
} as const;
/** One of `FieldClass`. */
export type FieldClass = (typeof FieldClass)[keyof typeof FieldClass];

/** RFC 9110 5.6.2 tchar, upper case letters left out (RFC 9113 8.2.1): 1 where allowed in a field name. */
const NAME_OCTET: Uint8Array = new Uint8Array(256);
/** tchar with upper case: methods. */
const TOKEN_OCTET: Uint8Array = new Uint8Array(256);
/** RFC 9113 8.2.1: field values exclude NUL, CR, LF; RFC 9110 5.5 excludes the other controls but HTAB. */
const VALUE_OCTET: Uint8Array = new Uint8Array(256);
/** What may stand in a path and query, RFC 3986 3.3, loosely: visible ASCII without `#`. */
const PATH_OCTET: Uint8Array = new Uint8Array(256);
/** What may stand in an authority: RFC 3986 3.2 without userinfo. */
const AUTHORITY_OCTET: Uint8Array = new Uint8Array(256);

for (const c of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") NAME_OCTET[c.charCodeAt(0)] = 1;
TOKEN_OCTET.set(NAME_OCTET);
for (const c of 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') TOKEN_OCTET[c.charCodeAt(0)] = 1;
for (let c = 0x20; c < 0x100; c++) if (c !== 0x7f) VALUE_OCTET[c] = 1;
VALUE_OCTET[0x09] = 1;
for (let c = 0x21; c < 0x7f; c++) if (c !== 0x23) PATH_OCTET[c] = 1;
for (const c of "!$%&'()*+;=-._~:[]0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
  AUTHORITY_OCTET[c.charCodeAt(0)] = 1;
}

function every(text: string, allowed: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff || allowed[code] === 0) return false;
  }
  return true;
}

/** RFC 9110 5.6.2. */
export function isToken(text: string): boolean {
  return text.length !== 0 && every(text, TOKEN_OCTET);
}

/** RFC 9113 8.2.1: a lower-case token. */
export function isFieldName(name: string): boolean {
  return name.length !== 0 && every(name, NAME_OCTET);
}

/** RFC 9113 8.2.1: no NUL, CR, LF or other control, no white space at either end. */
export function isFieldValue(value: string): boolean {
  const length = value.length;
  if (length === 0) return true;
  const first = value.charCodeAt(0);
  const last = value.charCodeAt(length - 1);
  if (first === 0x20 || first === 0x09 || last === 0x20 || last === 0x09) return false;
  return every(value, VALUE_OCTET);
}

/** Host and optional port, without userinfo. RFC 9113 8.3.1, RFC 3986 3.2. */
export function isAuthority(text: string): boolean {
  if (!every(text, AUTHORITY_OCTET)) return false;
  const bracket = text.indexOf(']');
  const colon = text.indexOf(':', Math.max(bracket, 0));
  if (bracket >= 0 && (text.charCodeAt(0) !== 0x5b || (bracket !== text.length - 1 && colon !== bracket + 1))) {
    return false;
  }
  if (bracket < 0 && text.includes('[')) return false;
  if (colon < 0) return text.length !== 0;
  if (colon === 0) return false;
  let port = 0;
  for (let i = colon + 1; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
    if (port > 65_535) return false;
  }
  return true;
}

/** A content-length of digits only, at most 2^53-1; -1 otherwise. RFC 9110 8.6. */
export function parseLength(value: string): number {
  if (value.length === 0 || value.length > 16) return -1;
  let length = 0;
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length <= Number.MAX_SAFE_INTEGER ? length : -1;
}

/** RFC 3986 3.1: a letter, then letters, digits, `+`, `-` and `.`. */
export function isScheme(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    const alpha = (c | 0x20) >= 0x61 && (c | 0x20) <= 0x7a;
    if (!alpha && (i === 0 || !((c >= 0x30 && c <= 0x39) || c === 0x2b || c === 0x2d || c === 0x2e))) return false;
  }
  return text.length !== 0;
}

function isPath(text: string): boolean {
  return text === '*' || (text.charCodeAt(0) === 0x2f && every(text, PATH_OCTET));
}

function isStatus(text: string): boolean {
  if (text.length !== 3) return false;
  const first = text.charCodeAt(0) - 0x30;
  const second = text.charCodeAt(1) - 0x30;
  const third = text.charCodeAt(2) - 0x30;
  return first >= 1 && first <= 9 && second >= 0 && second <= 9 && third >= 0 && third <= 9;
}

function pseudo(name: string, value: string): FieldClass {
  const bad = FieldClass.BAD_PSEUDO_VALUE;
  switch (name) {
    case ':method':
      return isToken(value) ? FieldClass.METHOD : bad;
    case ':path':
      return isPath(value) ? FieldClass.PATH : bad;
    case ':scheme':
      return isScheme(value) ? FieldClass.SCHEME : bad;
    case ':authority':
      return isAuthority(value) ? FieldClass.AUTHORITY : bad;
    case ':status':
      return isStatus(value) ? FieldClass.STATUS : bad;
    case ':protocol':
      return isToken(value) ? FieldClass.PROTOCOL : bad;
    default:
      return FieldClass.UNKNOWN_PSEUDO;
  }
}

/** The class of a field line; a function of its name and value alone, for `DecoderOptions.classify`. */
export function classifyField(name: string, value: string): FieldClass {
  if (name.charCodeAt(0) === 0x3a) return pseudo(name, value);
  if (!isFieldName(name)) return FieldClass.BAD_NAME;
  if (!isFieldValue(value)) return FieldClass.BAD_VALUE;
  switch (name) {
    case 'connection':
    case 'keep-alive':
    case 'proxy-connection':
    case 'transfer-encoding':
    case 'upgrade':
    case 'http2-settings':
      return FieldClass.CONNECTION_SPECIFIC;
    case 'te':
      return value === 'trailers' ? FieldClass.REGULAR : FieldClass.BAD_TE;
    case 'host':
      return FieldClass.HOST;
    case 'content-length':
      return FieldClass.CONTENT_LENGTH;
    case 'priority':
      return FieldClass.PRIORITY;
    case 'cookie':
      return FieldClass.COOKIE;
    default:
      return FieldClass.REGULAR;
  }
}
