import type { Socket } from 'node:net';
import { type Reason, reason } from '../exchange/reason.ts';
import type { ResolvedUpstreamOptions } from './options.ts';
import type { Target } from './target.ts';

/**
 * Whether an exchange has waited too long for its backend; null: it has not. A request that is not complete goes at the
 * client's pace and has no limit here, unless octets of it wait for the backend to take them.
 *
 * `sinceMs`: time since the exchange last moved in the direction we wait for. `unsent`: request octets the backend has not
 * taken. `requested`: the request was handed over whole, or asks for a tunnel. `responded`: the final head has come.
 * `tunnel`: it opened a tunnel.
 */
export function overdue(
  target: Target,
  options: ResolvedUpstreamOptions,
  sinceMs: number,
  unsent: number,
  requested: boolean,
  responded: boolean,
  tunnel: boolean,
): Reason | null {
  if (unsent === 0 && !responded) {
    const limit = options.firstByteTimeoutMs;
    if (!requested || limit === 0 || sinceMs < limit) return null;
    return reason('backend_first_byte_timeout', `${target.label} did not begin its response for ${limit} ms`);
  }
  const limit = tunnel ? options.tunnelIdleTimeoutMs : options.bodyIdleTimeoutMs;
  if (limit === 0 || sinceMs < limit) return null;
  const what = unsent > 0 ? 'took no request octets' : 'sent nothing';
  return reason('backend_idle_timeout', `${target.label} ${what} for ${limit} ms`);
}

/** Whether an exchange has taken longer than it may in all; null: it has not. `startedAt`: when it found its connection, ms. */
export function overtime(
  target: Target,
  options: ResolvedUpstreamOptions,
  startedAt: number,
  now: number,
): Reason | null {
  const limit = options.totalTimeoutMs;
  if (limit === 0 || now - startedAt < limit) return null;
  return reason('backend_total_timeout', `${target.label} did not complete its response within ${limit} ms`);
}

/** What of an exchange tells whether its backend drips. */
export interface Paced {
  /** Null: nothing to measure so far, or nothing was owed at the last look. */
  pace: Pace | null;
  /** The response said how long its body is. */
  readonly announced: boolean;
  /** Response octets received. */
  readonly received: number;
}

/**
 * Whether the backend of an exchange drips; null: it does not. Only what it owes counts: request octets that wait for it,
 * and a body whose length it has announced. In what has no length, an event or a message may be all there is to say, so
 * a stream of those is never measured; and one that stands still is the idle timeout's.
 *
 * `unsent`: request octets it has not taken. `taken`: those it has, on any scale that only grows. `now`: ms.
 */
export function dripping(
  target: Target,
  options: ResolvedUpstreamOptions,
  leg: Paced,
  unsent: number,
  taken: number,
  now: number,
): Reason | null {
  const { progressTimeoutMs, minimumProgressBytes } = options;
  if (progressTimeoutMs === 0) return null;
  if (unsent === 0 && !leg.announced) {
    leg.pace = null;
    return null;
  }
  const moved = taken + leg.received;
  leg.pace ??= new Pace(now, moved);
  if (!leg.pace.isTooSlow(now, moved, progressTimeoutMs, minimumProgressBytes)) return null;
  const what = unsent > 0 ? 'took fewer' : 'sent fewer';
  const text = `${target.label} ${what} than ${minimumProgressBytes} octets in ${progressTimeoutMs} ms`;
  return reason('backend_progress_timeout', text);
}

/** The octets an exchange has moved, looked at from time to time; made when it lives long enough to be looked at. */
export class Pace {
  #since: number;
  #before: number;
  #last: number;

  constructor(now: number, moved: number) {
    this.#since = now;
    this.#before = moved;
    this.#last = moved;
  }

  /** Octets have moved since the last look, and still fewer than `minimum` within `limitMs`. */
  isTooSlow(now: number, moved: number, limitMs: number, minimum: number): boolean {
    if (moved === this.#last) return false;
    this.#last = moved;
    if (moved - this.#before < minimum) return now - this.#since >= limitMs;
    this.#since = now;
    this.#before = moved;
    return false;
  }
}

/** Octets that the other side has taken from a socket, looked at from time to time. */
export class Outflow {
  #written = 0;
  #queued = 0;
  #taken = 0;

  /** Looks; the answer only grows. */
  look(socket: Socket): number {
    const written = socket.bytesWritten - socket.writableLength;
    const queued = queuedOctets(socket);
    // A write that is done counts whole. One under way may be large, and a slow backend takes minutes for it.
    this.#taken += Math.max(written - this.#written, this.#queued - queued, 0);
    this.#written = written;
    this.#queued = queued;
    return this.#taken;
  }
}

/** Octets of the write under way that the kernel has not taken: Node's own socket timeout looks at the same number. */
function queuedOctets(socket: Socket): number {
  const { _handle: handle } = socket as { _handle?: { writeQueueSize?: number } | null };
  return handle?.writeQueueSize ?? 0;
}

/** A number within a tenth of `value`, so that what began together does not end together. */
export function spread(value: number): number {
  return value * (0.9 + Math.random() * 0.2);
}
