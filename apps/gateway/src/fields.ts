/**
 * What happens to field sections on their way through: hop-by-hop fields end here (RFC 9110 7.6.1), the gateway says
 * for whom it forwards (RFC 7239 and the X-Forwarded family), and nobody else may say it for us. One pass over the flat
 * list per message; a response with nothing to remove is passed on as it came.
 */
import type { FieldList } from '@glassway/h2-core';
import type { ClientFacts, RequestMessage, ResponseMessage } from './exchange/legs.ts';
import { type Reason, reason } from './exchange/reason.ts';

/** How the gateway presents the client to its backends. */
export interface ForwardPolicy {
  /** This gateway's name in Via, a token nobody else uses: a request that carries it came from ourselves. */
  readonly pseudonym: string;
  /** Whether the peer at this address may say who the client was; its forwarded fields are kept and added to. */
  isTrusted(address: string): boolean;
}

/** A request's fields, ready for the backend; or the reason to refuse the request. */
export interface ForwardedFields {
  readonly fields: FieldList;
  /** Positions in `fields` that were marked never indexed; null: none. */
  readonly sensitive: readonly number[] | null;
  readonly refused: Reason | null;
}

// What to do with a field of a request. Anything from ASSERTS up is a claim about the client.
const KEEP = 0;
const DROP = 1;
const CONNECTION = 2;
const TE = 3;
const COOKIE = 4;
const VIA = 5;
const ASSERTS = 6;
const ASSERTS_FOR = 7;
const ASSERTS_HOST = 8;
const ASSERTS_PROTO = 9;
const ASSERTS_PORT = 10;
const ASSERTS_FORWARDED = 11;

const REQUEST_ACTIONS: ReadonlyMap<string, number> = new Map([
  ['connection', CONNECTION],
  ['te', TE],
  ['cookie', COOKIE],
  ['via', VIA],
  ['x-forwarded-for', ASSERTS_FOR],
  ['x-forwarded-host', ASSERTS_HOST],
  ['x-forwarded-proto', ASSERTS_PROTO],
  ['x-forwarded-port', ASSERTS_PORT],
  ['forwarded', ASSERTS_FORWARDED],
  ['x-real-ip', ASSERTS],
  // Hop-by-hop, or made anew by the backend's leg from the validated message (D29).
  ['host', DROP],
  ['content-length', DROP],
  ['transfer-encoding', DROP],
  ['keep-alive', DROP],
  ['proxy-connection', DROP],
  ['proxy-authenticate', DROP],
  ['proxy-authorization', DROP],
  ['upgrade', DROP],
  ['http2-settings', DROP],
  // CGI programs would find it as HTTP_PROXY and send their own requests through it ("httpoxy", CVE-2016-5385).
  ['proxy', DROP],
]);

const RESPONSE_DROPS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authentication-info',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

// RFC 9110 6.5.1: framing, routing, authentication, request modifiers and content description have no place in trailers.
const TRAILER_DROPS: ReadonlySet<string> = new Set([
  ...REQUEST_ACTIONS.keys(),
  ...RESPONSE_DROPS,
  'authorization',
  'www-authenticate',
  'set-cookie',
  'trailer',
  'expect',
  'max-forwards',
  'range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
  'age',
  'cache-control',
  'expires',
  'date',
  'location',
  'retry-after',
  'vary',
  'content-encoding',
  'content-type',
  'content-range',
]);

/** A client must not make us drop what routing, framing or authentication rely on (RFC 9110 7.6.1). */
const NOT_NAMEABLE: ReadonlySet<string> = new Set(['host', 'content-length', 'cookie', 'authorization']);

/** Names seen before, with their action; bounded, because clients choose names. */
const learned = new Map<string, number>();
const LEARNED_MAX = 2048;
const LEARNED_NAME_MAX = 64;

function actionOf(name: string): number {
  return REQUEST_ACTIONS.get(name) ?? learned.get(name) ?? learn(name);
}

