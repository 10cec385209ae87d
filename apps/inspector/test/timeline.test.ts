import { readFramesHeader } from '@glassway/inspector-protocol';
import { describe, expect, test } from 'vitest';
import { scaleOf, ticksOf } from '../src/views/timeline/draw.ts';
import { FrameLog } from '../src/worker/frame-log.ts';
import { Sections } from '../src/worker/sections.ts';
import { StateStore } from '../src/worker/state-store.ts';
import { MAX_LANES, timelinePart } from '../src/worker/timeline.ts';
import { World } from './fake/world.ts';
import { dataFrames, framesMessage } from './kit.ts';

function part(world: World, from: number, to: number, log = new FrameLog(64)) {
  const store = new StateStore();
  const sections = new Sections();
  store.apply(world.changes(true), world.now, true);
  sections.add(world.sections);
  return timelinePart(store, sections, log, log.end, store.connections.get(1)!, from, to);
}

function rig() {
  let ms = 0;
  const world = new World(() => ms);
  const client = world.open({ leg: 0, negotiation: 'alpn', peer: 'client' });
  const backend = world.open({ leg: 1, negotiation: 'prior-knowledge', peer: 'backend' });
  const at = (next: number) => {
    ms = next;
  };
  return { world, client, backend, at };
}

describe('the Timeline', () => {
  test('has the streams that lived in the span, with both legs and what the request said of its priority', () => {
    const { world, client, backend, at } = rig();
    client.request(1, [
      [':method', 'GET'],
      [':path', '/old'],
    ]);
    client.respond(1, [[':status', '204']], true);
    at(2000);
    client.request(3, [
      [':method', 'GET'],
      [':path', '/new'],
      ['priority', 'u=1, i'],
    ]);
    at(2001);
    backend.request(1, [[':method', 'GET']]);
    client.pair(3, backend, 1);
    at(3000);
    const { lanes } = part(world, 1_000_000, 3_000_000);
    expect(lanes.map(lane => lane.stream)).toEqual([3]);
    expect(lanes[0]).toMatchObject({
      label: 'GET /new',
      urgency: { urgency: 1, incremental: true },
      openedAt: 2_000_000,
      pair: { connection: 2, stream: 1, openedAt: 2_001_000 },
    });
    expect(lanes[0]?.phases.at(-1)?.to).toBe(3_000_000);
  });

  test('marks every DATA frame sent on a lane, and none of other streams, directions or times', () => {
    const { world, client } = rig();
    client.request(1, [[':method', 'GET']]);
    const log = new FrameLog(64);
    const message = framesMessage(0, [
      ...dataFrames(2, { stream: 1, t: 500 }),
      { stream: 1, dir: 0, t: 600 },
      { stream: 9, t: 700 },
      { stream: 1, t: 5000 },
      { stream: 1, t: 20_000 },
    ]);
    log.append(message, readFramesHeader(message), 0);
    const { pickTimes, pickLanes } = part(world, 400, 10_000, log);
    expect([...pickTimes]).toEqual([500, 500, 5000]);
    expect([...pickLanes]).toEqual([0, 0, 0]);
  });

  test('a lane stands out while its stream stands still, not when it ended badly', () => {
    const { world, client, at } = rig();
    client.request(1, [[':method', 'GET']]);
    client.request(3, [[':method', 'GET']]);
    client.block(1, 2, 100);
    client.reset(1, 3, 2);
    at(1000);
    const { lanes } = part(world, 0, 1_000_000);
    expect(lanes.map(({ stream, stuck }) => [stream, stuck])).toEqual([
      [1, true],
      [3, false],
    ]);
  });

  test('shows the newest lanes and counts the others', () => {
    const { world, client } = rig();
    for (let stream = 1; stream <= 2 * MAX_LANES + 10; stream += 2) client.request(stream, [[':method', 'GET']]);
    const { lanes, omitted } = part(world, 0, 1000);
    expect(lanes).toHaveLength(MAX_LANES);
    expect(omitted).toBe(5);
    expect(lanes.at(-1)?.stream).toBe(2 * MAX_LANES + 9);
  });

  test('the ruler has round steps that are far enough apart', () => {
    const part = { from: 41_200_000, to: 43_000_000 };
    const ticks = ticksOf(part.from, part.to, 1000);
    expect(ticks).toEqual([
      41_200_000, 41_400_000, 41_600_000, 41_800_000, 42_000_000, 42_200_000, 42_400_000, 42_600_000, 42_800_000,
      43_000_000,
    ]);
    const x = scaleOf(part, 1000);
    expect(x(ticks[1]!) - x(ticks[0]!)).toBeGreaterThan(90);
    expect(ticksOf(5, 5, 1000)).toEqual([]);
  });
});
