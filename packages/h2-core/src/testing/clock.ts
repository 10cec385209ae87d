import { afterTurn, type Clock } from '../session/host.ts';

/** Turns of the event loop without anything happening after which the program under test has nothing more to do by itself. */
const QUIET_TURNS = 3;

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/**
 * Time that passes only when a test says so. A `TestLink` made with it gives it to the connections at both ends: their
 * timeouts, their round-trip times and the link's latency all follow it, and an hour takes no time at all.
 *
 * Timers fire in the order of their time, then in that in which they were set. Between two of them the program under test
 * gets turns of the event loop until nothing happens any more, so that what it awaits is settled. What it does with other
 * things that take real time (files, sockets, its own timers) is not waited for.
 */
export class SimulatedClock implements Clock {
  private time: number;
  private timers: Timer[] = [];
  private order = 0;
  private activity = 0;

  /** `startAt`: what `now()` says at first, milliseconds. Default 0. */
  constructor(startAt = 0) {
    this.time = startAt;
  }

  now(): number {
    return this.time;
  }

  setTimer(run: () => void, ms: number): unknown {
    const timer = { at: this.time + Math.max(0, ms), order: this.order++, run };
    const { timers } = this;
    let at = timers.length;
    while (at > 0 && (timers[at - 1] as Timer).at > timer.at) at--;
    timers.splice(at, 0, timer);
    this.activity++;
    return timer;
  }

  clearTimer(timer: unknown): void {
    const at = this.timers.indexOf(timer as Timer);
    if (at >= 0) this.timers.splice(at, 1);
  }

  /** When the next timer fires, milliseconds; Infinity: none is set. */
  get nextAt(): number {
    return this.timers[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Notes that something happened that the program under test may have an answer to. */
  note(): void {
    this.activity++;
  }

  /**
   * Fires what is due until `ms` milliseconds from now, in order, without giving way to promises: for tests of the core by
   * itself, which has none.
   */
  step(ms: number): void {
    const end = this.time + ms;
    for (let timer = this.due(end); timer !== undefined; timer = this.due(end)) timer.run();
    this.time = end;
  }

  /** Lets `ms` milliseconds pass: fires what falls due on the way, and lets the program under test react to each. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms;
    await this.quiet();
    for (let timer = this.due(end); timer !== undefined; timer = this.due(end)) {
      timer.run();
      // Those of the same moment belong together, as what comes in one turn of the event loop does.
      if (this.nextAt > this.time) await this.quiet();
    }
    this.time = end;
  }

  /** Lets everything happen that is due now. The time stays. */
  settle(): Promise<void> {
    return this.advance(0);
  }

  /**
   * Lets time pass until `promise` settles, and gives its value or throws its error. Throws when nothing is left to happen, or
   * after `limitMs` milliseconds of simulated time, default one hour.
   */
  async until<Value>(promise: PromiseLike<Value>, limitMs = 3_600_000): Promise<Value> {
    const end = this.time + limitMs;
    let settled = false;
    const note = (): void => {
      settled = true;
      this.note();
    };
    promise.then(note, note);
    for (;;) {
      await this.settle();
      if (settled) return promise;
      const next = this.nextAt;
      if (next > end) {
        const why =
          next === Number.POSITIVE_INFINITY ? 'nothing is left to happen' : `nothing more happens for ${limitMs} ms`;
        throw new Error(`at ${this.time} ms the promise is not settled, and ${why}`);
      }
      await this.advance(next - this.time);
    }
  }

  /** Takes the next timer that fires no later than `end`, and goes to its time. */
  private due(end: number): Timer | undefined {
    if (this.nextAt > end) return undefined;
    const timer = this.timers.shift() as Timer;
    this.time = Math.max(this.time, timer.at);
    this.activity++;
    return timer;
  }

  /** Gives turns to the program until it has done nothing with this clock for some. */
  private async quiet(): Promise<void> {
    for (let quiet = 0, seen = this.activity; quiet < QUIET_TURNS; quiet++) {
      await new Promise<void>(resume => afterTurn(resume));
      if (this.activity === seen) continue;
      seen = this.activity;
      quiet = 0;
    }
  }
}