function learn(name: string): number {
  let action = KEEP;
  if (name.startsWith('x-forwarded-')) action = ASSERTS;
  else if (name.includes('_') || name.includes('.')) {
    // D26: many backends cannot tell x_forwarded_for from x-forwarded-for.
    const dashed = name.replaceAll('_', '-').replaceAll('.', '-');
    if (REQUEST_ACTIONS.has(dashed) || dashed.startsWith('x-forwarded-')) action = DROP;
  }
  if (learned.size < LEARNED_MAX && name.length <= LEARNED_NAME_MAX) learned.set(name, action);
  return action;
}

/** Fields for the backend: cleaned, cookies joined (RFC 9113 8.2.3), with Via, Forwarded and X-Forwarded-* added. */
export function forwardRequest(request: RequestMessage, client: ClientFacts, policy: ForwardPolicy): ForwardedFields {
  const source = request.fields;
  const marks = request.sensitive;
  const trusted = policy.isTrusted(client.address);
  const fields: string[] = [];
  let sensitive: number[] | null = null;
  let nextMark = 0;
  let named: string[] | null = null;
  let cookie = '';
  let cookieSensitive = false;
  let via = '';
  let forwardedFor = '';
  let forwardedHost = '';
  let forwardedProto = '';
  let forwardedPort = '';
  let forwarded = '';

  for (let i = 0; i + 1 < source.length; i += 2) {
    const name = source[i]!;
    const value = source[i + 1]!;
    let marked = false;
    if (marks !== null && marks[nextMark] === i) {
      marked = true;
      nextMark++;
    }
    const action = actionOf(name);
    if (action === KEEP) {
      if (marked) {
        sensitive ??= [];
        sensitive.push(fields.length);
      }
      fields.push(name, value);
      continue;
    }
    if (action >= ASSERTS && !trusted) continue;
    switch (action) {
      case CONNECTION:
        named = addNames(named, value);
        break;
      case TE:
        if (value === 'trailers' || listHas(value, 'trailers')) fields.push('te', 'trailers');
        break;
      case COOKIE:
        cookie = cookie === '' ? value : `${cookie}; ${value}`;
        cookieSensitive ||= marked;
        break;
      case VIA:
        via = append(via, value);
        break;
      case ASSERTS_FOR:
        forwardedFor = append(forwardedFor, value);
        break;
      case ASSERTS_HOST:
        forwardedHost = append(forwardedHost, value);
        break;
      case ASSERTS_PROTO:
        forwardedProto = append(forwardedProto, value);
        break;
      case ASSERTS_PORT:
        forwardedPort = append(forwardedPort, value);
        break;
      case ASSERTS_FORWARDED:
        forwarded = append(forwarded, value);
        break;
      case ASSERTS:
        fields.push(name, value);
        break;
      default: // DROP
    }
  }

  if (via !== '' && via.includes(policy.pseudonym)) {
    return refuse(
      reason('loop_detected', `the request has already passed this gateway (via: ${via})`, { rfc: '9110 7.6.3' }),
    );
  }
  if (named !== null) {
    const forbidden = named.find(name => NOT_NAMEABLE.has(name));
    if (forbidden !== undefined) {
      return refuse(reason('request_rejected', `connection may not name ${forbidden}`, { rfc: '9110 7.6.1' }));
    }
    sensitive = removeNamed(fields, sensitive, named);
  }
  if (cookie !== '') {
    if (cookieSensitive) {
      sensitive ??= [];
      sensitive.push(fields.length);
    }
    fields.push('cookie', cookie);
  }

  const address = plainAddress(client.address);
  fields.push('via', append(via, `${viaVersion(client.protocol)} ${policy.pseudonym}`));
  if (address !== '') fields.push('x-forwarded-for', append(forwardedFor, address));
  fields.push('x-forwarded-proto', forwardedProto === '' ? request.scheme : forwardedProto);
  const host = forwardedHost === '' ? request.authority : forwardedHost;
  if (host !== '') fields.push('x-forwarded-host', host);
  fields.push('x-forwarded-port', forwardedPort === '' ? portOf(request.authority, request.scheme) : forwardedPort);
  fields.push('forwarded', append(forwarded, forwardedElement(address, request.authority, request.scheme)));
  return { fields, sensitive, refused: null };
}

