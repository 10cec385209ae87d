/** When the maximum of a dynamic table changed, by connection. */
import type { LogEvent } from '@glassway/inspector-protocol';

/** One change. */
export interface TableSize {
  /** Counts the changes of the connection, from 0; stays the same when older ones are forgotten. */
  readonly number: number;
  readonly t: number;
  readonly direction: 0 | 1;
  readonly maxSize: number;
}

/** Changes of one connection: a peer may change it with every block. */
const MAX_PER_CONNECTION = 500;
const MAX_CONNECTIONS = 2000;

/** What was heard of them. */
export class TableSizes {
  readonly #connections = new Map<number, { sizes: TableSize[]; count: number }>();

  /** Takes in what happened. */
  add(events: readonly LogEvent[]): void {
    for (const event of events) {
      if (event.kind !== 'table-resized') continue;
      let held = this.#connections.get(event.connection);
      if (held === undefined) {
        held = { sizes: [], count: 0 };
        this.#connections.set(event.connection, held);
        const [oldest] = this.#connections.keys();
        if (this.#connections.size > MAX_CONNECTIONS) this.#connections.delete(oldest!);
      }
      const { t, direction, maxSize } = event;
      held.sizes.push({ number: held.count++, t, direction, maxSize });
      if (held.sizes.length > MAX_PER_CONNECTION) held.sizes.shift();
    }
  }

  /** Those of a connection, oldest first. */
  of(connection: number): readonly TableSize[] {
    return this.#connections.get(connection)?.sizes ?? [];
  }

  /** Forgets everything. */
  clear(): void {
    this.#connections.clear();
  }
}
