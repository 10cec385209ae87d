/** Field sections on their way back: responses and trailers. One that needs no change is passed on as it came. */
import type { ResponseMessage, Trailers } from './exchange/legs.ts';
import { addNames, isTrailer, removeNamed } from './fields-names.ts';

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

/**
 * A response (final or 1xx) without connection-specific fields; the same object when there is nothing to change. A final
 * response without a date gets one (RFC 9110 6.6.1); 204 and 1xx have no content-length (RFC 9110 8.6).
 */
export function forwardResponse(response: ResponseMessage): ResponseMessage {
  const source = response.fields;
  const isEmpty = response.status < 200 || response.status === 204;
  let isDated = response.status < 200;
  let isClean = true;
  for (let i = 0; i < source.length; i += 2) {
    const name = source[i]!;
    if (name === 'date') isDated = true;
    else if (RESPONSE_DROPS.has(name) || (isEmpty && name === 'content-length')) isClean = false;
  }
  if (isClean) return isDated ? response : { ...response, fields: [...source, 'date', httpDate()] };

  const fields: string[] = [];
  let sensitive: number[] | null = null;
  let named: string[] | null = null;
  for (let i = 0; i + 1 < source.length; i += 2) {
    const name = source[i]!;
    if (name === 'connection') named = addNames(named, source[i + 1]!);
    if (RESPONSE_DROPS.has(name) || (isEmpty && name === 'content-length')) continue;
    if (response.sensitive?.includes(i)) {
      sensitive ??= [];
      sensitive.push(fields.length);
    }
    fields.push(name, source[i + 1]!);
  }
  if (named !== null) {
    // content-length has been checked against the body by the backend's leg; a backend cannot talk us out of it.
    const hops = named.filter(name => name !== 'content-length' && name !== 'date');
    sensitive = removeNamed(fields, sensitive, hops);
  }
  if (!isDated) fields.push('date', httpDate());
  return { status: response.status, fields, sensitive };
}

let dateSecond = -1;
let dateText = '';

/** Now, as a Date field says it (RFC 9110 5.6.7); made once per second. */
export function httpDate(now: number = Date.now()): string {
  const second = Math.floor(now / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(second * 1000).toUTCString();
  }
  return dateText;
}

/** Trailer fields that may travel on (D20), with their marks (RFC 7541 6.2.3); the same object when all may. */
export function forwardTrailers(trailers: Trailers): Trailers {
  const { fields, sensitive } = trailers;
  let i = 0;
  while (i < fields.length && isTrailer(fields[i]!)) i += 2;
  if (i >= fields.length) return trailers;
  const kept: string[] = [];
  const marks: number[] = [];
  for (i = 0; i + 1 < fields.length; i += 2) {
    if (!isTrailer(fields[i]!)) continue;
    if (sensitive?.includes(i)) marks.push(kept.length);
    kept.push(fields[i]!, fields[i + 1]!);
  }
  return { fields: kept, sensitive: marks.length === 0 ? null : marks };
}
