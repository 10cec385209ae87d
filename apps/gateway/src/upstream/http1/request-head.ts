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
 * cannot be written without changing its meaning gives a violation. `upgradeKey`: for a tunnel, the WebSocket key to send
 * when the request brought none.
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
  let key = upgradeKey;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index]!;
    const value = fields[index + 1]!;
    if (!TOKEN.test(name)) return violation('a field name is not a token', '9110 5.1');
    if (UNSAFE_VALUE.test(value))
      return violation(`the value of "${name}" has a character that is not allowed`, '9110 5.5');
    if (isOurs(name)) {
      te ||= name === 'te' && value === 'trailers';
      continue;
    }
    if (name === 'sec-websocket-key') key = '';
    head += `${name}: ${value}\r\n`;
  }
  if (framing === RequestFraming.TUNNEL) {
    if (key !== '') head += `sec-websocket-key: ${key}\r\n`;
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
    const kind = fieldKind(name);
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

/** Fields about this hop or about framing. The message should hold none; D29 does not rely on it. */
function isOurs(name: string): boolean {
  switch (name.length) {
    case 2:
      return name === 'te';
    case 4:
      return name === 'host';
    case 7:
      return name === 'upgrade';
    case 10:
      return name === 'connection' || name === 'keep-alive';
    case 14:
      return name === 'content-length' || name === 'http2-settings';
    case 16:
      return name === 'proxy-connection';
    case 17:
      return name === 'transfer-encoding';
    default:
      return false;
  }
}
