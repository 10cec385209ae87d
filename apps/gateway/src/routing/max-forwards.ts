/** Max-Forwards, by which a client counts the hops of OPTIONS and TRACE (RFC 9110 7.6.2). */
import type { RequestMessage } from '../exchange/legs.ts';
import type { OwnResponse } from '../exchange/own-response.ts';
import { httpDate } from '../fields-response.ts';

const encoder = new TextEncoder();
/** What TRACE may show of a request: nothing that could be a secret (RFC 9110 9.3.8). */
const SHOWN: ReadonlySet<string> = new Set(['via', 'max-forwards', 'user-agent']);

/** Whether the field means anything to this method. */
export function countsHops(method: string): boolean {
  return method === 'OPTIONS' || method === 'TRACE';
}

/** How many more hops a request may take; -1: the client does not say, or not in a way that can be understood. */
export function hopsLeft(fields: readonly string[]): number {
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === 'max-forwards') return /^[0-9]{1,9}$/.test(fields[i + 1]!) ? Number(fields[i + 1]) : -1;
  }
  return -1;
}

/** The fields with one hop less. */
export function withOneHopLess(fields: readonly string[]): readonly string[] {
  return fields.map((value, i) =>
    i % 2 === 1 && fields[i - 1] === 'max-forwards' ? String(Number(value) - 1) : value,
  );
}

/** The answer when no hop is left: the gateway is the final recipient. */
export function lastHop(request: RequestMessage): OwnResponse {
  const isTrace = request.method === 'TRACE';
  const body = isTrace ? encoder.encode(seen(request)) : null;
  const type = isTrace ? ['content-type', 'message/http'] : [];
  const fields = [
    ...type,
    'content-length',
    String(body?.length ?? 0),
    'date',
    httpDate(),
    'cache-control',
    'no-store',
  ];
  return { status: 200, fields, body };
}

function seen({ method, path, authority, fields }: RequestMessage): string {
  let text = `${method} ${path} HTTP/1.1\r\nhost: ${authority}\r\n`;
  for (let i = 0; i < fields.length; i += 2) if (SHOWN.has(fields[i]!)) text += `${fields[i]}: ${fields[i + 1]}\r\n`;
  return `${text}\r\n`;
}
