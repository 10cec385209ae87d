import { hasValue, parseFilter, readFramesHeader, setValue, toggleValue } from '@glassway/inspector-protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { complete } from '../src/filter/complete.ts';
import { FrameLog } from '../src/worker/frame-log.ts';
import { compile } from '../src/worker/frame-match.ts';
import { Sections } from '../src/worker/sections.ts';
import { StateStore } from '../src/worker/state-store.ts';
import { World } from './fake/world.ts';
import { type FrameSpec, framesMessage, NOTHING_KNOWN } from './kit.ts';

function matching(filter: string, frames: readonly FrameSpec[], knowledge = NOTHING_KNOWN): number[] {
  const log = new FrameLog(1024);
  const message = framesMessage(0, frames);
  log.append(message, readFramesHeader(message), 0);
  const match = compile(parseFilter(filter), knowledge);
  return frames.map((_, row) => row).filter(row => match(log, log.slot(row)));
}

describe('a filter over the log', () => {
  const frames: FrameSpec[] = [
    { type: 0, stream: 1, dir: 1, streamWindow: 0 },
    { type: 0, stream: 5, dir: 0 },
    { type: 8, stream: 5, dir: 0 },
    { type: 1, stream: 7, dir: 1, conn: 2, leg: 1 },
    { type: 3, aux: 8, ref: 8, stream: 9 },
    { type: 7, aux: 0, ref: 8, stream: 0, connWindow: -4 },
  ];

  test('reads every column that the language asks about', () => {
    expect(matching('', frames)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(matching('type=DATA,WINDOW_UPDATE stream=5', frames)).toEqual([1, 2]);
    expect(matching('dir=out leg=backend', frames)).toEqual([3]);
    expect(matching('conn!=1', frames)).toEqual([3]);
    expect(matching('err=CANCEL', frames)).toEqual([4, 5]);
    expect(matching('win<=0', frames)).toEqual([0, 5]);
    expect(matching('or( stream=7 not( dir=out ) )', frames)).toEqual([1, 2, 3]);
  });

  test('knows what the streams of the frames are like', () => {
    const world = new World(() => 0);
    const client = world.open({ leg: 0, negotiation: 'alpn', peer: 'client' });
    client.request(5, [
      [':method', 'POST'],
      [':path', '/api/orders'],
      ['user-agent', 'curl/8'],
      ['cookie', 'secret'],
    ]);
    client.respond(5, [[':status', '503']]);
    client.block(5, 2, 100);
    const store = new StateStore();
    store.apply(world.changes(true), 0, true);
    const sections = new Sections();
    sections.add(world.sections);
    const found = (filter: string) => matching(filter, frames, { store, shown: store, sections, now: 10_000_000 });
    for (const filter of [
      'status>=400',
      'method=post',
      'path^=/api',
      'stalled:stream',
      'stalled:any',
      'header[User-Agent]*=curl',
      'status!=200 not( or( stream=1,7,9 stream=0 ) )',
    ]) {
      expect([filter, found(filter)]).toEqual([filter, [1, 2]]);
    }
    expect(found('stalled:conn')).toEqual([]);
    // A redacted value must not be found out by asking.
    expect(found('header[cookie]=secret')).toEqual([]);
    expect(found('age>9s type=DATA')).toEqual([0, 1]);
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

  test('also inside a group, and of the groups themselves', () => {
    expect(complete('or( ty', 6).map(option => option.text)).toEqual(['or( type=']);
    expect(complete('or(dir=o)', 8).map(option => option.text)).toContain('or(dir=out )');
    expect(complete('no', 2).map(option => option.label)).toEqual(['not(']);
    expect(complete('stalled:c', 9).map(option => option.label)).toEqual(['stalled:conn']);
  });

  test('only the token at the caret changes', () => {
    const [first] = complete('dir=o stream=5', 5);
    expect(first).toMatchObject({ text: 'dir=out stream=5', caret: 8 });
  });
});
