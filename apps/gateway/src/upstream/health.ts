import type { HealthSettings } from '../config/pool-settings.ts';
import type { BackendLeg, BackendLegEvents, RequestMessage, ResponseMessage } from '../exchange/legs.ts';
import { type Reason, reason } from '../exchange/reason.ts';
import type { Member } from './member.ts';
import { parseTarget } from './target.ts';

/** Told when a target's health changes. */
export type OnHealth = (url: string, isHealthy: boolean, why: string) => void;

const ENOUGH = reason('upload_stopped', 'the health check has seen enough');

/**
 * Asks each member of a pool from time to time whether it works, over the same connections and with the same protocol that
 * its requests use.
 */
export class HealthChecks {
  readonly #settings: HealthSettings | null;
  readonly #members: readonly Member[];
  readonly #onHealth: OnHealth;
  readonly #timers = new Set<NodeJS.Timeout>();
  #stopped = false;

  /** `settings` null: nothing is checked, and everybody passes for healthy. */
  constructor(settings: HealthSettings | null, members: readonly Member[], onHealth: OnHealth) {
    this.#settings = settings;
    this.#members = members;
    this.#onHealth = onHealth;
  }

  /** Begins at once, then at the interval. */
  start(): void {
    for (const member of this.#members) {
      if (this.#settings === null) member.isHealthy = true;
      else void this.#watch(member, this.#settings);
    }
  }

  /** No check begins any more, and the result of one under way is not used. */
  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  async #watch(member: Member, settings: HealthSettings): Promise<void> {
    const { intervalMs, healthyAfter, unhealthyAfter } = settings;
    let streak = 0;
    while (!this.#stopped) {
      const failure = await check(member, settings);
      if (this.#stopped) return;
      streak = (failure === null) === member.isHealthy ? 0 : streak + 1;
      if (streak >= (member.isHealthy ? unhealthyAfter : healthyAfter)) {
        streak = 0;
        member.isHealthy = failure === null;
        this.#onHealth(member.backend.url, member.isHealthy, failure ?? '');
      }
      await this.#pause(intervalMs);
    }
  }

  /** Spread by a tenth, so that many gateways do not ask at the same instant. */
  #pause(intervalMs: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(
        () => {
          this.#timers.delete(timer);
          resolve();
        },
        intervalMs * (0.9 + Math.random() * 0.2),
      ).unref();
      this.#timers.add(timer);
    });
  }
}

/** One check: null when it succeeded, otherwise what went wrong. Never rejects. */
export function check({ backend }: Pick<Member, 'backend'>, settings: HealthSettings): Promise<string | null> {
  const target = parseTarget(backend.url);
  const request: RequestMessage = {
    method: 'GET',
    scheme: target.tls ? 'https' : 'http',
    authority: settings.host ?? (target.socketPath === null ? target.label : 'localhost'),
    path: settings.path,
    fields: ['user-agent', 'glassway-health-check', 'accept', '*/*'],
    sensitive: null,
    hasBody: false,
    contentLength: -1,
  };
  return new Promise(resolve => {
    const visit = new Visit(result => {
      clearTimeout(timer);
      resolve(result);
    });
    const leg = backend.send(request, visit);
    visit.leg = leg;
    const timer = setTimeout(() => {
      leg.cancel(ENOUGH);
      visit.end(`no answer within ${settings.timeoutMs} ms`);
    }, settings.timeoutMs).unref();
  });
}

/** The exchange of one check. */
class Visit implements BackendLegEvents {
  leg: BackendLeg | null = null;
  #done: ((result: string | null) => void) | null;
  #verdict: string | null = null;

  constructor(done: (result: string | null) => void) {
    this.#done = done;
  }

  end(result: string | null): void {
    const done = this.#done;
    this.#done = null;
    done?.(result);
  }

  onResponse({ status }: ResponseMessage, end: boolean): void {
    this.#verdict = status < 400 ? null : `status ${status}`;
    if (end) this.end(this.#verdict);
  }

  /** The body is read to its end, because the connection can be used again only then. */
  onBody(chunk: Uint8Array, end: boolean): void {
    if (chunk.length > 0) this.leg?.consumed(chunk.length);
    if (end) this.end(this.#verdict);
  }

  onTrailers(): void {
    this.end(this.#verdict);
  }

  onError({ code, text }: Reason): void {
    this.end(`${code}, ${text}`);
  }

  onAssigned(): void {}
  onInformational(): void {}
  onWritable(): void {}
  onStopSending(): void {}
  onSettled(): void {}
}
