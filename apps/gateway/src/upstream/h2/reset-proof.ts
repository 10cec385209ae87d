import type { Connection } from '@glassway/h2-core';

/** A backend that neither answers PINGs nor sends anything keeps nobody waiting longer than this, ms. */
const UNPROVEN_MS = 1000;

const PING = new TextEncoder().encode('glassrst');

/** Who wants to know that the backend has read a reset. */
export interface ResetWitness {
  onSettled(): void;
}

/**
 * Finds out when a backend has read the RST_STREAM frames sent to it: it answers a PING that was sent after them. Until
 * then it may be working for streams that are closed to us, which is what a client that resets all it asks for is after.
 *
 * Some servers take many PINGs for an attack unless they themselves sent HEADERS or DATA in between, so one is sent only
 * then, for all resets since the one before.
 */
export class ResetProof {
  readonly #core: Connection;
  /** Told when the PING under way is answered. */
  #pinged: ResetWitness[] = [];
  /** Their resets came after that PING. */
  #later: ResetWitness[] = [];
  /** The backend has sent something since the last PING; its SETTINGS count. */
  #heard = true;
  #timer: NodeJS.Timeout | null = null;

  constructor(core: Connection) {
    this.#core = core;
  }

  /** The backend may still be working for streams that were reset. */
  get isPending(): boolean {
    return this.#pinged.length > 0 || this.#later.length > 0;
  }

  /** A stream was reset; `witness` is told in a later turn, once. */
  add(witness: ResetWitness): void {
    this.#later.push(witness);
    this.#startTimer();
    this.#ping();
  }

  /** The backend sent HEADERS or DATA. */
  heard(): void {
    this.#heard = true;
    if (this.#later.length > 0) this.#ping();
  }

  /** The PING came back. */
  answered(): void {
    const settled = this.#pinged;
    this.#pinged = [];
    this.#stopTimer();
    for (const witness of settled) witness.onSettled();
    if (this.#later.length === 0) return;
    this.#startTimer();
    this.#ping();
  }

  /** Nothing will be heard any more, or not in time: all are told. */
  close(): void {
    this.#stopTimer();
    const settled = [...this.#pinged, ...this.#later];
    this.#pinged = [];
    this.#later = [];
    for (const witness of settled) witness.onSettled();
  }

  #ping(): void {
    if (!this.#heard || this.#pinged.length > 0) return;
    this.#heard = false;
    this.#pinged = this.#later;
    this.#later = [];
    this.#core.ping(PING);
  }

  #startTimer(): void {
    this.#timer ??= setTimeout(() => this.close(), UNPROVEN_MS).unref();
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
