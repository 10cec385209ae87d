import { readFramesHeader } from '@glassway/inspector-protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { complete } from '../src/filter/complete.ts';
import { explainFilter, hasValue, parseFilter, setValue, toggleValue } from '../src/filter/parse.ts';
import { FrameLog } from '../src/worker/frame-log.ts';
import { compile } from '../src/worker/frame-match.ts';
import { type FrameSpec, framesMessage } from './kit.ts';

function matching(filter: string, frames: readonly FrameSpec[]): number[] {
  const log = new FrameLog(1024);
  const message = framesMessage(0, frames);
  log.append(message, readFramesHeader(message), 0);
  const match = compile(parseFilter(filter));
  return frames.map((_, row) => row).filter(row => match(log, log.slot(row)));
}

describe('the filter language', () => {
  test('the tokens of the help are understood and explained', () => {
    const filter = parseFilter('type=DATA dir=out conn=7 stream=5 flag=END_STREAM');
    expect(filter.problems).toEqual([]);
    expect(explainFilter(filter)).toBe(
      'DATA frames, sent by the gateway, on connection 7, on stream 5, with END_STREAM',
    );
  });

  test('what is not understood is named with a reason and filters nothing', () => {
    const filter = parseFilter('foo=1 hello stream=x type> dir=out len<1,2 conn=');
    expect(filter.terms.map(term => term.text)).toEqual(['dir=out']);
    expect(filter.problems.map(problem => problem.text)).toEqual([
      'foo=1',
      'hello',
      'stream=x',
      'type>',
      'len<1,2',
      'conn=',
    ]);
    for (const problem of filter.problems) expect(problem.message).toMatch(/\.$/);
  });

  test('names of every object do not become filter names', () => {
    expect(parseFilter('constructor=1 __proto__=1 toString=1').terms).toEqual([]);
    expect(parseFilter('dir=constructor').problems).toHaveLength(1);
  });

  test('all tokens must hold, a comma is an or, != is none of', () => {
    const frames: FrameSpec[] = [
      { type: 0, stream: 1, dir: 1 },
      { type: 0, stream: 5, dir: 0 },
      { type: 8, stream: 5, dir: 0 },
      { type: 1, stream: 7, dir: 1, conn: 2, leg: 1 },
    ];
    expect(matching('', frames)).toEqual([0, 1, 2, 3]);
    expect(matching('type=data', frames)).toEqual([0, 1]);
    expect(matching('type=DATA,WINDOW_UPDATE stream=5', frames)).toEqual([1, 2]);
    expect(matching('type!=DATA', frames)).toEqual([2, 3]);
    expect(matching('dir=out leg=backend', frames)).toEqual([3]);
    expect(matching('conn!=1', frames)).toEqual([3]);
    expect(matching('stream>1 stream<=5', frames)).toEqual([1, 2]);
  });

  test('a flag is a bit on the frames where it means that: ACK is not END_STREAM', () => {
    const frames: FrameSpec[] = [
      { type: 0, flags: 1 },
      { type: 4, flags: 1 },
      { type: 6, flags: 1 },
      { type: 1, flags: 4 },
    ];
    expect(matching('flag=END_STREAM', frames)).toEqual([0]);
    expect(matching('flag=ACK', frames)).toEqual([1, 2]);
    expect(matching('flag=END_HEADERS', frames)).toEqual([3]);
  });

  test('an error code is one only on RST_STREAM and GOAWAY', () => {
    const frames: FrameSpec[] = [
      { type: 3, aux: 8, ref: 8 },
      { type: 7, aux: 0, ref: 8 },
      { type: 8, aux: 8 },
    ];
    expect(matching('err=CANCEL', frames)).toEqual([0, 1]);
    expect(matching('type=0x08', frames)).toEqual([2]);
  });

  test('length is compared as a number', () => {
    expect(matching('len>16383', [{ length: 16_384 }, { length: 9 }])).toEqual([0]);
    expect(matching('len>=9 len<10', [{ length: 16_384 }, { length: 9 }])).toEqual([1]);
  });

  test('any text parses, every token is either understood or explained', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), text => {
        const filter = parseFilter(text);
        const tokens = text.split(/\s+/).filter(token => token !== '');
        expect(filter.terms.length + filter.problems.length).toBe(tokens.length);
      }),
    );
  });
});

describe('chips write the filter', () => {
  test('a chip adds its value, a second chip is an alternative, and each can be taken out again', () => {
    let text = toggleValue('stream=5', 'type', 0);
    expect(text).toBe('stream=5 type=DATA');
    text = toggleValue(text, 'type', 8);
    expect(text).toBe('stream=5 type=DATA,WINDOW_UPDATE');
    expect(hasValue(parseFilter(text), 'type', 8)).toBe(true);
    text = toggleValue(toggleValue(text, 'type', 0), 'type', 8);
    expect(text).toBe('stream=5');
  });

  test('toggling twice is nothing, whatever else the filter says', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('', 'dir=out', 'stream=3 len>9', 'junk type!=PING'),
        fc.integer({ min: 0, max: 9 }),
        (text, type) => {
          expect(toggleValue(toggleValue(text, 'type', type), 'type', type)).toBe(text);
        },
      ),
    );
  });

  test('setting a value replaces the other, null takes it out', () => {
    expect(setValue('dir=in type=DATA', 'dir', 1)).toBe('type=DATA dir=out');
    expect(setValue('dir=in type=DATA', 'dir', null)).toBe('type=DATA');
  });
});

describe('completion', () => {
  test('names first, then the values of a name, then further values behind a comma', () => {
    expect(complete('ty', 2).map(option => option.text)).toEqual(['type=']);
    expect(complete('type=WIN', 8).map(option => option.text)).toEqual(['type=WINDOW_UPDATE ']);
    expect(complete('type=DATA,HEAD', 14)[0]?.label).toBe('type=DATA,HEADERS');
    expect(complete('type=DATA,DA', 12)).toEqual([]);
  });

  test('only the token at the caret changes', () => {
    const [first] = complete('dir=o stream=5', 5);
    expect(first).toMatchObject({ text: 'dir=out stream=5', caret: 8 });
  });
});
