/** Pools: whose turn it is, who may enter, who is left out, when to try again. */
import { describe, expect, it } from 'vitest';
import { DEFAULT_POOL } from '../src/config/pool-settings.ts';
import type { ClientFacts } from '../src/exchange/legs.ts';
import { reason } from '../src/exchange/reason.ts';
import { randomTwo } from '../src/upstream/balance.ts';
import { Member } from '../src/upstream/member.ts';
import { Pool, type PoolRules } from '../src/upstream/pool.ts';
import { RetryBudget } from '../src/upstream/retry-budget.ts';
import { bytes, FACTS, FakeBackend, open, request } from './exchange-fakes.ts';

function pool(weights: readonly number[], rules: Partial<PoolRules> = {}): Pool {
  const members = weights.map((weight, index) => new Member(new FakeBackend([], 'abcdef'[index]!), weight));
  return new Pool('test', { ...DEFAULT_POOL, ...rules }, members);
}

const nameOf = (member: Member): string => member.backend.url.slice('http://'.length, -'.test'.length);
const REFUSED = reason('backend_refused', 'refused', { retryable: true });

function choose(
  from: Pool,
  count: number,
  client: Partial<ClientFacts> = {},
  over: Parameters<typeof request>[0] = {},
): string {
  let names = '';
  for (let i = 0; i < count; i++) names += nameOf(from.choose(request(over), { ...FACTS, ...client }, []));
  return names;
}

describe('round robin', () => {
  it('takes equals in turns', () => expect(choose(pool([1, 1, 1]), 6)).toBe('abcabc'));
  it('spreads weights smoothly', () => expect(choose(pool([5, 1, 1]), 7)).toBe('aabacaa'));
});

describe('least requests', () => {
  it('takes the one with the fewest for its weight, and equals in turns', () => {
    const p = pool([1, 1, 2], { balance: 'least-requests' });
    p.members[0]!.inFlight = 1;
    p.members[2]!.inFlight = 1;
    expect(choose(p, 2)).toBe('bb');
    p.members[1]!.inFlight = 1;
    expect(choose(p, 2)).toBe('cc');
    for (const member of p.members) member.inFlight = 0;
    expect(new Set(choose(p, 3)).size).toBe(3);
  });
});

it('random of two takes the better, and each by its weight', () => {
  const p = pool([1, 1]);
  p.members[0]!.inFlight = 5;
  const points = [0.1, 0.9, 0.1, 0.1];
  const balancer = randomTwo(() => points.shift()!);
  expect(nameOf(balancer(p.members, request(), FACTS))).toBe('b');
  expect(nameOf(balancer(p.members, request(), FACTS))).toBe('a');
});

