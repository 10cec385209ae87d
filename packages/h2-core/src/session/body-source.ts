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
}

const ignore = (): void => {};

/** Begins to read a source. */
export function readerOf(source: BodySource): SourceReader {
  if (typeof source === 'string' || source instanceof Uint8Array) return iterate([source][Symbol.iterator]());
  // A ReadableStream of Node is iterable too; its reader can be cancelled while a read is under way.
  if ('getReader' in source) {
    const reader = source.getReader();
    return { next: () => reader.read(), cancel: reason => void reader.cancel(reason).catch(ignore) };
  }
  if (Symbol.asyncIterator in source) return iterate(source[Symbol.asyncIterator]());
  return iterate(source[Symbol.iterator]());
}

type AnyIterator = AsyncIterator<Uint8Array | string> | Iterator<Uint8Array | string>;

function iterate(iterator: AnyIterator): SourceReader {
  return {
    next: async () => iterator.next(),
    cancel: () => void Promise.resolve(iterator.return?.()).catch(ignore),
  };
}
