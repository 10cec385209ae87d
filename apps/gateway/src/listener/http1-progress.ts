import type { Socket } from 'node:net';
import { type Reason, reason } from '../exchange/reason.ts';
import type { ListenerLimits } from './limits.ts';

/** What is looked at in an exchange to see whether the client keeps going. */
export interface Progressing {
  /** The gateway is ready for body octets. */
  readonly waitsForBody: boolean;
  /** Request body octets received. */
  readonly bodyOctets: number;
}

/**
 * Whether an HTTP/1 client makes progress in both directions, looked at from time to time: a clock per octet would cost
 * more than the answer is worth.
 */
export class Progress {
  #bodyOctets = 0;
  #bodySince = -1;
  #takenOctets = 0;
  #takenSince = -1;

  /** Another exchange begins. */
  restart(): void {
    this.#bodySince = -1;
    this.#takenSince = -1;
  }

  /** Why the client should be given up, null while it should not. `now` in milliseconds. */
  check(exchange: Progressing, socket: Socket, limits: ListenerLimits, now: number): Reason | null {
    const { bodyTimeoutMs, writeStallTimeoutMs, minimumProgressBytes } = limits;
    if (!exchange.waitsForBody || exchange.bodyOctets !== this.#bodyOctets || this.#bodySince < 0) {
      this.#bodyOctets = exchange.bodyOctets;
      this.#bodySince = now;
    } else if (bodyTimeoutMs > 0 && now - this.#bodySince > bodyTimeoutMs) {
      return reason('client_body_timeout', `no body octets from the client for ${bodyTimeoutMs} ms`);
    }
    const waiting = socket.writableLength;
    const taken = socket.bytesWritten - waiting;
    if (waiting === 0 || taken - this.#takenOctets >= minimumProgressBytes || this.#takenSince < 0) {
      this.#takenOctets = taken;
      this.#takenSince = now;
    } else if (writeStallTimeoutMs > 0 && now - this.#takenSince > writeStallTimeoutMs) {
      const text = `the client took less than ${minimumProgressBytes} octets in ${writeStallTimeoutMs} ms`;
      return reason('client_write_timeout', text);
    }
    return null;
  }
}