describe('hash', () => {
  const addresses = Array.from({ length: 2000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
  const spread = (p: Pool): string[] => addresses.map(address => choose(p, 1, { address }));

  it('gives each its share, the same every time; one that goes moves only its own', () => {
    const three = spread(pool([1, 1, 2], { balance: 'hash' }));
    expect(spread(pool([1, 1, 2], { balance: 'hash' }))).toEqual(three);
    const share = (name: string): number => three.filter(each => each === name).length / three.length;
    expect(share('a')).toBeCloseTo(0.25, 1);
    expect(share('c')).toBeCloseTo(0.5, 1);
    const two = spread(pool([1, 1], { balance: 'hash' }));
    for (const [index, name] of three.entries()) if (name !== 'c') expect(two[index]).toBe(name);
  });

  it('by header and cookie; without, by address', () => {
    const byHeader = pool([1, 1, 1, 1, 1, 1], { balance: 'hash', hashOn: 'header:X-User' });
    const user = { fields: ['x-user', 'ada'] };
    expect(choose(byHeader, 1, { address: '1.1.1.1' }, user)).toBe(choose(byHeader, 1, { address: '2.2.2.2' }, user));
    const byCookie = pool([1, 1, 1, 1, 1, 1], { balance: 'hash', hashOn: 'cookie:sid' });
    const cookie = (value: string): { fields: string[] } => ({ fields: ['cookie', `other=1; sid=${value}; xsid=9`] });
    expect(choose(byCookie, 1, { address: '1.1.1.1' }, cookie('7'))).toBe(
      choose(byCookie, 1, { address: '2.2.2.2' }, cookie('7')),
    );
    const seen = new Set(Array.from({ length: 50 }, (_, index) => choose(byCookie, 1, {}, cookie(String(index)))));
    expect(seen.size).toBe(6);
    const without = new Set(addresses.slice(0, 50).map(address => choose(byCookie, 1, { address })));
    expect(without.size).toBeGreaterThan(3);
  });
});

describe('those who fail', () => {
  it('a member is left out after failures in a row, and is back after a while', () => {
    const p = pool([1, 1], { ejection: { failures: 2, forMs: 60_000 } });
    const [a] = p.members;
    p.failed(a!, REFUSED);
    a!.succeeded();
    p.failed(a!, REFUSED);
    expect(choose(p, 4)).toContain('a');
    p.failed(a!, REFUSED);
    expect(choose(p, 4)).toBe('bbbb');
    expect(a!.isAvailable(performance.now() + 60_001)).toBe(true);
  });

  it('each ejection in a row takes longer', () => {
    const member = new Member(new FakeBackend([], 'a'), 1);
    const rules = { failures: 1, forMs: 1000 };
    member.failed(0, rules);
    expect([member.isAvailable(999), member.isAvailable(1000)]).toEqual([false, true]);
    member.failed(1000, rules);
    expect([member.isAvailable(2999), member.isAvailable(3000)]).toEqual([false, true]);
  });

  it('what is nobody’s fault does not count', () => {
    const p = pool([1, 1], { ejection: { failures: 1, forMs: 60_000 } });
    p.failed(p.members[0]!, reason('backend_refused_stream', '', { retryable: true }));
    p.failed(p.members[0]!, reason('backend_going_away', '', { retryable: true }));
    expect(choose(p, 2)).toBe('ab');
  });

  it('when all are out, all are used: perhaps it is the checks that fail', () => {
    const p = pool([1, 1]);
    for (const member of p.members) member.isHealthy = false;
    expect(choose(p, 4)).toBe('abab');
    p.members[1]!.isHealthy = true;
    expect(choose(p, 2)).toBe('bb');
  });

  it('a retry goes to one that was not tried', () => {
    const p = pool([1, 1, 1]);
    const [a, b, c] = p.members;
    expect(p.choose(request(), FACTS, [a!, c!])).toBe(b);
    expect([a, b, c]).toContain(p.choose(request(), FACTS, [a!, b!, c!]));
  });
});

describe('the retry budget', () => {
  it('allows a share of the requests, and always a few per second', () => {
    const budget = new RetryBudget(10);
    let allowed = 0;
    for (let i = 0; i < 1000; i++) {
      budget.requested();
      if (budget.take(0)) allowed++;
    }
    // What was saved up, and a tenth.
    expect(allowed).toBeGreaterThanOrEqual(140);
    expect(allowed).toBeLessThanOrEqual(160);
    expect(budget.take(1000)).toBe(true);
  });

  it('0 is no limit', () => {
    const budget = new RetryBudget(0);
    for (let i = 0; i < 1000; i++) expect(budget.take(0)).toBe(true);
  });
});

describe('requests in flight', () => {
  const limited = (rules: Partial<PoolRules> = {}): Parameters<typeof open>[1] => ({
    rules: { ...DEFAULT_POOL, maxInFlight: 1, maxQueued: 1, ...rules },
  });

  it('one more waits its turn; what it sent meanwhile goes out then, and its waiting is recorded', () => {
    const first = open(request(), limited());
    const second = first.another(request({ method: 'POST', hasBody: true }));
    second.client.events.onBody(bytes('early'), true);
    expect(first.context.heldBytes).toBe(5);
    expect(first.backend.legs).toHaveLength(1);
    first.backend.leg.assign();
    first.backend.leg.events.onResponse({ status: 200, fields: [], sensitive: null }, true);
    first.client.events.onFinished();
    expect(first.backend.legs).toHaveLength(2);
    first.backend.leg.assign();
    expect(first.journal).toContain('a.write early end');
    expect(first.context.heldBytes).toBe(0);
    first.backend.leg.events.onResponse({ status: 200, fields: [], sensitive: null }, true);
    second.client.events.onFinished();
    expect(first.pool.inFlight).toBe(0);
    expect(first.pool.members[0]!.inFlight).toBe(0);
    const [, record] = first.records;
    expect(record!.assignedAt).toBeGreaterThan(record!.startedAt + 1);
  });

  it('beyond the queue it is refused', () => {
    const first = open(request(), limited());
    first.another(request());
    const third = first.another(request());
    expect(third.client.head!.status).toBe(503);
    expect(third.client.body).toContain('backend_queue_full');
  });

  it('one that gives up waiting leaves the line', () => {
    const first = open(request(), limited());
    const second = first.another(request());
    second.client.events.onAbort(reason('client_reset', 'reset'));
    expect(first.pool.queued).toBe(0);
    expect(second.client.settledTimes).toBe(1);
    expect(first.pool.inFlight).toBe(1);
  });

  it('one that waits too long is told so', async () => {
    const first = open(request(), limited({ timeouts: { ...DEFAULT_POOL.timeouts, queueMs: 20 } }));
    const second = first.another(request());
    await expect.poll(() => second.client.head?.status).toBe(503);
    expect(second.client.body).toContain('backend_queue_timeout');
    expect(first.pool.inFlight).toBe(1);
  });

  it('a limit that is raised lets those in who wait', () => {
    const first = open(request(), limited());
    first.another(request());
    first.pool.update({ ...DEFAULT_POOL, maxInFlight: 2 }, first.pool.members);
    expect(first.backend.legs).toHaveLength(2);
  });

  it('work that a backend has not heard is over still counts', () => {
    const first = open(request(), limited());
    first.backend.leg.cancelSettles = false;
    first.client.events.onAbort(reason('client_reset', 'reset'));
    expect(first.pool.inFlight).toBe(1);
    first.backend.leg.events.onSettled();
    expect(first.pool.inFlight).toBe(0);
  });
});

describe('retries', () => {
  const broken = reason('backend_reset', 'broke');

  it('an idempotent request goes out again after a broken connection only when that is configured', () => {
    const rules = { ...DEFAULT_POOL, retries: { attempts: 3, idempotent: true, budgetPercent: 0 } };
    const sends = (method: string, over: Parameters<typeof open>[1]): number => {
      const { backend } = open(request({ method }), over);
      backend.leg.events.onError(broken);
      return backend.legs.length;
    };
    expect(sends('GET', {})).toBe(1);
    expect(sends('GET', { rules })).toBe(2);
    expect(sends('POST', { rules })).toBe(1);
    expect(sends('GET', { rules: { ...rules, retries: { ...rules.retries, attempts: 1 } } })).toBe(1);
  });
});

it('above the limit of held octets new requests are refused', () => {
  const first = open(request({ method: 'POST', hasBody: true }), {});
  first.context.maxHeldBytes = 4;
  first.client.events.onBody(bytes('12345'), false);
  const second = first.another(request());
  expect(second.client.head!.status).toBe(503);
  expect(second.client.body).toContain('overloaded');
  first.client.events.onAbort(reason('client_reset', 'reset'));
  expect(first.context.heldBytes).toBe(0);
  expect(first.another(request()).client.head).toBeNull();
});

it('a request that moves to another connection is paired again', () => {
  const { journal, backend } = open(request());
  backend.leg.assign(9, 1);
  backend.leg.assign(9, 1);
  backend.leg.assign(10, 1);
  expect(journal.filter(line => line.startsWith('paired'))).toEqual(['paired 3 5 9 1', 'paired 3 5 10 1']);
});
