/**
 * A request's fields on their way to a backend: hop-by-hop fields end here (RFC 9110 7.6.1), the gateway says for whom
 * it forwards (RFC 7239 and the X-Forwarded family), and nobody else may say it for us. One pass over the flat list.
 */
import type { FieldList } from '@glassway/h2-core';
import type { ClientFacts, RequestMessage, Trailers } from './exchange/legs.ts';
import { type Reason, reason } from './exchange/reason.ts';
import { actionOf, addNames, FieldAction, removeNamed } from './fields-names.ts';
import { forwardTrailers } from './fields-response.ts';
import { dashed, type FieldEdit, requestEdit, withoutEdited } from './routing/field-edit.ts';

/** How the gateway presents the client to its backends. */
export interface ForwardPolicy {
  /** This gateway's name in Via, a token nobody else uses: a request that carries it came from ourselves. */
  readonly pseudonym: string;
  /** Whether the peer at this address may say who the client was; its forwarded fields are kept and added to. */
  isTrusted(address: string): boolean;
  /** Name (lower case) of the field that says who the client's certificate is for; nobody else may. Absent or empty: none. */
  readonly subjectField?: string;
}

/** A request's fields, ready for the backend; or the reason to refuse the request. */
export interface ForwardedFields {
  readonly fields: FieldList;
  /** Positions in `fields` that were marked never indexed; null: none. */
  readonly sensitive: readonly number[] | null;
  readonly refused: Reason | null;
}

/** A client must not make us drop what routing, framing or authentication rely on (RFC 9110 7.6.1). */
const NOT_NAMEABLE: ReadonlySet<string> = new Set(['host', 'content-length', 'cookie', 'authorization']);

/** Fields for the backend: cleaned, cookies joined (RFC 9113 8.2.3), with Via, Forwarded and X-Forwarded-* added. */
export function forwardRequest(request: RequestMessage, client: ClientFacts, policy: ForwardPolicy): ForwardedFields {
  const source = request.fields;
  const marks = request.sensitive;
  const trusted = policy.isTrusted(client.address);
  const { subjectField = '' } = policy;
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
    if (name.length === subjectField.length && isAlias(name, subjectField)) continue;
    if (action === FieldAction.KEEP) {
      if (marked) {
        sensitive ??= [];
        sensitive.push(fields.length);
      }
      fields.push(name, value);
      continue;
    }
    if (action >= FieldAction.ASSERTS && !trusted) continue;
    switch (action) {
      case FieldAction.CONNECTION:
        named = addNames(named, value);
        break;
      case FieldAction.TE:
        if (value === 'trailers' || listHas(value, 'trailers')) fields.push('te', 'trailers');
        break;
      case FieldAction.COOKIE:
        cookie = cookie === '' ? value : `${cookie}; ${value}`;
        cookieSensitive ||= marked;
        break;
      case FieldAction.VIA:
        via = append(via, value);
        break;
      case FieldAction.ASSERTS_FOR:
        forwardedFor = append(forwardedFor, value);
        break;
      case FieldAction.ASSERTS_HOST:
        forwardedHost = append(forwardedHost, value);
        break;
      case FieldAction.ASSERTS_PROTO:
        forwardedProto = append(forwardedProto, value);
        break;
      case FieldAction.ASSERTS_PORT:
        forwardedPort = append(forwardedPort, value);
        break;
      case FieldAction.ASSERTS_FORWARDED:
        forwarded = append(forwarded, value);
        break;
      case FieldAction.ASSERTS:
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
      return refuse(
        reason('request_rejected', `connection may not name ${forbidden}`, {
          rfc: '9110 7.6.1',
          rule: 'request.connection',
        }),
      );
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

  if (subjectField !== '' && client.subject !== undefined) fields.push(subjectField, client.subject);
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

/**
 * A request's trailers for the backend: those that may travel (D20), without what only the gateway may say, since some backends
 * add trailers to the fields. `edit`: the route's changes, null for none.
 */
export function forwardRequestTrailers(
  trailers: Trailers,
  { subjectField = '' }: ForwardPolicy,
  edit: FieldEdit | null,
): Trailers {
  let kept = forwardTrailers(trailers);
  if (edit !== null) kept = withoutEdited(kept, edit);
  const subject = subjectField === '' ? null : requestEdit({ remove: [subjectField] });
  return subject === null ? kept : withoutEdited(kept, subject);
}

/** D26: the same name to backends that cannot tell `_` and `.` from `-`. */
function isAlias(name: string, field: string): boolean {
  return name === field || dashed(name) === dashed(field);
}

function refuse(refused: Reason): ForwardedFields {
  return { fields: [], sensitive: null, refused };
}

function append(list: string, value: string): string {
  return list === '' ? value : `${list}, ${value}`;
}

function listHas(value: string, wanted: string): boolean {
  return value.split(',').some(part => part.trim().toLowerCase() === wanted);
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
