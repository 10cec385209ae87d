import type { Held } from './held.ts';
import type { BackendLeg, ClientLeg, Trailers } from './legs.ts';

/** A request's body and trailers on their way: kept until a connection is found, passed on, or dropped. */
export class Upload {
  /** The client has sent all of it. */
  ended: boolean;
  /** Something of it was passed on, so it cannot be sent again. */
  begun = false;
  /** Nobody wants the rest. */
  stopped = false;
  readonly #client: ClientLeg;
  readonly #held: Held;
  #earlyTrailers: Trailers | null = null;

  constructor(client: ClientLeg, held: Held, hasBody: boolean) {
    this.#client = client;
    this.#held = held;
    this.ended = !hasBody;
  }

  /** Octets have come. `leg` null: no connection was found; `isAwaited` false: and none will be. */
  body(chunk: Uint8Array, end: boolean, leg: BackendLeg | null, isAwaited: boolean): void {
    if (end) this.ended = true;
    if (!isAwaited || this.stopped) {
      // Dropped, but given back: other streams of the client's connection need the window.
      if (chunk.length > 0) this.#client.consumed(chunk.length);
    } else if (leg === null) {
      this.#held.keepEarly(chunk);
    } else {
      this.begun = true;
      if (!leg.write(chunk, end)) this.#held.holdUp(chunk.length);
      else if (chunk.length > 0) this.#client.consumed(chunk.length);
    }
  }

  /** The trailers have come, which are the end. They are as they go to the backend. */
  trailers(trailers: Trailers, leg: BackendLeg | null, isAwaited: boolean): void {
    this.ended = true;
    if (!isAwaited || this.stopped) return;
    if (leg === null) {
      this.#earlyTrailers = trailers;
    } else {
      this.begun = true;
      leg.trailers(trailers);
    }
  }

  /** A connection was found: what has been waiting for it goes out. */
  passOn(leg: BackendLeg): void {
    const early = this.#held.takeEarly();
    const trailers = this.#earlyTrailers;
    if (early.length === 0 && trailers === null) return;
    this.begun = true;
    let passed = 0;
    for (let i = 0; i < early.length; i++) {
      const chunk = early[i]!;
      const last = this.ended && trailers === null && i === early.length - 1;
      if (leg.write(chunk, last)) passed += chunk.length;
      else this.#held.holdUp(chunk.length);
    }
    if (trailers !== null) leg.trailers(trailers);
    // Only now, because it may bring the next octets at once, and they belong after these.
    if (passed > 0) this.#client.consumed(passed);
  }

  /** Lets the client go on: the backend has taken what was held, or never will. */
  giveBack(): void {
    const bytes = this.#held.takeUp();
    if (bytes > 0) this.#client.consumed(bytes);
  }

  /** What has been waiting for a connection goes nowhere. */
  dropEarly(): void {
    this.#held.dropEarly();
    this.#earlyTrailers = null;
  }
}
