import { UsageError } from '../errors.ts';
import type { WebReadable } from './web-driver.ts';

/**
 * Where a body comes from: text (as UTF-8), octets, a WHATWG ReadableStream, a Node Readable, or anything else that
 * iterates, synchronously or not, over chunks of either.
 */
export type BodySource =
  | string
  | Uint8Array
  | WebReadable
  | AsyncIterable<Uint8Array | string>
  | Iterable<Uint8Array | string>;

/** A source being read. */
export interface SourceReader {
  next(): Promise<{ readonly done?: boolean | undefined; readonly value?: Uint8Array | string | undefined }>;
  /** Tells the source that no more is wanted. */
  cancel(reason: unknown): void;
  /** Gives the source back as it was, before anything was read. */
  release(): void;
}

const ignore = (): void => {};

/** Begins to read a source. What is none, or is being read by others, throws a `UsageError` (`api.body`). */
export function readerOf(source: BodySource): SourceReader {
  if (typeof source === 'string' || source instanceof Uint8Array) return iterate([source][Symbol.iterator]());
  const given = source as Partial<WebReadable & AsyncIterable<Uint8Array> & Iterable<Uint8Array>> | null;
  if (typeof given !== 'object' || given === null) return refuse(source);
  // A ReadableStream of Node is iterable too; its reader can be cancelled while a read is under way.
  if (typeof given.getReader === 'function') return readStream(source as WebReadable);
  // Other views of memory iterate over numbers; which octets those stand for is for the program to say.
  if (ArrayBuffer.isView(source)) return refuse(source);
  if (typeof given[Symbol.asyncIterator] === 'function') {
    return iterate((source as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]());
  }
  if (typeof given[Symbol.iterator] === 'function') return iterate((source as Iterable<Uint8Array>)[Symbol.iterator]());
  return refuse(source);
}

function readStream(source: WebReadable): SourceReader {
  let reader: ReturnType<WebReadable['getReader']>;
  try {
    reader = source.getReader();
  } catch (cause) {
    const error = new UsageError('api.body', 'the ReadableStream given as body is locked: somebody else reads it');
    error.cause = cause;
    throw error;
  }
  return {
    next: () => reader.read(),
    cancel: reason => void reader.cancel(reason).catch(ignore),
    release: () => reader.releaseLock?.(),
  };
}

function refuse(source: unknown): never {
  const kinds = 'text, a Uint8Array, a ReadableStream, or something that iterates over chunks of text or octets';
  throw new UsageError('api.body', `a body is ${kinds}, not ${nameOf(source)}`);
}

/** What a value is, in words: `null`, `a number`, `an Object`. */
function nameOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  const name = typeof value === 'object' ? (value.constructor?.name ?? 'object') : typeof value;
  return `${/^[aeiou]/i.test(name) ? 'an' : 'a'} ${name}`;
}

type AnyIterator = AsyncIterator<Uint8Array | string> | Iterator<Uint8Array | string>;

function iterate(iterator: AnyIterator): SourceReader {
  return {
    next: async () => iterator.next(),
    // What `return` of the program's throws is told to nobody: the end of the body has a reason of its own.
    cancel: () => void (async () => iterator.return?.())().catch(ignore),
    release: ignore,
  };
}
