/** A tap hears that a flood guard is about to trip before it does: RFC 9113 10.5. */
import { expect, test } from 'vitest';
import type { ConnectionOptions, Tap } from '../src/index.ts';
import { server as endpoint } from './support/endpoint.ts';
import { concat, data, F, frame, GET, headers, POST, settings, T } from './support/frames.ts';
import { times } from './support/limit.ts';

const unknown = frame(0xf0, 0, 0, []);
const wrong = (id: number): Uint8Array => headers(id, [...GET, ['connection', 'close']]);

function rig(options: Partial<ConnectionOptions>) {
  const told: string[] = [];
  const heard: Partial<Tap> = { onLimitNear: (rule, used, limit) => void told.push(`${rule} ${used} of ${limit}`) };
  const tap = new Proxy(heard, { get: (of, name) => of[name as keyof Tap] ?? (() => {}) }) as Tap;
  return { t: endpoint({ ...options, tap }), told };
}

test.each([
  ['oddityBurst', 'flood.oddities', (_: number) => unknown],
  ['maxLocalErrorResetStreams', 'flood.stream-errors', (i: number) => wrong(1 + i * 2)],
  ['settingsWorkBurst', 'flood.settings', (_: number) => settings()],
] as const)('%s: told once when three quarters are used', (option, rule, next) => {
  const refill = { oddityRefillPerSecond: 0, settingsWorkRefillPerSecond: 0 };
  const { t, told } = rig({ ...refill, [option]: 20 });
  let sent = 0;
  // What the preface cost counts as well.
  while (told.length === 0 && sent < 20) t.receive(next(sent++));
  expect(told).toEqual([`${rule} 15 of 20`]);
  for (let i = 0; i < 4; i++) t.receive(next(sent++));
  expect(told).toHaveLength(1);
  expect(t.connection.isClosed).toBe(false);
});

test('emptyDataBurst, dataFrameBudget: told at three quarters', () => {
  const { t, told } = rig({ emptyDataBurst: 8, emptyDataRefillPerSecond: 0 });
  t.receive(headers(1, POST, F.END_HEADERS), ...times(8, () => data(1, '')));
  expect(told).toEqual(['flood.empty-data 6 of 8']);
  const small = rig({ dataFrameBudget: 1000 });
  small.t.receive(headers(1, POST, F.END_HEADERS));
  // 255 each, judged when the next octets come.
  for (const octets of times(3, () => data(1, 'x'))) small.t.receive(octets);
  expect(small.told).toEqual([]);
  small.t.receive(frame(T.PING, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]));
  expect(small.told).toEqual(['flood.small-data 765 of 1000']);
});

test('told again when it comes to that after half was free', () => {
  const { t, told } = rig({ oddityBurst: 20, oddityRefillPerSecond: 1 });
  t.receive(concat(...times(16, () => unknown)));
  t.now = 3000;
  t.receive(...times(2, () => unknown));
  expect(told).toHaveLength(1);
  t.now = 13_000;
  t.receive(unknown);
  expect(told).toHaveLength(1);
  t.receive(...times(9, () => unknown));
  expect(told).toEqual(['flood.oddities 15 of 20', 'flood.oddities 15 of 20']);
});

test('nothing is told of a limit that is off', () => {
  const { t, told } = rig({ oddityBurst: 0 });
  t.receive(...times(3000, () => unknown));
  expect(told).toEqual([]);
});
