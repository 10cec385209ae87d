/** Moments of the past that were asked for: the last one made is held, since many views show it. */
import type { LogEvent } from '@glassway/inspector-protocol';
import { Journal } from './journal.ts';
import { type Memory, WorldThen } from './world-then.ts';

/* What a moment was may come to be known better: rows of streams that closed since, the pair of a stream. */
const REFRESH_MS = 1000;
/* While somebody drags, no more of the time is spent on making moments than one part in so many. */
const SHARE = 3;

/** The past. */
export class Moments {
  readonly journal: Journal = new Journal();
  readonly #memory: Omit<Memory, 'journal'>;
  readonly #clock: () => number;
  #held: { readonly world: WorldThen; readonly madeAt: number; readonly took: number } | null = null;
  #wanted: number | null = null;

  /** `clock`: monotonic milliseconds. */
  constructor(memory: Omit<Memory, 'journal'>, clock: () => number) {
    this.#memory = memory;
    this.#clock = clock;
  }

  /** False: what `at` answered last was the moment asked for before, and asking again brings the right one. */
  get settled(): boolean {
    return this.#wanted === null || this.#held?.world.until === this.#wanted;
  }

  /** The world at `t`; of moments asked for too quickly some are left out, see `settled`. */
  at(t: number): WorldThen {
    const now = this.#clock();
    const held = this.#held;
    this.#wanted = t;
    if (held !== null) {
      const passed = now - held.madeAt;
      if (passed < (held.world.until === t ? REFRESH_MS : held.took * SHARE)) return held.world;
    }
    const world = new WorldThen({ ...this.#memory, journal: this.journal }, t);
    this.#held = { world, madeAt: this.#clock(), took: this.#clock() - now };
    return world;
  }

  /** The present is shown. */
  leave(): void {
    this.#held = null;
    this.#wanted = null;
  }

  /** Takes in what happened. */
  happened(events: readonly LogEvent[]): void {
    this.journal.add(events);
  }

  /** Forgets everything. */
  clear(): void {
    this.leave();
    this.journal.clear();
  }
}
