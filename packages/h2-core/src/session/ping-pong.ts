import type { Connection } from '../connection.ts';
import { Deferred } from './deferred.ts';
import type { Clock } from './host.ts';

/** First octets of the payloads made here, which tell them from those of other users of the connection: "gway". */
const MARK: readonly number[] = [0x67, 0x77, 0x61, 0x79];

interface Pending {
  readonly payload: Uint8Array;
  readonly sentAt: number;
  readonly answer: Deferred<number>;
}

/** PINGs of the program and their round-trip times. RFC 9113 6.7. */
export class PingPong {
  private readonly core: Connection;
  private readonly clock: Clock;
  private readonly pending: Pending[] = [];
  private count = 0;

  constructor(core: Connection, clock: Clock) {
    this.core = core;
    this.clock = clock;
  }

  /** Sends PING; gives the milliseconds until its answer came. A payload that is none fails it. */
  ping(payload: Uint8Array | undefined): Promise<number> {
    const answer = new Deferred<number>();
    try {
      const octets = payload ?? this.nextPayload();
      this.core.ping(octets);
      // A copy, for the program may use its own again. Not by `slice`, which on a Buffer is no copy.
      this.pending.push({ payload: new Uint8Array(octets), sentAt: this.clock.now(), answer });
    } catch (error) {
      answer.refuse(error);
    }
    return answer.promise;
  }

  private nextPayload(): Uint8Array {
    const octets = new Uint8Array(8);
    octets.set(MARK);
    const count = ++this.count;
    for (let i = 0; i < 4; i++) octets[4 + i] = count >>> (24 - 8 * i);
    return octets;
  }

  /** An answer came; one that nobody waits for is ignored. */
  onPong(payload: Uint8Array): void {
    const at = this.pending.findIndex(entry => entry.payload.every((octet, i) => octet === payload[i]));
    if (at < 0) return;
    const [entry] = this.pending.splice(at, 1);
    entry?.answer.resolve(this.clock.now() - entry.sentAt);
  }

  /** No answer can come any more. */
  fail(error: unknown): void {
    for (const { answer } of this.pending.splice(0)) answer.reject(error);
  }
}
