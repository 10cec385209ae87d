import type { Gone } from './gone.ts';

/** Entries a memory begins with. */
const FIRST_SIZE = 16;

/**
 * How the last closed streams came to their end: a ring that grows to its limit and forgets by number and by age. Cheap to
 * write, and searched, newest first, only for frames that come late.
 */
export class ClosedStreams {
  private readonly limit: number;
  private readonly durationMs: number;
  private ids: Uint32Array;
  private how: Uint8Array;
  private at: Float64Array;
  private count = 0;

  /** `limit`: entries at most, 0: none. `durationMs`: age at which one is forgotten, 0: never. */
  constructor(limit: number, durationMs: number) {
    this.limit = limit;
    this.durationMs = durationMs;
    const size = Math.min(limit, FIRST_SIZE);
    this.ids = new Uint32Array(size);
    this.how = new Uint8Array(size);
    this.at = new Float64Array(size);
  }

  /** Notes the end of a stream at `now`, ms. */
  remember(id: number, how: Gone, now: number): void {
    if (this.limit === 0) return;
    if (this.count === this.ids.length && this.count < this.limit) this.grow(Math.min(this.count * 4, this.limit));
    const index = this.count++ % this.ids.length;
    this.ids[index] = id;
    this.how[index] = how;
    this.at[index] = now;
  }

  /** How stream `id` ended, one of `Gone`; 0 when it is not remembered. */
  find(id: number, now: number): number {
    const { ids, durationMs } = this;
    const oldest = Math.max(0, this.count - ids.length);
    for (let entry = this.count - 1; entry >= oldest; entry--) {
      const index = entry % ids.length;
      if (durationMs !== 0 && now - (this.at[index] as number) >= durationMs) return 0;
      if (ids[index] === id) return this.how[index] as number;
    }
    return 0;
  }

  private grow(size: number): void {
    const ids = new Uint32Array(size);
    const how = new Uint8Array(size);
    const at = new Float64Array(size);
    ids.set(this.ids);
    how.set(this.how);
    at.set(this.at);
    this.ids = ids;
    this.how = how;
    this.at = at;
  }
}
