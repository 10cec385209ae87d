import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bdpSample, bdpStart, OptionError } from '../src/index.ts';
import { handshake, pair } from '../src/session/server.ts';
import { inMemory, next, pattern } from './support/session.ts';

const MAX = 16_777_216;

test('the window grows until the path is full, to no more than twice what it holds, and stays', () => {
  const rate = fc.integer({ min: 1, max: 200_000 });
  const rtt = fc.integer({ min: 1, max: 400 });
  fc.assert(
    fc.property(rate, rtt, fc.integer({ min: 16_384, max: 1_048_576 }), (octetsPerMs, rttMs, window) => {
      const product = octetsPerMs * rttMs;
      let estimate = bdpStart(window);
      for (let i = 0; i < 40; i++) estimate = bdpSample(estimate, Math.min(estimate.window, product), rttMs, MAX);
      // As large as it has to be ...
      expect(estimate.window).toBeGreaterThanOrEqual(Math.min(product, MAX));
      // ... and not larger.
      expect(estimate.window).toBeLessThanOrEqual(Math.max(window, Math.min(2 * product, MAX)));
      expect(bdpSample(estimate, Math.min(estimate.window, product), rttMs, MAX)).toBe(estimate);
    }),
  );
});

test('whatever is measured, it never shrinks, never exceeds its limit, and is a window', () => {
  const sample = fc.tuple(fc.nat(2 ** 31), fc.double({ min: 0, max: 1e6, noNaN: true }));
  fc.assert(
    fc.property(fc.nat(2 ** 31 - 1), fc.array(sample), fc.nat(2 ** 31 - 1), (window, samples, max) => {
      let estimate = bdpStart(window);
      for (const [octets, rttMs] of samples) {
        const after = bdpSample(estimate, octets, rttMs, max);
        expect(after.window).toBeGreaterThanOrEqual(estimate.window);
        expect(after.window).toBeLessThanOrEqual(Math.max(window, max));
        expect(after.peakRate).toBeGreaterThanOrEqual(estimate.peakRate);
        expect(Number.isInteger(after.window)).toBe(true);
        estimate = after;
      }
    }),
  );
});

test('a path whose queue grows with the window, and a sender that is slow by itself, widen nothing', () => {
  let estimate = bdpSample(bdpStart(65_536), 65_536, 10);
  expect(estimate.window).toBe(131_072);
  // Twice the octets in twice the time.
  estimate = bdpSample(estimate, 131_072, 20);
  expect(estimate.window).toBe(131_072);
  expect(bdpSample(bdpStart(65_536), 1000, 1).window).toBe(65_536);
});

test('sessions: windows follow the path when asked to, with few PINGs, and stay as they are when not', async () => {
  const small = { initialWindowSize: 65_535, initialConnectionWindowSize: 65_535 };
  for (const maxTunedWindowSize of [0, 4_000_000]) {
    const { server, client } = await inMemory({}, { ...small, maxTunedWindowSize });
    const body = pattern(3_000_000);
    const { response } = client.request({});
    (await next(server)).respond.send({}).end(body);
    expect(Buffer.compare(await (await response).body.bytes(), body)).toBe(0);
    await client.ping();
    const window = server.core.remoteSettings.initialWindowSize;
    if (maxTunedWindowSize === 0) {
      expect([window, client.core.receiveTarget, client.counters.framesSent < 400]).toEqual([65_535, 65_535, true]);
    } else {
      expect(window).toBeGreaterThan(65_535);
      expect(window).toBeLessThanOrEqual(4_000_000);
      expect(client.core.receiveTarget).toBe(window);
    }
  }
  await expect(handshake(pair()[0], { maxTunedWindowSize: -1 })).rejects.toThrow(OptionError);
});
