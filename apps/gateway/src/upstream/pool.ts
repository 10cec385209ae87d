import { performance } from 'node:perf_hooks';
import { DEFAULT_POOL, type PoolSettings } from '../config/pool-settings.ts';
import type { Backend, ClientFacts, RequestMessage } from '../exchange/legs.ts';
import { type Reason, reason } from '../exchange/reason.ts';
import { type Balancer, balancerFor } from './balance.ts';
import { Member } from './member.ts';
import { RetryBudget } from './retry-budget.ts';
import { Ticker } from './ticker.ts';
import { type Waiter, WaitingLine } from './waiting.ts';

/** An exchange that may have to wait for its turn. */
export interface PoolGuest extends Waiter {
  /** It is its turn: it has entered. */
  proceed(): void;
}

/** Settings a pool needs besides its members. */
export type PoolRules = Omit<PoolSettings, 'targets' | 'connections' | 'tls' | 'health'>;

/** Failures that say something about the target, and not about the request or the gateway. */
const COUNTED: ReadonlySet<string> = new Set([
  'backend_refused',
  'backend_unreachable',
  'backend_connect_timeout',
  'backend_first_byte_timeout',
  'backend_idle_timeout',
  'backend_progress_timeout',
  'backend_total_timeout',
  'backend_closed',
  'backend_reset',
  'backend_protocol_error',
  'backend_tls_failed',
]);

/**
 * Backends that serve the same thing. An exchange enters (or waits until it may), chooses a member, perhaps another one
 * after a failure, and leaves.
 */
export class Pool {
  readonly name: string;
  #rules: PoolRules;
  #members: readonly Member[];
  #balancer: Balancer;
  #budget: RetryBudget;
  #ticker: Ticker;
  #inFlight = 0;
  readonly #waiting = new WaitingLine<PoolGuest>();
  #onEmpty: (() => void) | null = null;

  /** `members`: at least one. */
  constructor(name: string, rules: PoolRules, members: readonly Member[]) {
    if (members.length === 0) throw new RangeError('a pool needs at least one backend');
    this.name = name;
    this.#rules = rules;
    this.#members = members;
    this.#balancer = balancerFor(rules);
    this.#budget = new RetryBudget(rules.retries.budgetPercent);
    this.#ticker = this.#newTicker();
  }

  /** A pool of these backends with default rules. */
  static of(name: string, backends: readonly Backend[]): Pool {
    return new Pool(
      name,
      DEFAULT_POOL,
      backends.map(backend => new Member(backend, 1)),
    );
  }

  get members(): readonly Member[] {
    return this.#members;
  }

  get rules(): PoolRules {
    return this.#rules;
  }

  /** Requests that have entered. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Requests that wait to enter. */
  get queued(): number {
    return this.#waiting.size;
  }

  /** Other rules and members from now on; requests under way are not touched. */
  update(rules: PoolRules, members: readonly Member[]): void {
    if (JSON.stringify(rules) !== JSON.stringify(this.#rules)) {
      this.#rules = rules;
      this.#balancer = balancerFor(rules);
      this.#budget = new RetryBudget(rules.retries.budgetPercent);
      this.#ticker = this.#newTicker();
    }
    this.#members = members;
    this.#admit();
  }

  /** Lets a guest in: `entered`. Or it waits, and `proceed` or `reject` follows. Or the reason why it may not. */
  enter(guest: PoolGuest): 'entered' | 'waiting' | Reason {
    const { maxInFlight, maxQueued } = this.#rules;
    if (maxInFlight === 0 || this.#inFlight < maxInFlight) {
      this.#inFlight++;
      this.#budget.requested();
      return 'entered';
    }
    if (this.#waiting.size >= maxQueued) {
      const text = `${maxInFlight} requests to ${this.name} are under way and ${maxQueued} wait already`;
      return reason('backend_queue_full', text);
    }
    this.#waiting.add(guest);
    this.#ticker.start();
    return 'waiting';
  }

  /** A guest does not want to wait any more. */
  forget(guest: PoolGuest): void {
    this.#waiting.delete(guest);
  }

  /** A guest that had entered is done. */
  leave(): void {
    this.#inFlight--;
    if (this.#waiting.size > 0) this.#admit();
    if (this.#inFlight === 0) this.#emptied();
  }

  /** Tells once, as soon as no request is under way or waits. */
  whenEmpty(tell: () => void): void {
    this.#onEmpty = tell;
    if (this.#inFlight === 0) this.#emptied();
  }

  /**
   * The member for a request, one not in `tried` if there is another. Members that are unhealthy or ejected are used only
   * when there are no others: perhaps it is the checks that fail.
   */
  choose(request: RequestMessage, client: ClientFacts, tried: readonly Member[]): Member {
    const members = this.#members;
    if (members.length === 1) return members[0]!;
    const now = performance.now();
    if (tried.length === 0 && areAvailable(members, now)) return this.#balancer(members, request, client);
    const untried = members.filter(member => !tried.includes(member));
    for (const some of [untried.filter(member => member.isAvailable(now)), untried]) {
      if (some.length > 0) return this.#balancer(some, request, client);
    }
    return this.#balancer(members, request, client);
  }

  /** How an attempt ended that did not bring a response. */
  failed(member: Member, why: Reason): void {
    if (COUNTED.has(why.code)) member.failed(performance.now(), this.#rules.ejection);
  }

  /** Whether the budget allows a retry; takes it out. */
  takeRetry(): boolean {
    return this.#budget.take(performance.now());
  }

  #emptied(): void {
    const tell = this.#onEmpty;
    this.#onEmpty = null;
    tell?.();
  }

  #admit(): void {
    const { maxInFlight } = this.#rules;
    while (this.#waiting.size > 0 && (maxInFlight === 0 || this.#inFlight < maxInFlight)) {
      const guest = this.#waiting.take()!;
      this.#inFlight++;
      this.#budget.requested();
      guest.proceed();
    }
  }

  #newTicker(): Ticker {
    const { queueMs } = this.#rules.timeouts;
    return new Ticker([queueMs], () => {
      if (queueMs > 0) {
        this.#waiting.expire(performance.now() - queueMs, () =>
          reason('backend_queue_timeout', `no turn for ${this.name} within ${queueMs} ms`),
        );
      }
      return this.#waiting.size > 0;
    });
  }
}

/** The usual case, which must not cost a list. */
function areAvailable(members: readonly Member[], now: number): boolean {
  for (let i = 0; i < members.length; i++) if (!members[i]!.isAvailable(now)) return false;
  return true;
}
