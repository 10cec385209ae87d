/** Field sections on their way back: responses and trailers. One that needs no change is passed on as it came. */
import type { FieldList } from '@glassway/h2-core';
import type { ResponseMessage } from './exchange/legs.ts';
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
