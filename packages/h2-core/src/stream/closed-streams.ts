import type { Gone } from './gone.ts';

/** Entries a memory begins with, once there is something to remember. */
const FIRST_SIZE = 16;

/** Memories larger than this are looked up by number: a peer could have us search them for every frame it sends. */
const SEARCHED = 256;

const NO_IDS = new Uint32Array(0);
const NO_ENDS = new Uint8Array(0);
const NO_TIMES = new Float64Array(0);

/**
 * How the last closed streams came to their end: a ring that grows to its limit and forgets by number and, if it is told to,
 * by age. Cheap to write, and looked into only for frames that come late.
 */
export class ClosedStreams {
  private readonly limit: number;
  private readonly durationMs: number;
  private ids: Uint32Array = NO_IDS;
  private how: Uint8Array = NO_ENDS;
  /** When each was closed, ms; empty when age does not matter. */
  private at: Float64Array = NO_TIMES;
  private count = 0;
  /** Where each number stands, newest, in a large memory. */
  private places: Map<number, number> | null = null;

  /** `limit`: entries at most, 0: none. `durationMs`: age at which one is forgotten, 0: never. */
  constructor(limit: number, durationMs: number) {
    this.limit = limit;
    this.durationMs = durationMs;
  }

  /** Notes the end of a stream at `now`, ms. */
  remember(id: number, how: Gone, now: number): void {
    if (this.limit === 0) return;
    const size = this.ids.length;
    if (this.count === size && size < this.limit) this.grow(Math.min(Math.max(FIRST_SIZE, size * 4), this.limit));
    const index = this.count++ % this.ids.length;
    if (this.limit > SEARCHED) this.note(id, index);
    this.ids[index] = id;
    this.how[index] = how;
    if (this.durationMs !== 0) this.at[index] = now;
  }

  /** How stream `id` ended, one of `Gone`; 0 when it is not remembered. */
  find(id: number, now: number): number {
    const { ids, places } = this;
    if (places !== null) {
      const index = places.get(id);
      return index === undefined || this.isOld(index, now) ? 0 : (this.how[index] as number);
    }
    const oldest = Math.max(0, this.count - ids.length);
    for (let entry = this.count - 1; entry >= oldest; entry--) {
      const index = entry % ids.length;
      if (this.isOld(index, now)) return 0;
      if (ids[index] === id) return this.how[index] as number;
    }
    return 0;
  }

  private isOld(index: number, now: number): boolean {
    return this.durationMs !== 0 && now - (this.at[index] as number) >= this.durationMs;
  }

  private note(id: number, index: number): void {
    this.places ??= new Map();
    const before = this.ids[index] as number;
    if (this.count > this.ids.length && this.places.get(before) === index) this.places.delete(before);
    this.places.set(id, index);
  }

  private grow(size: number): void {
    const ids = new Uint32Array(size);
    const how = new Uint8Array(size);
    ids.set(this.ids);
    how.set(this.how);
    this.ids = ids;
    this.how = how;
    if (this.durationMs === 0) return;
    const at = new Float64Array(size);
    at.set(this.at);
    this.at = at;
  }
}
