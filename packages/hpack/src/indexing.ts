/** Which fields an encoder puts into the dynamic table. */

import { STATIC_NAMES, STATIC_TABLE_LENGTH, type StaticName } from './static-table.ts';
import { Representation } from './tap.ts';

/**
 * What is to happen with a field when no table holds it already: `Representation.INCREMENTAL` puts it into the dynamic
 * table, `WITHOUT_INDEXING` does not, `NEVER_INDEXED` does not and also forbids references to an entry with its value.
 */
export type Indexing =
  | typeof Representation.INCREMENTAL
  | typeof Representation.WITHOUT_INDEXING
  | typeof Representation.NEVER_INDEXED;

/** Decides for one field. Must be quick, as it is asked for each field, and must not call back into the encoder. */
export type IndexingPolicy = (name: string, value: string) => Indexing;

/** Cookies shorter than this, octets, could be guessed through the compressed size and are never indexed. */
const GUESSABLE_COOKIE = 20;

// A value that seldom comes twice on a connection would only push out those that do.
const SELDOM_REPEATED = [
  ':path',
  'age',
  'content-length',
  'content-range',
  'etag',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'last-modified',
  'location',
  'range',
  'set-cookie',
];

// RFC 7541 7.1.3: secrets of little entropy, where an index would confirm a guess.
const SECRET = ['authorization', 'proxy-authorization'];

/** Shortest value that may enter the table, by static index; below it a field is never indexed. */
const LEAST_INDEXED: readonly number[] = byName(0, [
  ['cookie', GUESSABLE_COOKIE],
  ...SECRET.map((name): [string, number] => [name, Number.POSITIVE_INFINITY]),
]);

/** What happens with values from there on, by static index. */
const ABOVE: readonly Indexing[] = byName<Indexing>(
  Representation.INCREMENTAL,
  SELDOM_REPEATED.map(name => [name, Representation.WITHOUT_INDEXING]),
);

/** One item for each static index, `rest` for the names that are not listed. */
function byName<T>(rest: T, listed: [name: string, item: T][]): T[] {
  const items = new Array<T>(STATIC_TABLE_LENGTH + 1).fill(rest);
  for (const [name, item] of listed) items[STATIC_NAMES.get(name)!.index] = item;
  return items;
}

/** `defaultIndexing` for a name that has been looked up in the static table. */
export function defaultIndexingOf(known: StaticName | undefined, value: string): Indexing {
  if (known === undefined) return Representation.INCREMENTAL;
  return value.length < LEAST_INDEXED[known.index]! ? Representation.NEVER_INDEXED : ABOVE[known.index]!;
}

/**
 * The policy of an encoder that is given none. `authorization`, `proxy-authorization` and cookies under 20 octets are
 * never indexed; fields whose values seldom repeat (paths, lengths, validators, ranges) are not; all others are.
 */
export const defaultIndexing: IndexingPolicy = (name, value) => defaultIndexingOf(STATIC_NAMES.get(name), value);
