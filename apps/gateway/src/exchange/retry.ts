/** Whether a request that failed goes out once more. */
import type { Pool } from '../upstream/pool.ts';
import type { Reason } from './reason.ts';
import type { ExchangeRecord } from './record.ts';

/** Methods with which doing it twice comes to the same (RFC 9110 9.2.2). */
export const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** The same backend would only fail again at once, or have it wait once more as long as it may. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  'backend_refused',
  'backend_unreachable',
  'backend_connect_timeout',
  'backend_queue_full',
  'backend_queue_timeout',
]);

/** The connection broke, perhaps after the work was done. */
const BROKEN: ReadonlySet<string> = new Set(['backend_closed', 'backend_reset']);

/**
 * Only what is safe, within what the pool allows: the request was not acted upon, or may be acted upon twice. That nothing of
 * its body has gone is the caller's to know.
 */
export function mayRetry(why: Reason, pool: Pool, { request, attempts }: ExchangeRecord): boolean {
  const { attempts: atMost, idempotent } = pool.rules.retries;
  const isTunnel = request.protocol !== undefined && request.protocol !== '';
  const isRepeatable = idempotent && BROKEN.has(why.code) && IDEMPOTENT.has(request.method) && !isTunnel;
  if (!why.retryable && !isRepeatable) return false;
  const most = ELSEWHERE.has(why.code) ? Math.min(pool.members.length, atMost) : atMost;
  return attempts < most && pool.takeRetry();
}
