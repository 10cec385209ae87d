/** Which failures have a request sent again, and where to. */
import { expect, test } from 'vitest';
import type { Backend } from '../src/exchange/legs.ts';
import { type ReasonCode, reason } from '../src/exchange/reason.ts';
import { ExchangeRecord } from '../src/exchange/record.ts';
import { mayRetry } from '../src/exchange/retry.ts';
import { Pool } from '../src/upstream/pool.ts';
import { request } from './upstream-kit.ts';

/** Whether a GET goes out again that has failed `attempts` times, in a pool of so many backends. */
function retries(code: ReasonCode, backends: number, attempts: number): boolean {
  const pool = Pool.of(
    'pool',
    Array.from({ length: backends }, (_, i) => ({ url: `http://${i}` }) as Backend),
  );
  const record = new ExchangeRecord({} as ExchangeRecord['client'], request(), 0);
  record.attempts = attempts;
  return mayRetry(reason(code, '', { retryable: true }), pool, record);
}

test.each([
  'backend_refused',
  'backend_unreachable',
  'backend_connect_timeout',
  'backend_queue_full',
  'backend_queue_timeout',
] as const)('%s: another backend is tried, the same is not', code => {
  expect(retries(code, 1, 1)).toBe(false);
  expect(retries(code, 2, 1)).toBe(true);
  expect(retries(code, 2, 2)).toBe(false);
});

test.each(['backend_refused_stream', 'backend_going_away', 'backend_closed'] as const)(
  '%s, when nothing was processed: the same backend may do as well',
  code => {
    expect(retries(code, 1, 1)).toBe(true);
    expect(retries(code, 1, 2)).toBe(true);
    expect(retries(code, 1, 3)).toBe(false);
  },
);
