import { lasting } from '@glassway/h2-core';

/** Octets held for slow clients and backends, all exchanges of a gateway together. */
export interface HeldTotal {
  heldBytes: number;
}

const NOTHING: readonly Uint8Array[] = [];

/**
 * Octets that one exchange holds: passed on to a leg that is full and not yet given back to the leg they came from, and a
 * request body's first ones, which wait for a connection.
 */
export class Held {
  /** From the client. */
  up = 0;
  /** From the backend. */
  down = 0;
  readonly #total: HeldTotal;
  #early: Uint8Array[] | null = null;

  constructor(total: HeldTotal) {
    this.#total = total;
  }

  /** Keeps what no connection has been found for. */
  keepEarly(chunk: Uint8Array): void {
    this.#early ??= [];
    this.#early.push(lasting(chunk));
    this.#total.heldBytes += chunk.length;
  }

  /** What was kept, to be passed on now. */
  takeEarly(): readonly Uint8Array[] {
    const early = this.#early ?? NOTHING;
    this.#early = null;
    for (const chunk of early) this.#total.heldBytes -= chunk.length;
    return early;
  }

  /** What was kept goes nowhere, and is to be given back. */
  dropEarly(): void {
    for (const chunk of this.takeEarly()) this.holdUp(chunk.length);
  }

  holdUp(bytes: number): void {
    this.up += bytes;
    this.#total.heldBytes += bytes;
  }

  holdDown(bytes: number): void {
    this.down += bytes;
    this.#total.heldBytes += bytes;
  }

  /** What was held from the client, which is no longer. */
  takeUp(): number {
    const bytes = this.up;
    this.up = 0;
    this.#total.heldBytes -= bytes;
    return bytes;
  }

  /** What was held from the backend, which is no longer. */
  takeDown(): number {
    const bytes = this.down;
    this.down = 0;
    this.#total.heldBytes -= bytes;
    return bytes;
  }
}
