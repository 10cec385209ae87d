import { describe, expect, test } from 'vitest';
import { Decoder, Encoder, type HpackTap } from '../src/index.ts';
import { decodeLines } from './support/decode.ts';
import { block, incremental, indexed, neverIndexed, update, withoutIndexing } from './support/wire.ts';

class Log implements HpackTap {
  readonly events: unknown[][] = [];
  onRepresentation(...args: unknown[]): void {
    this.events.push(['field', ...args]);
  }
  onInsert(...args: unknown[]): void {
    this.events.push(['insert', ...args]);
  }
  onEvict(...args: unknown[]): void {
    this.events.push(['evict', ...args]);
  }
  onResize(...args: unknown[]): void {
    this.events.push(['resize', ...args]);
  }
}

describe('the tap of a decoder', () => {
  test('tells representation, index and wire size of each field, and what happens to the table', () => {
    const tap = new Log();
    const decoder = new Decoder({ tap });
    decodeLines(
      decoder,
      block(
        update(80),
        indexed(2),
        incremental('a', '1'),
        incremental(32, '2'),
        withoutIndexing(62, '3'),
        neverIndexed('b', '4'),
        indexed(62),
        incremental('c', 'x'.repeat(100)),
      ),
    );
    expect(tap.events).toEqual([
      ['resize', 80],
      ['field', ':method', 'GET', 0, 2, 1],
      ['field', 'a', '1', 1, 0, 5],
      ['insert', 'a', '1', 34],
      ['field', 'cookie', '2', 1, 32, 3],
      ['insert', 'cookie', '2', 73],
      ['field', 'cookie', '3', 2, 62, 4],
      ['field', 'b', '4', 3, 0, 5],
      ['field', 'cookie', '2', 0, 62, 1],
      ['field', 'c', 'x'.repeat(100), 1, 0, 104],
      ['evict', 2, 0],
    ]);
  });

  test('is told of the table but not of the fields beyond the limits', () => {
    const tap = new Log();
    decodeLines(new Decoder({ tap, maxFields: 1 }), block(indexed(2), incremental('a', '1'), indexed(62)));
    expect(tap.events).toEqual([
      ['field', ':method', 'GET', 0, 2, 1],
      ['insert', 'a', '1', 34],
    ]);
  });
});

describe('the tap of an encoder', () => {
  test('sees the same as the tap of the decoder at the other end', () => {
    const [sent, received] = [new Log(), new Log()];
    const encoder = new Encoder({ tap: sent, maxTableSize: 200 });
    const decoder = new Decoder({ tap: received });
    for (let i = 0; i < 50; i++) {
      if (i % 7 === 0) encoder.setPeerMaxTableSize(i * 5);
      const fields = [
        { name: ':method', value: 'GET' },
        { name: 'x-count', value: `${i % 5}` },
        { name: 'content-length', value: `${i}` },
        { name: `x-${i % 3}`, value: 'v'.repeat(i) },
        { name: 'authorization', value: 'secret' },
      ];
      decodeLines(decoder, encoder.encode(fields));
    }
    expect(sent.events.length).toBeGreaterThan(300);
    expect(sent.events).toEqual(received.events);
  });
});
