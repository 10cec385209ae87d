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
