/**
 * From the raw head of an HTTP/1 request to a `RequestMessage`, or to the reason why not. Node's parser (llhttp in its
 * strict mode) already refuses bare LF and CR, obs-fold, control characters, lists and signs in content-length, and
 * content-length beside transfer-encoding. What it lets through and two servers could read differently is refused here.
 */
import type { RequestMessage } from '../exchange/legs.ts';
import { type Reason, reason } from '../exchange/reason.ts';
import { checkScheme, isAuthority, isSameAuthority, reject } from './rules.ts';

/** The parts of Node's IncomingMessage that are read. */
export interface RawRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersion: string;
  /** Flat name, value list as received. */
  readonly rawHeaders: readonly string[];
}

/** What the head is judged by. */
export interface Http1Rules {
  readonly tls: boolean;
  readonly strictScheme: boolean;
  readonly maxHeaderFields: number;
}

/** A request that may be served, or the reason to refuse it. */
export type Http1Verdict =
  | { readonly refused: Reason; readonly request: null }
  | { readonly refused: null; readonly request: RequestMessage };

// RFC 9112 3.2: origin-form, of visible ASCII. A fragment has no place in a request and backends disagree about it.
const ORIGIN_FORM = /^\/[\x21\x22\x24-\x7e]*$/;
const ABSOLUTE_FORM = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?]*)(.*)$/;
const DIGITS = /^[0-9]{1,16}$/;

/** Judges a request's head (RFC 9112 3.2, 6.1, 6.3). CONNECT is not judged here. */
export function judgeHttp1(raw: RawRequest, rules: Http1Rules): Http1Verdict {
  const version10 = raw.httpVersion === '1.0';
  if (!version10 && raw.httpVersion !== '1.1')
    return refuse(`HTTP/${raw.httpVersion} is not spoken here`, '9112 2.3', 'http1.version');
  const method = raw.method ?? '';
  const source = raw.rawHeaders;
  if (source.length > rules.maxHeaderFields * 2) {
    const text = `${source.length / 2} field lines, at most ${rules.maxHeaderFields} are allowed`;
    return { refused: reason('request_too_large', text, { rfc: '6585 5', rule: 'http1.fields' }), request: null };
  }

  const fields: string[] = [];
  let host: string | null = null;
  let contentLength = -1;
  let chunked = false;
  for (let i = 0; i + 1 < source.length; i += 2) {
    const name = source[i]!.toLowerCase();
    const value = source[i + 1]!;
    switch (name) {
      case 'host':
        if (host !== null) return refuse('more than one host field', '9112 3.2', 'http1.host-twice');
        host = value;
        break;
      case 'content-length':
        if (contentLength !== -1)
          return refuse('more than one content-length field', '9112 6.3', 'http1.content-length-twice');
        if (!DIGITS.test(value) || !Number.isSafeInteger(Number(value))) {
          return refuse(`content-length "${value}" is not a number of octets`, '9112 6.3', 'http1.content-length');
        }
        contentLength = Number(value);
        break;
      case 'transfer-encoding':
        if (version10) return refuse('transfer-encoding on HTTP/1.0', '9112 6.1', 'http1.transfer-encoding-version');
        if (chunked)
          return refuse('more than one transfer-encoding field', '9112 6.1', 'http1.transfer-encoding-twice');
        if (value.toLowerCase() !== 'chunked') {
          return refuse(
            `transfer-encoding "${value}": only "chunked" is understood`,
            '9112 6.1',
            'http1.transfer-encoding',
          );
        }
        chunked = true;
        break;
      case 'expect':
        // RFC 9110 10.1.1: an HTTP/1.0 client cannot mean it.
        if (!version10) fields.push(name, value);
        break;
      default:
        fields.push(name, value);
    }
  }
  if (chunked && contentLength !== -1)
    return refuse('both transfer-encoding and content-length', '9112 6.3', 'http1.two-lengths');
  if (host === null && !version10) return refuse('no host field', '9112 3.2', 'http1.host-missing');
  if (host !== null && !isAuthority(host))
    return refuse(`host "${host}" is not a host and port`, '9112 3.2', 'http1.host');

  const target = raw.url ?? '';
  let path = target;
  let authority = host ?? '';
  if (!target.startsWith('/') && target !== '*') {
    const absolute = ABSOLUTE_FORM.exec(target);
    if (absolute === null) return refuse(`the request target "${target}" is no path`, '9112 3.2', 'http1.target');
    const scheme = absolute[1]!.toLowerCase();
    const wrongScheme = checkScheme(scheme, rules.tls, rules.strictScheme);
    if (wrongScheme !== null) return { refused: wrongScheme, request: null };
    authority = absolute[2]!;
    if (!isAuthority(authority))
      return refuse(`the request target "${target}" names no host`, '9112 3.2.2', 'http1.target-host');
    if (host !== null && !isSameAuthority(authority, host, scheme)) {
      return refuse(
        `the request target names "${authority}", the host field "${host}"`,
        '9112 3.2.2',
        'http1.target-differs',
      );
    }
    // RFC 9112 3.2.4: OPTIONS without a path asks about the server.
    path = absolute[3]! === '' && method === 'OPTIONS' ? '*' : absolute[3]!;
    if (!path.startsWith('/') && path !== '*') path = `/${path}`;
  }
  if (path === '*' ? method !== 'OPTIONS' : !ORIGIN_FORM.test(path)) {
    return refuse(`the request target "${target}" is not a path`, '9112 3.2', 'http1.target');
  }

  const request: RequestMessage = {
    method,
    scheme: rules.tls ? 'https' : 'http',
    authority,
    path,
    fields,
    sensitive: null,
    hasBody: chunked || contentLength > 0,
    contentLength,
    protocol: '',
  };
  return { refused: null, request };
}

function refuse(text: string, rfc: string, rule: string): Http1Verdict {
  return { refused: reject(text, rfc, rule), request: null };
}
