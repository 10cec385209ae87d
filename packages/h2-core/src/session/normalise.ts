import { flatten, HeaderList, type HeadersInput } from './headers.ts';

/** Fields that belong to an HTTP/1.1 connection. RFC 9113 8.2.2. */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/**
 * Fields made for HTTP/1.1 as HTTP/2 can carry them: names in lower case, white space around values removed, what belongs to
 * the connection left out - the fields of RFC 9113 8.2.2, those that a `connection` field names, and any `te` but
 * `trailers`. Order, duplicates and never-indexed marks are kept. What no protocol allows (a name that is no token, a line
 * break) stays, and is refused by whoever sends it. Without this such fields are refused too: `send` and `request` throw.
 */
export function normaliseHeaders(input: HeadersInput): HeaderList {
  const { fields, sensitive } = flatten(input);
  const dropped = new Set(CONNECTION_FIELDS);
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] !== 'connection') continue;
    for (const option of (fields[i + 1] as string).split(',')) dropped.add(option.trim().toLowerCase());
  }
  const kept: string[] = [];
  const marks: number[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = (fields[i + 1] as string).replace(/^[ \t]+|[ \t]+$/g, '');
    const isTrailersOnly = name === 'te' && value.toLowerCase() === 'trailers';
    if (name === 'te' ? !isTrailersOnly : dropped.has(name)) continue;
    if (sensitive?.includes(i) === true) marks.push(kept.length);
    kept.push(name, isTrailersOnly ? 'trailers' : value);
  }
  return new HeaderList(kept, marks.length === 0 ? null : marks);
}
