// A transport that is full: what has deadlines keeps them, and what cannot be sent does not pile up.
import { expect, test } from 'vitest';
import type { Handler, Stream } from '../src/index.ts';
import { SimulatedClock } from '../src/testing/index.ts';
import { GET, goAway, headers, ping, rst, settings, windowUpdate } from './support/frames.ts';
import { turn } from './support/session.ts';
import { pumped } from './support/wire.ts';

const OPENED = new Uint8Array(8);

/** Lets simulated time pass in steps, with turns between, as an event loop does. */
async function pass(clock: SimulatedClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 1000) {
    await clock.advance(Math.min(1000, left));
    await turn();
  }
}

/** A server whose response has filled its transport. */
async function filled(clock: SimulatedClock, handler: Handler = {}): Promise<ReturnType<typeof pumped>> {
  let stream: Stream | null = null;
  const ends = pumped({ ...handler, onRequest: opened => (stream = opened) }, {}, clock);
  const { wire, connection } = ends;
  wire.deliver(windowUpdate(0, 2 ** 30), settings(4, 2 ** 30), headers(1, GET));
  await turn();
  wire.room = false;
  connection.respond(stream as unknown as Stream, 200, [], false);
  connection.write(stream as unknown as Stream, new Uint8Array(1_000_000), true);
  await turn();
  return ends;
}

test('a silent peer that stops reading is given up by the write stall timeout, although nothing can be written', async () => {
  // LIM-19, LIM-37
  const clock = new SimulatedClock();
  const ends: string[] = [];
  const { wire } = await filled(clock, { onClosed: error => ends.push(error?.rule ?? 'clean') });
  await pass(clock, 29_000);
  expect(ends).toEqual([]);
  await pass(clock, 20_000);
  expect(ends).toEqual(['write.stalled']);
  expect(wire.called()).toContain('destroy');
});

test('a connection whose last stream ended while the transport was full becomes idle and ends', async () => {
  // GOA-20
  const clock = new SimulatedClock();
  const { wire, connection } = await filled(clock);
  wire.deliver(rst(1, 8));
  await pass(clock, 179_000);
  expect(connection.isClosed).toBe(false);
  await pass(clock, 2000);
  expect(connection.isClosed).toBe(true);
});

test('an orderly end leaves what was written ten seconds to drain, an error one', async () => {
  for (const [code, ms] of [
    [0, 10_000],
    [2, 1000],
  ] as const) {
    const clock = new SimulatedClock();
    const { wire, connection } = pumped({}, {}, clock);
    await turn();
    wire.room = false;
    connection.ping(OPENED);
    await turn();
    if (code === 0) wire.deliver(goAway(0, 0));
    else connection.destroy(code);
    await turn();
    wire.called();
    await pass(clock, ms - 1);
    expect(wire.called()).not.toContain('destroy');
    await pass(clock, 2);
    expect(wire.called()).toContain('destroy');
  }
});

test('what a peer goes on sending does not postpone the end of a connection that is over', async () => {
  const clock = new SimulatedClock();
  const { wire, connection } = pumped({}, {}, clock);
  await turn();
  wire.room = false;
  connection.ping(OPENED);
  await turn();
  connection.destroy(2);
  await turn();
  for (let i = 0; i < 6; i++) {
    await pass(clock, 300);
    wire.deliver(ping([1, 2, 3, 4, 5, 6, 7, 8]));
    await turn();
  }
  expect(wire.called()).toContain('destroy');
});

test('a client that asks on and does not read is not read either: responses without a body do not pile up', async () => {
  // LIM-21, LIM-34, CVE-2019-9517
  const { wire, connection } = pumped({
    onRequest: stream => connection.respond(stream, 404, ['x-padding', String(stream.id).repeat(250)], true),
  });
  await turn();
  wire.room = false;
  connection.ping(OPENED);
  await turn();
  wire.called();
  let id = 1;
  let paused = false;
  for (; id < 200_000 && !paused; id += 2) {
    wire.deliver(headers(id, GET));
    paused = wire.called().includes('pause');
  }
  expect(paused).toBe(true);
  wire.octets();
  wire.room = true;
  wire.sink?.drained();
  await turn();
  expect(wire.called()).toEqual(['write', 'resume']);
  expect(wire.octets()).toBeLessThan(1_200_000);
});
