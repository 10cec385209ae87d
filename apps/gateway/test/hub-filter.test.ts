/**
 * A subscription with a filter: only what passes is sent, and for every position of the log it is known what became of it:
 * `received + dropped + filtered == produced`.
 */
import { MAX_FILTER_LENGTH } from '@glassway/inspector-protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exchange, PAYLOAD, type Rig, type RigViewer, traceRig } from './trace-rig.ts';

/** Positions of what a viewer received. */
function received(viewer: RigViewer): number[] {
  return [...viewer.columns.seq.slice(0, viewer.frames)];
}

function dropped(viewer: RigViewer): number {
  return viewer.drops.filter(drop => drop.log === 'frames').reduce((sum, drop) => sum + drop.count, 0);
}

/** Every position from the beginning of the subscription to the end of the log is accounted for, once. */
function expectWhole(viewer: RigViewer, produced: number): void {
  expect(viewer.skipped).toBe(0);
  expect(viewer.frames + dropped(viewer) + viewer.filtered).toBe(produced);
}

function burst(tap: ReturnType<Rig['open']>['tap'], frames: number): void {
  for (let i = 0; i < frames; i++) {
    const type = i % 5 === 0 ? 8 : 0;
    const length = type === 8 ? 4 : (i * 37) % 1000;
    tap.onFrame((i % 3 === 0 ? 0 : 1) as 0 | 1, type, i % 2, 1, length, 1000 - (i % 1500), 1, 9, PAYLOAD, 0);
  }
}

describe('a filter of a subscription', () => {
  it.each([
    ['type=HEADERS', 2],
    ['type=DATA flag=END_STREAM', 1],
    ['len>999', 2],
    ['path=/item/3', 5],
    ['header[content-type]=text/plain type=HEADERS dir=in', 1],
    ['or( status=404 path=/item/5 ) dir=out', 4],
    ['not( type=DATA ) method=GET', 2],
    ['worker=2', 0],
    ['age<10s conn=1', 5],
  ])('%s', (filter, perExchange) => {
    const rig = traceRig();
    const viewer = rig.viewer();
    expect(viewer.subscribe({ filter })).toMatchObject({ filter, from: { frames: 0 } });
    const { tap } = rig.open();
    const streams = filter.includes('/item/') ? [1, 3, 5] : [1];
    for (const stream of streams) exchange(tap, stream);
    rig.tick();
    expect(viewer.frames).toBe(perExchange);
    expectWhole(viewer, 5 * streams.length);
  });

  it('chooses what the same filter would choose of everything, and says what it looked at', () => {
    const rig = traceRig();
    const [all, some] = [rig.viewer(), rig.viewer()];
    expect(all.subscribe().filter).toBe(undefined);
    some.subscribe({ filter: 'type=DATA len>500 dir=out' });
    const { tap } = rig.open();
    for (let round = 0; round < 10; round++) {
      burst(tap, 700);
      rig.tick();
      all.acknowledge();
      some.acknowledge();
    }
    const { type, length, direction, seq } = all.columns;
    const wanted = received(all).filter((_, i) => type[i] === 0 && length[i]! > 500 && direction[i] === 1);
    expect(wanted.length).toBeGreaterThan(0);
    expect(received(some)).toEqual(wanted);
    expect(seq[6999]).toBe(6999);
    expectWhole(some, 7000);
    expectWhole(all, 7000);
    expect(all.filtered).toBe(0);
  });

  it('also of what was before, and of what a slow viewer is sent late', () => {
    const rig = traceRig({ creditBytes: 40_000 });
    const { tap } = rig.open();
    rig.viewer().subscribe();
    burst(tap, 2000);
    rig.tick();
    const viewer = rig.viewer();
    viewer.subscribe({ filter: 'type=WINDOW_UPDATE', backlog: 1000 });
    burst(tap, 1000);
    rig.tick();
    for (let i = 0; i < 10; i++) {
      viewer.acknowledge();
      rig.tick();
    }
    expect(viewer.frames).toBe(400);
    expectWhole(viewer, 2000);
  });

  it('what a slow viewer skips counts as dropped, whether it would have passed or not', () => {
    const rig = traceRig({ creditBytes: 20_000, maxLagRecords: 1000 });
    const viewer = rig.viewer();
    viewer.subscribe({ filter: 'type=DATA' });
    const { tap } = rig.open();
    for (let i = 0; i < 10; i++) {
      burst(tap, 1000);
      rig.tick();
    }
    for (let i = 0; i < 10; i++) {
      viewer.acknowledge();
      rig.tick();
    }
    expect(dropped(viewer)).toBeGreaterThan(0);
    expect(viewer.drops[0]).toMatchObject({ cause: 'credit' });
    for (const { from, to, count } of viewer.drops) expect(count).toBe(to - from);
    expectWhole(viewer, 10_000);
  });

  it('one that is not understood is refused in the words of its parser, and nothing changes', () => {
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.subscribe();
    const { tap } = rig.open();
    viewer.send({
      type: 'subscribe',
      id: 7,
      frames: {},
      filter: 'type=DATA colour=blue',
      fields: {},
      events: true,
      payloads: null,
      backlog: 0,
    });
    const [reply] = viewer.all('reply');
    expect(reply).toMatchObject({ id: 7, what: 'error' });
    expect(reply?.what === 'error' && reply.message).toMatch(/^filter: colour=blue: “colour” is not a filter name/);
    burst(tap, 10);
    rig.tick();
    expect(viewer.frames).toBe(10);
    expect(viewer.closed).toBe(null);
  });

  it('one that is too long ends the connection', () => {
    const viewer = traceRig().viewer();
    viewer.send({ ...SUBSCRIBE, filter: 'x'.repeat(MAX_FILTER_LENGTH + 1) });
    expect(viewer.closed).toMatchObject({ code: 4400, reason: 'filter is longer than 1024 characters' });
  });

  it('every position is accounted for, whatever order things happen in', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: 1, max: 9000 }) },
      { weight: 4, arbitrary: fc.constant('tick' as const) },
      { weight: 2, arbitrary: fc.constant('ack' as const) },
    );
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 5, maxLength: 40 }),
        fc.integer({ min: 20_000, max: 300_000 }),
        fc.constantFrom('type=WINDOW_UPDATE', 'len>500', 'age<1s', 'stream=99', 'dir=in win<0'),
        (steps, creditBytes, filter) => {
          const rig = traceRig({ creditBytes });
          const viewer = rig.viewer();
          viewer.subscribe({ filter });
          const { tap } = rig.open();
          let produced = 0;
          for (const each of steps) {
            if (each === 'tick') rig.tick();
            else if (each === 'ack') viewer.acknowledge();
            else {
              burst(tap, each);
              produced += each;
            }
          }
          for (let i = 0; i < 30; i++) {
            rig.tick();
            viewer.acknowledge();
          }
          expectWhole(viewer, produced);
        },
      ),
      { numRuns: 25, verbose: 1 },
    );
  });
});

const SUBSCRIBE = {
  type: 'subscribe',
  id: 1,
  frames: {},
  fields: null,
  events: false,
  payloads: null,
  backlog: 0,
} as const;
