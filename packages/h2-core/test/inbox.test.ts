/** What received octets hold while nobody reads them. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lasting } from '../src/frame/bytes.ts';
import { Inbox } from '../src/session/inbox.ts';
import { concat } from './support/frames.ts';
import { inMemory, next, pattern, turn } from './support/session.ts';

/** A delivery of the transport, and views of parts of it as DATA frames are. */
function delivery(size: number, from: number, ...parts: readonly (readonly [number, number])[]): Uint8Array[] {
  const octets = pattern(size, from);
  return parts.map(([start, end]) => octets.subarray(start, end));
}

/** Takes everything out; chunks, and the memory that they hold. */
function emptied(inbox: Inbox): { chunks: Uint8Array[]; held: number } {
  const chunks: Uint8Array[] = [];
  for (let chunk = inbox.take(); chunk !== undefined; chunk = inbox.take()) chunks.push(chunk);
  const memories = new Set(chunks.map(({ buffer }) => buffer));
  return { chunks, held: [...memories].reduce((sum, { byteLength }) => sum + byteLength, 0) };
}

test('small parts of large deliveries are gathered once the turn is over: octets hold about as much memory', async () => {
  const inbox = new Inbox();
  for (let i = 0; i < 1000; i++) {
    for (const chunk of delivery(65_536, i, [100, 101])) inbox.push(chunk);
    if (i % 3 === 0) await turn();
  }
  await turn();
  const { chunks, held } = emptied(inbox);
  expect(concat(...chunks)).toEqual(Uint8Array.from({ length: 1000 }, (_, i) => pattern(1, i + 100)[0] as number));
  expect(chunks.length).toBe(1);
  expect(held).toBeLessThanOrEqual(2048);
});

test('most of a delivery is kept as it came, without a copy', async () => {
  const inbox = new Inbox();
  const parts = delivery(65_536, 0, [9, 16_393], [16_402, 32_786], [32_795, 49_179]);
  for (const chunk of parts) inbox.push(chunk);
  await turn();
  expect(emptied(inbox).chunks.map(chunk => parts.indexOf(chunk))).toEqual([0, 1, 2]);
});

test('what is taken in the turn in which it came, or waited for, is no copy', async () => {
  const inbox = new Inbox();
  const [first, second] = delivery(65_536, 0, [0, 100], [200, 300]) as [Uint8Array, Uint8Array];
  const waited = inbox.next();
  inbox.push(first);
  inbox.push(second);
  expect((await waited).value).toBe(first);
  expect(inbox.take()).toBe(second);
  await turn();
  expect(inbox.length).toBe(0);
});

test('octets stay in order whatever the sizes of deliveries, frames and reads, and hold at most twice their number', async () => {
  const step = fc.record({
    size: fc.integer({ min: 1, max: 70_000 }),
    /** Where frames end, in thousandths of the delivery; every second one is of this stream. */
    cuts: fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 12 }),
    reads: fc.integer({ min: 0, max: 3 }),
    turns: fc.boolean(),
  });
  const all = pattern(200_000);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async steps => {
      const inbox = new Inbox();
      const sent: Uint8Array[] = [];
      const read: Uint8Array[] = [];
      let at = 0;
      for (const { size, cuts, reads, turns } of steps) {
        const octets = all.slice(at, at + size);
        at = (at + 7919) % 100_000;
        let from = 0;
        [...cuts]
          .sort((a, b) => a - b)
          .forEach((cut, i) => {
            const to = Math.floor((size * cut) / 1000);
            if (i % 2 === 0 && to > from) {
              sent.push(octets.slice(from, to));
              inbox.push(octets.subarray(from, to));
            }
            from = to;
          });
        if (turns) await turn();
        for (let i = 0; i < reads; i++) {
          const chunk = inbox.take();
          if (chunk !== undefined) read.push(Uint8Array.from(chunk));
        }
      }
      await turn();
      const { chunks, held } = emptied(inbox);
      const left = chunks.reduce((sum, { length }) => sum + length, 0);
      // The oldest delivery may be half read.
      expect(held).toBeLessThanOrEqual(2 * left + 70_000);
      expect(Buffer.compare(concat(...read, ...chunks), concat(...sent))).toBe(0);
    }),
    { numRuns: 60 },
  );
});

test('a small part of larger memory is copied to last, also where `slice` would not', () => {
  const pool = Buffer.alloc(65_536, 7);
  const part = lasting(pool.subarray(10, 266));
  expect([part.length, part[0], part.buffer.byteLength]).toEqual([256, 7, 256]);
  const most = pool.subarray(0, 40_000);
  expect(lasting(most)).toBe(most);
  const frame = pool.subarray(0, 16_384);
  expect(lasting(frame)).toBe(frame);
});

test('5.2: an unread stream does not hold the octets of the streams beside it', async () => {
  const { server, client } = await inMemory({}, {});
  const slow = client.request({ method: 'POST', path: '/slow', endStream: false });
  const fast = client.request({ method: 'POST', path: '/fast', endStream: false });
  const unread = (await next(server)).request;
  const { body } = (await next(server)).request;
  const drained = (async () => {
    for await (const _ of body);
  })();
  for (let i = 0; i < 40; i++) {
    slow.body.write(pattern(10, i * 10));
    fast.body.write(new Uint8Array(50_000));
    await fast.body.ready();
    await client.ping();
  }
  slow.body.end();
  fast.body.end();
  await drained;
  const held = new Set<ArrayBufferLike>();
  const chunks: Uint8Array[] = [];
  for await (const chunk of unread.body) {
    held.add(chunk.buffer);
    chunks.push(chunk);
  }
  expect(concat(...chunks)).toEqual(pattern(400));
  expect([...held].reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThan(2000);
});