/** A response (final or 1xx) without connection-specific fields; the same object when there are none. */
export function forwardResponse(response: ResponseMessage): ResponseMessage {
  const source = response.fields;
  let i = 0;
  while (i < source.length && !RESPONSE_DROPS.has(source[i]!)) i += 2;
  if (i >= source.length) return response;

  const fields: string[] = [];
  let sensitive: number[] | null = null;
  let named: string[] | null = null;
  for (i = 0; i + 1 < source.length; i += 2) {
    const name = source[i]!;
    if (name === 'connection') named = addNames(named, source[i + 1]!);
    if (RESPONSE_DROPS.has(name)) continue;
    if (response.sensitive?.includes(i)) {
      sensitive ??= [];
      sensitive.push(fields.length);
    }
    fields.push(name, source[i + 1]!);
  }
  // content-length has been checked against the body by the backend's leg; a backend cannot talk us out of it.
  if (named !== null)
    sensitive = removeNamed(
      fields,
      sensitive,
      named.filter(name => name !== 'content-length'),
    );
  return { status: response.status, fields, sensitive };
}

/** Trailer fields that may travel on (D20); the same list when all may. */
export function forwardTrailers(fields: FieldList): FieldList {
  let i = 0;
  while (i < fields.length && isTrailer(fields[i]!)) i += 2;
  if (i >= fields.length) return fields;
  const kept: string[] = [];
  for (i = 0; i + 1 < fields.length; i += 2) if (isTrailer(fields[i]!)) kept.push(fields[i]!, fields[i + 1]!);
  return kept;
}

function isTrailer(name: string): boolean {
  return !TRAILER_DROPS.has(name) && actionOf(name) === KEEP;
}

function refuse(refused: Reason): ForwardedFields {
  return { fields: [], sensitive: null, refused };
}

function append(list: string, value: string): string {
  return list === '' ? value : `${list}, ${value}`;
}

function addNames(names: string[] | null, value: string): string[] {
  const all = names ?? [];
  for (const part of value.split(',')) {
    const name = part.trim().toLowerCase();
    if (name !== '') all.push(name);
  }
  return all;
}

function listHas(value: string, wanted: string): boolean {
  return value.split(',').some(part => part.trim().toLowerCase() === wanted);
}

/** Takes the named fields out, in place, and answers the marks of what is left. */
function removeNamed(fields: string[], sensitive: readonly number[] | null, named: readonly string[]): number[] | null {
  const marks: number[] = [];
  let to = 0;
  for (let from = 0; from < fields.length; from += 2) {
    const name = fields[from]!;
    // `te: trailers` is ours to pass on although it is always named by Connection (RFC 9110 10.1.4).
    if (name !== 'te' && named.includes(name)) continue;
    if (sensitive?.includes(from)) marks.push(to);
    fields[to++] = name;
    fields[to++] = fields[from + 1]!;
  }
  fields.length = to;
  return marks.length === 0 ? null : marks;
}

/** RFC 9110 2.5: where a minor version is needed, HTTP/2's is 0. */
function viaVersion(protocol: ClientFacts['protocol']): string {
  return protocol === 'http/1.1' ? '1.1' : protocol === 'http/1.0' ? '1.0' : '2.0';
}

/** An IPv4 client of a dual-stack listener is an IPv4 client. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

function portOf(authority: string, scheme: string): string {
  const colon = authority.lastIndexOf(':');
  if (colon !== -1 && colon > authority.lastIndexOf(']') && colon + 1 < authority.length)
    return authority.slice(colon + 1);
  return scheme === 'https' ? '443' : '80';
}

/** One element of Forwarded (RFC 7239 4). Addresses with a colon must be quoted and bracketed (6). */
function forwardedElement(address: string, authority: string, scheme: string): string {
  const node = address === '' ? 'unknown' : address.includes(':') ? `"[${address}]"` : address;
  const host = authority === '' ? '' : `;host=${quote(authority)}`;
  return `for=${node}${host};proto=${scheme}`;
}

function quote(value: string): string {
  return value.includes('"') || value.includes('\\') ? `"${value.replaceAll(/["\\]/g, '\\$&')}"` : `"${value}"`;
}
