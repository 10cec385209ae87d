/**
 * Stopping without failing a request: first the gateway says that it is not ready, and goes on serving until balancers have
 * heard of it; then it accepts no more, asks every connection to leave (GOAWAY in two steps) and waits for the requests under
 * way; at the deadline it says what held it up, and cuts it off.
 */
import type { ExchangeState } from './exchange/exchange-state.ts';
import type { Gateway } from './gateway.ts';
import type { Logger } from './log.ts';
import { printable } from './log-access.ts';

/** How long each step may take, ms. */
export interface DrainTimes {
  /** Between "not ready" and the end of accepting. */
  readonly delayMs: number;
  /** For the requests under way, after that. */
  readonly timeoutMs: number;
}

/** Between two lines about how it goes. */
const PROGRESS_MS = 1000;
/** Every so many of those lines, the oldest requests are named. */
const NAMED_EVERY = 5;
const NAMED_MAX = 5;
/** After the deadline has cut the requests off, their connections are given this long. */
const CUT_MS = 1000;

/** One gateway's way to its end. */
export class Drain {
  readonly #gateway: Pick<Gateway, 'close' | 'requests' | 'connections'>;
  readonly #times: DrainTimes;
  readonly #logger: Logger;
  readonly #onBegin: () => void;
  #begun = false;
  #closing = false;
  #timers: NodeJS.Timeout[] = [];
  #finish: (clean: boolean) => void = () => {};
  /** True: every request was finished. False: some were cut off. Pending until the gateway has stopped. */
  readonly finished: Promise<boolean> = new Promise(resolve => {
    this.#finish = resolve;
  });

  /** `onBegin` is called once, when it begins. */
  constructor(
    gateway: Pick<Gateway, 'close' | 'requests' | 'connections'>,
    times: DrainTimes,
    logger: Logger,
    onBegin: () => void = () => {},
  ) {
    this.#gateway = gateway;
    this.#times = times;
    this.#logger = logger;
    this.#onBegin = onBegin;
  }

  /** False from the moment it was told to stop. */
  get isReady(): boolean {
    return !this.#begun;
  }

  /** Begins; a second call cuts everything off now. `why` is said to the operator: the name of the signal. */
  begin(why: string): void {
    if (this.#begun) {
      this.#logger.info(`${why}: stopping now`);
      this.#close(0);
      this.#cut();
      return;
    }
    this.#begun = true;
    this.#onBegin();
    const { delayMs, timeoutMs } = this.#times;
    if (delayMs > 0)
      this.#logger.info(`${why}: no longer ready; accepting for another ${seconds(delayMs)} (once more to stop now)`);
    else this.#logger.info(`${why}: finishing the requests under way (once more to stop now)`);
    this.#after(delayMs, () => this.#close(timeoutMs));
  }

  #close(timeoutMs: number): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#clear();
    void this.#gateway.close(timeoutMs + CUT_MS).then(({ cut }) => {
      this.#clear();
      for (const { peer, protocol, openExchanges } of cut) {
        this.#logger.warn(`cut ${peer} (${protocol}) with ${count(openExchanges, 'request')} under way`);
      }
      this.#finish(cut.length === 0);
    });
    if (timeoutMs === 0) return;
    const deadline = performance.now() + timeoutMs;
    this.#after(timeoutMs, () => this.#cut());
    this.#progress(deadline, 1);
  }

  #progress(deadline: number, line: number): void {
    this.#after(PROGRESS_MS, () => {
      const requests = this.#gateway.requests();
      const left = Math.max(0, deadline - performance.now());
      const connections = count(this.#gateway.connections().length, 'connection');
      this.#logger.info(
        `stopping: ${connections}, ${count(requests.length, 'request')} under way, ${seconds(left)} left`,
      );
      if (line % NAMED_EVERY === 0) this.#name(requests, NAMED_MAX);
      this.#progress(deadline, line + 1);
    });
  }

  /** The deadline, or somebody without patience: what is still open is named and cut off. */
  #cut(): void {
    const requests = this.#gateway.requests();
    if (requests.length > 0) this.#logger.warn(`cutting off ${count(requests.length, 'request')}`);
    this.#name(requests, Number.POSITIVE_INFINITY);
    void this.#gateway.close(0);
  }

  #name(requests: ExchangeState[], most: number): void {
    const oldest = requests.sort((a, b) => b.ageMs - a.ageMs).slice(0, most);
    for (const { connection, stream, client, protocol, method, url, ageMs, waits } of oldest) {
      this.#logger.warn(
        `held up by ${printable(method)} ${printable(url)} from ${client} (${protocol}, connection ${connection}, stream ` +
          `${stream}): since ${seconds(ageMs)}, waiting for ${waits}`,
      );
    }
    if (requests.length > oldest.length) this.#logger.warn(`... and by ${requests.length - oldest.length} more`);
  }

  #after(ms: number, then: () => void): void {
    if (ms === 0) then();
    else this.#timers.push(setTimeout(then, ms));
  }

  #clear(): void {
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}
