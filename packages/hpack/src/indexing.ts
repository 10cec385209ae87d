/** Which fields an encoder puts into the dynamic table. */

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

const BY_NAME: ReadonlyMap<string, Indexing> = new Map<string, Indexing>([
  ...SELDOM_REPEATED.map(name => [name, Representation.WITHOUT_INDEXING] as const),
  ...SECRET.map(name => [name, Representation.NEVER_INDEXED] as const),
]);

/**
 * The policy of an encoder that is given none. `authorization`, `proxy-authorization` and cookies under 20 octets are
 * never indexed; fields whose values seldom repeat (paths, lengths, validators, ranges) are not; all others are.
 */
export const defaultIndexing: IndexingPolicy = (name, value) => {
  if (name === 'cookie') {
    return value.length < GUESSABLE_COOKIE ? Representation.NEVER_INDEXED : Representation.INCREMENTAL;
  }
  return BY_NAME.get(name) ?? Representation.INCREMENTAL;
};
