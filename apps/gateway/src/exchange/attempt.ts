import type { Exchange } from './exchange.ts';
import type { BackendLeg, BackendLegEvents, ResponseMessage, Trailers } from './legs.ts';
import type { Reason } from './reason.ts';

/** The request on one backend. What a backend says after its attempt was given up is not heard. */
export class Attempt implements BackendLegEvents {
  readonly #exchange: Exchange;
  /** Set right after `send` returned. */
  leg: BackendLeg | null = null;
  live = true;
  /** Request and response are both through: the backend's connection may be serving somebody else by now. */
  complete = false;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  onAssigned(): void {
    if (this.live) this.#exchange.assigned(this.leg!);
  }

  onInformational(response: ResponseMessage): void {
    if (this.live) this.#exchange.informed(response);
  }

  onResponse(response: ResponseMessage, end: boolean): void {
    if (!this.live) return;
    this.#exchange.assigned(this.leg!);
    this.#exchange.responded(response, end);
  }

  onBody(chunk: Uint8Array, end: boolean): void {
    if (this.live) this.#exchange.delivered(this.leg!, chunk, end);
  }

  onTrailers(trailers: Trailers): void {
    if (this.live) this.#exchange.ended(trailers);
  }

  onWritable(): void {
    if (this.live) this.#exchange.drained();
  }

  onError(reason: Reason): void {
    if (!this.live) return;
    this.live = false;
    this.#exchange.failed(reason);
  }

  onStopSending(): void {
    if (this.live) this.#exchange.stopped();
  }

  onSettled(): void {
    this.#exchange.backendSettled();
  }
}
