import type { Member } from '../upstream/member.ts';
import type { Pool, PoolGuest } from '../upstream/pool.ts';
import type { ClientFacts, RequestMessage } from './legs.ts';
import type { Reason } from './reason.ts';

const NONE: readonly Member[] = [];

/** What an exchange takes of a pool, and gives back: its turn, and the target that works for it. */
export class Seat {
  readonly pool: Pool;
  /** Its turn has come, and is not over. */
  #entered = false;
  #member: Member | null = null;
  /** Those that failed. */
  #tried: readonly Member[] = NONE;

  constructor(pool: Pool) {
    this.pool = pool;
  }

  /** Its turn has come. */
  entered(): void {
    this.#entered = true;
  }

  /** Takes a target, one that has not failed before if there is any. */
  choose(request: RequestMessage, client: ClientFacts): Member {
    const member = this.pool.choose(request, client, this.#tried);
    this.#member = member;
    member.inFlight++;
    return member;
  }

  /** The target has answered. */
  succeeded(): void {
    this.#member?.succeeded();
  }

  /** The target has failed; it works for the exchange no more. */
  failed(why: Reason): void {
    const member = this.#member!;
    this.pool.failed(member, why);
    this.release();
    this.#tried = [...this.#tried, member];
  }

  /** The target works for the exchange no more. */
  release(): void {
    if (this.#member !== null) this.#member.inFlight--;
    this.#member = null;
  }

  /** Its turn does not matter any more. */
  forget(guest: PoolGuest): void {
    this.pool.forget(guest);
  }

  /** Its turn is over. */
  leave(): void {
    if (this.#entered) this.pool.leave();
    this.#entered = false;
  }
}
