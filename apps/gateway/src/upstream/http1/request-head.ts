import type { RequestMessage } from '../../exchange/legs.ts';
import { FieldKind, fieldKind } from './field-names.ts';
import { type Violation, violation } from './violation.ts';

/** How the request body is delimited (RFC 9112 6). Decided here alone, from the validated message (D29). */
export const RequestFraming = { NONE: 0, LENGTH: 1, CHUNKED: 2, TUNNEL: 3 } as const;
/** One of `RequestFraming`. */
export type RequestFraming = (typeof RequestFraming)[keyof typeof RequestFraming];

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const TARGET = /^[\x21-\x7e]+$/;
// Code points above U+00FF would be cut to their low octet on the wire, which may be CR or LF.
const UNSAFE_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

/** Chooses the framing of a request's body. */
export function requestFraming(request: RequestMessage): RequestFraming {
  if (request.protocol !== undefined && request.protocol !== '') return RequestFraming.TUNNEL;
  if (!request.hasBody) return RequestFraming.NONE;
  // Announced trailers need chunks, even where the length is known.
  return request.contentLength >= 0 && !announcesTrailers(request) ? RequestFraming.LENGTH : RequestFraming.CHUNKED;
}

/**
 * The request line and fields as octets in a latin1 string, with exactly one Host and only our own framing. A message that
 * cannot be written without changing its meaning gives a violation. `upgradeKey`: for a tunnel, the WebSocket key to send,
 * empty when the request brings its own.
 */
export function requestHead(request: RequestMessage, framing: RequestFraming, upgradeKey: string): string | Violation {
  const method = framing === RequestFraming.TUNNEL ? 'GET' : request.method;
  const { path, authority, fields } = request;
  if (!TOKEN.test(method)) return violation('the method is not a token', '9110 9.1');
  if (!TARGET.test(path)) return violation('the request target has an octet that is not allowed there', '9112 3.2');
  if (authority !== '' && !TARGET.test(authority))
    return violation('the authority has an octet that is not allowed', '9110 7.2');
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${authority}\r\n`;
  let te = false;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index]!;
    const value = fields[index + 1]!;
    const known = LINES.get(name) ?? learn(name);
    if (known === null) return violation('a field name is not a token', '9110 5.1');
    if (known.ours) {
      te ||= value === 'trailers' && name === 'te';
      continue;
    }
    if (known.value !== value) {
      if (UNSAFE_VALUE.test(value))
        return violation(`the value of "${name}" has a character that is not allowed`, '9110 5.5');
      if (!known.keep || value.length > MAX_KEPT_VALUE) {
        head += `${name}: ${value}\r\n`;
        continue;
      }
      known.value = value;
      known.line = `${name}: ${value}\r\n`;
    }
    head += known.line;
  }
  if (framing === RequestFraming.TUNNEL) {
    if (upgradeKey !== '') head += `sec-websocket-key: ${upgradeKey}\r\n`;
    return `${head}connection: upgrade\r\nupgrade: ${request.protocol}\r\n\r\n`;
  }
  // RFC 9110 10.1.4: a sender of TE names it in Connection.
  if (te) head += 'te: trailers\r\nconnection: te\r\n';
  if (framing === RequestFraming.CHUNKED) return `${head}transfer-encoding: chunked\r\n\r\n`;
  if (framing === RequestFraming.LENGTH) return `${head}content-length: ${request.contentLength}\r\n\r\n`;
  return request.contentLength === 0 || expectsContent(method) ? `${head}content-length: 0\r\n\r\n` : `${head}\r\n`;
}

/** The last chunk with trailer fields (RFC 9112 7.1.2); fields that may not be trailers are left out. */
export function lastChunk(fields: readonly string[] | null): string {
  if (fields === null) return '0\r\n\r\n';
  let text = '0\r\n';
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index]!;
    const value = fields[index + 1]!;
    const kind = fieldKind(name.toLowerCase());
    if (kind === FieldKind.PLAIN && TOKEN.test(name) && !UNSAFE_VALUE.test(value)) text += `${name}: ${value}\r\n`;
  }
  return `${text}\r\n`;
}

/** RFC 9110 8.6: a request without content says so where its method anticipates content. */
function expectsContent(method: string): boolean {
  return method === 'POST' || method === 'PUT' || method === 'PATCH';
}

function announcesTrailers(request: RequestMessage): boolean {
  for (let index = 0; index < request.fields.length; index += 2) if (request.fields[index] === 'trailer') return true;
  return false;
}

/** What is known of a field name, and the last line written with it: most fields repeat from request to request. */
interface Known {
  /** About this hop or about framing: the message should hold none, and D29 does not rely on it. */
  readonly ours: boolean;
  /** The line may be kept: no credentials. */
  readonly keep: boolean;
  value: string;
  line: string;
}

const OURS = new Set(
  'host te upgrade connection keep-alive content-length http2-settings proxy-connection transfer-encoding'.split(' '),
);
const SECRETS = new Set(['authorization', 'cookie', 'proxy-authorization', 'sec-websocket-key']);

/** Bounds of the memory clients can make us spend on this. */
const MAX_KNOWN = 512;
const MAX_KEPT_NAME = 64;
const MAX_KEPT_VALUE = 512;
const LINES = new Map<string, Known>();

/** Checks a name not seen before; null: it is not a token. */
function learn(name: string): Known | null {
  if (!TOKEN.test(name)) return null;
  const lower = name.toLowerCase();
  // No value equals this one, since it is not allowed.
  const known: Known = { ours: OURS.has(lower), keep: !SECRETS.has(lower), value: '\n', line: '' };
  if (name.length <= MAX_KEPT_NAME) {
    if (LINES.size >= MAX_KNOWN) LINES.clear();
    LINES.set(name, known);
  }
  return known;
}
