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

/** A number within a tenth of `value`, so that what began together does not end together. */
export function spread(value: number): number {
  return value * (0.9 + Math.random() * 0.2);
}
