/** What the inspector's threads have in common: their clock, their pace, and how they begin and end. */
import { parentPort } from 'node:worker_threads';
import type { AdminServer } from './server.ts';
import type { FromWorker, ToMergedWorker } from './worker-messages.ts';

/** Time between two looks, milliseconds: what a viewer waits at most, and how much goes into one batch. */
export const TICK_MS = 16;

/** Microseconds since t = 0. */
export function clockOf(epochNs: bigint): () => number {
  return () => Number((process.hrtime.bigint() - epochNs) / 1000n);
}

/** Does something again and again. */
export class Ticker {
  readonly #tick: () => number | null;
  #next: NodeJS.Timeout | undefined;

  /** `tick` answers after how many milliseconds it is wanted again; null: when `soon` is called. */
  constructor(tick: () => number | null) {
    this.#tick = tick;
    this.soon();
  }

  /** Not later than in a tick's time. */
  soon(): void {
    clearTimeout(this.#next);
    this.#next = setTimeout(() => this.now(), TICK_MS);
  }

  /** At once. */
  now(): void {
    clearTimeout(this.#next);
    const again = this.#tick();
    if (again !== null) this.#next = setTimeout(() => this.now(), again);
  }

  stop(): void {
    clearTimeout(this.#next);
  }
}

/** What a thread does on a word of the main thread. */
export interface ThreadDuties {
  listens(on: readonly string[]): void;
  /** Tells the viewers how everything ended. Null: they are left at once. */
  readonly finish: (() => Promise<void> | void) | null;
  /** What they may take to read the last that was sent to them, milliseconds. */
  readonly lastWordsMs: number;
}

/** Begins to listen, and ends when told to. */
export async function serve(
  server: AdminServer,
  ticker: Ticker,
  { listens, finish, lastWordsMs }: ThreadDuties,
): Promise<void> {
  const tell = (message: FromWorker): void => parentPort!.postMessage(message);
  parentPort!.on('message', (message: ToMergedWorker) => {
    if (message.type === 'listens') listens(message.on);
    if (message.type !== 'close') return;
    void end().then(() => parentPort!.close());
  });
  async function end(): Promise<void> {
    await finish?.();
    ticker.stop();
    await server.close(finish === null ? 0 : lastWordsMs);
  }

  try {
    tell({ type: 'listening', port: await server.listen() });
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    tell({ type: 'failed', message, code: code ?? '' });
    ticker.stop();
    parentPort!.close();
  }
}
