import { UsageError } from '../errors.ts';
import type { WebReadable, WebWritable } from './web-driver.ts';

/** The program's own ReadableStream type where it has one (DOM or Node types), else the part used here. */
export type HostReadableStream = typeof globalThis extends { ReadableStream: { prototype: infer Type } }
  ? Type
  : WebReadable;

/** The program's own WritableStream type where it has one, else the part used here. */
export type HostWritableStream = typeof globalThis extends { WritableStream: { prototype: infer Type } }
  ? Type
  : WebWritable;

/** The program's own AbortSignal type where it has one, else the part used here. */
export type HostAbortSignal = typeof globalThis extends { AbortSignal: { prototype: infer Type } }
  ? Type
  : AbortSignalLike;

/** What is used of an AbortSignal. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

interface ReadableController {
  enqueue(chunk: Uint8Array): void;
  close(): void;
  error(reason: unknown): void;
}

interface Constructors {
  ReadableStream?: new (
    source: {
      pull(controller: ReadableController): Promise<void>;
      cancel(): void;
    },
    strategy: { highWaterMark: number },
  ) => HostReadableStream;
  WritableStream?: new (sink: {
    write(chunk: Uint8Array | string): Promise<void> | undefined;
    close(): void;
    abort(reason: unknown): void;
  }) => HostWritableStream;
  AbortController?: new () => { readonly signal: HostAbortSignal; abort(reason?: unknown): void };
}

const host = globalThis as unknown as Constructors;

function missing(name: string): never {
  throw new UsageError('api.host', `this host has no ${name}`);
}

/** A ReadableStream over a pull function, which is called when somebody reads. */
export function readableFrom(
  next: () => Promise<IteratorResult<Uint8Array, undefined>>,
  cancel: () => void,
): HostReadableStream {
  const { ReadableStream } = host;
  if (ReadableStream === undefined) return missing('ReadableStream');
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await next();
        if (done) controller.close();
        else controller.enqueue(value as Uint8Array);
      },
      cancel,
    },
    // Nothing is read ahead: that somebody reads is what a request with `expect: 100-continue` waits for.
    { highWaterMark: 0 },
  );
}

/** A WritableStream over three calls; `write` returns a promise when the writer is to wait. */
export function writableTo(
  write: (chunk: Uint8Array | string) => Promise<void> | undefined,
  close: () => void,
  abort: () => void,
): HostWritableStream {
  const { WritableStream } = host;
  if (WritableStream === undefined) return missing('WritableStream');
  return new WritableStream({ write, close, abort });
}

/** An AbortController of the host. */
export function abortController(): { readonly signal: HostAbortSignal; abort(reason?: unknown): void } {
  const { AbortController } = host;
  if (AbortController === undefined) return missing('AbortController');
  return new AbortController();
}
