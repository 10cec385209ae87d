/** Responses the gateway makes itself: one sentence a person can act on, with the stable code for machines. */
import type { FieldList } from '@glassway/h2-core';
import { httpDate } from '../fields-response.ts';
import type { RequestMessage } from './legs.ts';
import type { Reason } from './reason.ts';

/** A complete response; `body` is empty for HEAD, whose fields still describe what GET would have got. */
export interface OwnResponse {
  readonly status: number;
  readonly fields: FieldList;
  readonly body: Uint8Array | null;
}

const encoder = new TextEncoder();

/**
 * What the gateway answers for `reason`: as the client asked, plain text, JSON, or a gRPC status. `header`: name of the
 * field that carries the reason, empty for none.
 */
export function ownResponse(request: RequestMessage, reason: Reason, header = ''): OwnResponse {
  const named = header === '' ? [] : [header, reasonField(reason)];
  if (fieldOf(request.fields, 'content-type').startsWith('application/grpc')) return grpcResponse(reason, named);
  const json = prefersJson(fieldOf(request.fields, 'accept'));
  const text = json
    ? `${JSON.stringify({ status: reason.status, reason: reason.code, message: reason.text, rule: reason.rule, rfc: reason.rfc || undefined })}\n`
    : `${reason.status} ${reason.code} ${reason.text}\n`;
  const body = encoder.encode(text);
  return {
    status: reason.status,
    fields: [
      'content-type',
      json ? 'application/json' : 'text/plain; charset=utf-8',
      'content-length',
      String(body.length),
      'date',
      httpDate(),
      'cache-control',
      'no-store',
      // The sentence may quote the request: no browser may take it for a page.
      'x-content-type-options',
      'nosniff',
      ...named,
    ],
    body: request.method === 'HEAD' ? null : body,
  };
}

/** The reason as a structured field (RFC 9651): `no_route;rule="no-route";rfc="9110 15.5.5"`. */
export function reasonField({ code, rule, rfc }: Reason): string {
  return `${code};rule="${rule}"${rfc === '' ? '' : `;rfc="${rfc}"`}`;
}

/** Trailers-only, as gRPC clients expect of anything that fails before the call began. */
function grpcResponse(reason: Reason, named: FieldList): OwnResponse {
  return {
    status: 200,
    fields: [
      'content-type',
      'application/grpc',
      'grpc-status',
      String(grpcStatus(reason.status)),
      'grpc-message',
      percentEncode(`${reason.code} ${reason.text}`),
      ...named,
    ],
    body: null,
  };
}

/** The mapping of HTTP to gRPC status that gRPC clients use themselves when a proxy answers. */
function grpcStatus(status: number): number {
  switch (status) {
    case 400:
    case 431:
      return 13; // INTERNAL
    case 401:
      return 16; // UNAUTHENTICATED
    case 403:
      return 7; // PERMISSION_DENIED
    case 404:
    case 501:
      return 12; // UNIMPLEMENTED
    case 502:
    case 503:
    case 504:
      return 14; // UNAVAILABLE
    default:
      return 2; // UNKNOWN
  }
}

/** `grpc-message` carries printable ASCII but `%`; all else is percent-encoded UTF-8. */
function percentEncode(text: string): string {
  let out = '';
  for (const octet of encoder.encode(text)) {
    out +=
      octet >= 0x20 && octet <= 0x7e && octet !== 0x25
        ? String.fromCharCode(octet)
        : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

/** Content negotiation as far as it is needed here: JSON only for who names it and does not prefer a page. */
function prefersJson(accept: string): boolean {
  const json = accept.indexOf('json');
  if (json === -1) return false;
  const html = accept.indexOf('text/');
  return html === -1 || json < html;
}

/** The first value of a field, empty when absent. */
export function fieldOf(fields: FieldList, name: string): string {
  for (let i = 0; i + 1 < fields.length; i += 2) if (fields[i] === name) return fields[i + 1]!;
  return '';
}
