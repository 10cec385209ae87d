import { expect, test } from 'vitest';
import { fromUtf8, Timer, turnScheduler, utf8 } from '../src/session/host.ts';
import { AsyncQueue } from '../src/session/queue.ts';
import { fromBase64Url } from '../src/session/upgrade-settings.ts';

test('work is put off past promises with setImmediate, with a message to oneself, or with a timer', async () => {
  for (const host of [{ setImmediate }, { MessageChannel }, {}]) {
    const order: string[] = [];
    const schedule = turnScheduler(host as Parameters<typeof turnScheduler>[0]);
    const done = new Promise<void>(resolve => {
      schedule(() => order.push('first'));
      schedule(() => {
        order.push('second');
        resolve();
      });
    });
    await Promise.resolve();
    order.push('promise');
    await done;
    expect(order).toEqual(['promise', 'first', 'second']);
  }
});

test('a timer set again fires once, a cleared one never', async () => {
  const fired: string[] = [];
  const timer = new Timer();
  timer.set(1, () => fired.push('first'));
  await new Promise<void>(done =>
    timer.set(2, () => {
      fired.push('second');
      done();
    }),
  );
  const other = new Timer();
  other.set(1, () => fired.push('never'));
  other.clear();
  await new Promise(done => setTimeout(done, 5));
  expect(fired).toEqual(['second']);
});

test('text becomes UTF-8, short or long, ASCII or not', () => {
  for (const text of [
    '',
    'a',
    'ä',
    `${'x'.repeat(63)}ü`,
    'x'.repeat(64),
    'x'.repeat(65),
    '€'.repeat(100),
    '\u{1f600}',
  ]) {
    expect(utf8(text)).toEqual(new TextEncoder().encode(text));
    expect(fromUtf8(utf8(text))).toBe(text);
  }
});

test('base64url without padding is decoded, everything else refused', () => {
  for (let length = 0; length < 20; length++) {
    const octets = Buffer.from(Array.from({ length }, (_, i) => (i * 37 + 251) & 255));
    expect(Buffer.from(fromBase64Url(octets.toString('base64url')) ?? 'none')).toEqual(octets);
  }
  for (const bad of ['A', 'AA==', 'A+A', 'A A', 'AAAAA']) expect(fromBase64Url(bad)).toBe(null);
});

test('a queue keeps order over many items, readers before and after, and ends once', async () => {
  const queue = new AsyncQueue<number>();
  const early = [queue.next(), queue.next()];
  expect(queue.push(-2)).toBe(true);
  queue.push(-1);
  expect((await Promise.all(early)).map(({ value }) => value)).toEqual([-2, -1]);
  for (let i = 0; i < 500; i++) queue.push(i);
  for (let i = 0; i < 300; i++) expect(queue.take()).toBe(i);
  expect(queue.length).toBe(200);
  expect(await queue.next()).toEqual({ done: false, value: 300 });
  queue.end(new Error('once'));
  queue.end();
  expect(queue.push(1)).toBe(false);
  while (queue.take() !== undefined);
  for (let read = 0; read < 2; read++) await expect(queue.next()).rejects.toThrow('once');
});

test('a queue that fails gives up what is unread, also behind its end; the first error stays', async () => {
  const queue = new AsyncQueue<number>();
  queue.push(1);
  queue.end();
  queue.fail(new Error('first'));
  queue.fail(new Error('second'));
  expect(queue.length).toBe(0);
  for (let read = 0; read < 2; read++) await expect(queue.next()).rejects.toThrow('first');
  const waited = new AsyncQueue<number>();
  const waiting = [waited.next(), waited.next()];
  waited.fail(new Error('gone'));
  for (const read of waiting) await expect(read).rejects.toThrow('gone');
});
