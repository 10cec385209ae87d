import type { EjectionSettings } from '../config/pool-settings.ts';
import type { Backend } from '../exchange/legs.ts';

/** Ejections in a row double the time, up to this factor. */
const MAX_EJECTION_FACTOR = 10;

/** One target of a pool: its connections, and what is known of how it fares. */
export class Member {
  readonly backend: Backend;
  weight: number;
  /** Requests under way. */
  inFlight = 0;
  /** What the active checks say; true until they know better. */
  isHealthy = true;
  /** State of the weighted round robin. */
  turn = 0;
  /** For hashing: where it stands does not depend on the others. */
  readonly seed: number;
  #failures = 0;
  #ejections = 0;
  #ejectedUntil = 0;

  constructor(backend: Backend, weight: number) {
    this.backend = backend;
    this.weight = weight;
    this.seed = hashText(backend.url, 0x811c9dc5);
  }

  /** Whether it should be given requests. `now`: ms, monotonic. */
  isAvailable(now: number): boolean {
    return this.isHealthy && now >= this.#ejectedUntil;
  }

  /** Whether its own failures have taken it out. */
  isEjected(now: number): boolean {
    return now < this.#ejectedUntil;
  }

  /** It answered. */
  succeeded(): void {
    this.#failures = 0;
    this.#ejections = 0;
  }

  /** It did not. `now`: ms, monotonic. */
  failed(now: number, { failures, forMs }: EjectionSettings): void {
    // What was under way when it was taken out says nothing new.
    if (now < this.#ejectedUntil || ++this.#failures < failures || failures === 0) return;
    this.#failures = 0;
    this.#ejectedUntil = now + forMs * Math.min(2 ** this.#ejections, MAX_EJECTION_FACTOR);
    this.#ejections++;
  }
}

/** FNV-1a, 32 bits. */
export function hashText(text: string, seed: number): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
