import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Accounts } from '../src/worker/accounts.ts';

test('produced is received plus dropped', () => {
  const books = new Accounts();
  books.subscribed(1000, 1500);
  books.took(1000, 1200, 200);
  books.lost(1200, 1300, 100);
  books.took(1300, 1500, 200);
  expect(books).toMatchObject({ produced: 500, received: 400, dropped: 100, unaccounted: 0 });
});

test('frames that came while there was no connection and are gone count as dropped', () => {
  const books = new Accounts();
  books.subscribed(0, 0);
  books.took(0, 100, 100);
  books.subscribed(250, 300);
  books.took(250, 300, 50);
  expect(books).toMatchObject({ produced: 300, received: 150, dropped: 150, unaccounted: 0 });
});

test('a backlog that was seen before is not counted twice', () => {
  const books = new Accounts();
  books.subscribed(0, 0);
  books.took(0, 100, 100);
  books.subscribed(40, 120);
  books.took(40, 120, 20);
  expect(books).toMatchObject({ produced: 120, received: 120, dropped: 0, unaccounted: 0 });
  books.took(60, 110, 0);
  books.lost(90, 120, 30);
  expect(books).toMatchObject({ produced: 120, received: 120, dropped: 0, unaccounted: 0 });
});

test('a gap nobody explains shows', () => {
  const books = new Accounts();
  books.subscribed(0, 0);
  books.took(10, 20, 10);
  expect(books).toMatchObject({ produced: 20, received: 10, unaccounted: 10 });
});

test('a batch that brings fewer records than it speaks for shows', () => {
  const books = new Accounts();
  books.subscribed(0, 0);
  books.took(0, 20, 19);
  expect(books.unaccounted).toBe(1);
});

test('whatever the order of batches, drops and reconnects, the sum holds', () => {
  const step = fc.record({
    what: fc.constantFrom('took', 'lost', 'rejoin'),
    size: fc.integer({ min: 0, max: 500 }),
    back: fc.integer({ min: 0, max: 300 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const books = new Accounts();
      books.subscribed(0, 0);
      let at = 0;
      for (const { what, size, back } of steps) {
        const from = Math.max(0, at - back);
        if (what === 'rejoin') {
          books.subscribed(from, at + size);
          at = from;
          continue;
        }
        const to = at + size;
        const fresh = Math.max(0, to - Math.max(at, books.position));
        if (what === 'took') books.took(at, to, fresh);
        else books.lost(at, to, size);
        at = to;
      }
      expect(books.received + books.dropped + books.unaccounted).toBe(books.produced);
      expect(books.unaccounted).toBe(0);
    }),
  );
});

test('with a filter, what messages speak for without telling of it was filtered out', () => {
  const accounts = new Accounts();
  accounts.subscribed(100, 100, true);
  accounts.took(100, 150, 5);
  accounts.took(150, 160, 0);
  accounts.lost(160, 200, 40);
  expect(accounts).toMatchObject({ produced: 100, received: 5, filtered: 55, dropped: 40, unaccounted: 0 });
  // What no message speaks for is a defect all the same.
  accounts.took(210, 220, 10);
  expect(accounts).toMatchObject({ filtered: 55, unaccounted: 10 });
  accounts.restart();
  expect(accounts).toMatchObject({ produced: 0, received: 0, filtered: 0, dropped: 0, unaccounted: 0 });
});
