/**
 * What the session layer takes from the program's host - Node, a browser, Deno, Bun - found by look-up, so that this
 * part of the package needs no host's types and imports no host's modules. THE place where time enters.
 */

interface Immediates {
  setImmediate?: (run: () => void) => unknown;
  MessageChannel?: new () => {
    port1: { onmessage: (() => void) | null; unref?: () => void };
    port2: { postMessage(message: unknown): void };
  };
}

interface Host extends Immediates {
  setTimeout(run: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
  queueMicrotask(run: () => void): void;
  performance: { now(): number };
  TextEncoder: new () => { encode(text: string): Uint8Array };
  TextDecoder: new () => { decode(octets: Uint8Array): string };
}

const host = globalThis as unknown as Host;

/** Where connections get their time from: the host's clock, or that of a transport which brings its own. */
export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number;
  /** Calls `run` once in `ms` milliseconds; gives what `clearTimer` takes. */
  setTimer(run: () => void, ms: number): unknown;
  /** Takes a timer back; nothing happens when it has fired. */
  clearTimer(timer: unknown): void;
}

/** The host's monotonic clock, milliseconds. */
export function now(): number {
  return host.performance.now();
}

/** The host's time. Its timers do not keep the process alive. */
export const hostClock: Clock = {
  now,
  setTimer(run, ms) {
    // Hosts keep the delay in 31 bits; what is longer fires early and is set again.
    const handle = host.setTimeout(run, Math.min(Math.max(1, Math.ceil(ms)), 0x7fff_ffff));
    (handle as { unref?: () => void }).unref?.();
    return handle;
  },
  clearTimer: timer => host.clearTimeout(timer),
};

/** Runs `run` once what is running now, and the promises it settled, are done. */
export function microtask(run: () => void): void {
  host.queueMicrotask(run);
}

/**
 * The host's way to run something after the event loop has delivered this turn's input: setImmediate, else a message to
 * oneself, which unlike a timer is not slowed down by browsers.
 */
export function turnScheduler(of: Immediates): (run: () => void) => void {
  const { setImmediate, MessageChannel } = of;
  if (setImmediate !== undefined) return run => void setImmediate(run);
  if (MessageChannel === undefined) return run => void host.setTimeout(run, 0);
  const due: (() => void)[] = [];
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => due.shift()?.();
  port1.unref?.();
  return run => {
    due.push(run);
    port2.postMessage(0);
  };
}

/** Runs `run` after this turn's input has been delivered. */
export const afterTurn: (run: () => void) => void = turnScheduler(host);

/** A timer that can be set again. */
export class Timer {
  private readonly clock: Clock;
  private handle: unknown = null;

  constructor(clock: Clock = hostClock) {
    this.clock = clock;
  }

  /** Calls `run` in `ms` milliseconds, instead of what was set before. */
  set(ms: number, run: () => void): void {
    this.clear();
    this.handle = this.clock.setTimer(run, ms);
  }

  /** Forgets what was set. */
  clear(): void {
    if (this.handle !== null) this.clock.clearTimer(this.handle);
    this.handle = null;
  }
}

/** Texts up to this length are looked at character by character, which beats the call into native code. */
const SHORT_TEXT = 64;

/** `text` as UTF-8, in octets of its own. */
export function utf8(text: string): Uint8Array {
  const { length } = text;
  if (length <= SHORT_TEXT) {
    const octets = new Uint8Array(length);
    let i = 0;
    for (; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) break;
      octets[i] = code;
    }
    if (i === length) return octets;
  }
  return new host.TextEncoder().encode(text);
}

/** UTF-8 octets as text; what is not UTF-8 becomes U+FFFD. */
export function fromUtf8(octets: Uint8Array): string {
  return new host.TextDecoder().decode(octets);
}
