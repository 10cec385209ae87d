import { PATIENCE_US } from '@glassway/inspector-protocol';
import { expect, test } from 'vitest';
import { CHURN_LITERALS, Churn } from '../src/worker/churn.ts';
import { findingsOf } from '../src/worker/findings.ts';
import { StateStore } from '../src/worker/state-store.ts';
import { type FakeConnection, World } from './fake/world.ts';

function rig() {
  const world = new World(() => 0);
  const connection = world.open({ leg: 0, negotiation: 'alpn', peer: '192.0.2.1:443' });
  const store = new StateStore();
  const churn = new Churn();
  const found = (later = 0) => {
    store.apply(world.changes(true), 0, false);
    store.happened(world.events.splice(0));
    return findingsOf(store, churn, later);
  };
  return { world, connection, churn, found };
}

function ask(connection: FakeConnection, stream: number, id: string): void {
  connection.request(stream, [
    [':method', 'GET', 0, 2],
    [':path', `/${stream}`, 1],
    ['x-request-id', id, 1],
    ['accept', '*/*', 0, 64],
  ]);
}

test('a connection that does well has no findings', () => {
  const { connection, found } = rig();
  ask(connection, 1, 'a');
  expect(found(10_000)).toEqual([]);
});

test('a stall comes first and goes when it ends', () => {
  const { connection, found } = rig();
  ask(connection, 1, 'a');
  connection.violation('data.window', '9113 6.9.1', 1, 'too much');
  connection.block(1, 1, 100);
  expect(found(PATIENCE_US).map(finding => finding.kind)).toEqual(['stall', 'violation']);
  connection.block(1, 0, 0);
  expect(found(PATIENCE_US).map(finding => finding.kind)).toEqual(['violation']);
});

test('violations of one rule are one finding that counts them', () => {
  const { connection, found } = rig();
  for (let times = 0; times < 3; times++) connection.violation('data.window', '9113 6.9.1', 5, 'too much');
  expect(found()).toMatchObject([{ kind: 'violation', text: 'data.window, connection 1, 3 times', stream: 5 }]);
});

test('a limit that is nearly reached is a finding until it trips, is long ago or its connection closes', () => {
  const { connection, found } = rig();
  connection.limitNear('flood.oddities', 'too many useless frames', 600, 1000);
  connection.limitNear('flood.oddities', 'too many useless frames', 750, 1000);
  const limit = {
    kind: 'limit',
    title: 'A limit is about to trip: too many useless frames',
    text: 'flood.oddities, connection 1: the client has used 750 of 1,000',
  };
  expect(found()).toMatchObject([limit]);
  expect(found(59_000_000)).toMatchObject([limit]);
  expect(found(61_000_000)).toEqual([]);
  connection.violation('flood.oddities', '9113 10.5', 0, 'too many useless frames');
  expect(found().map(finding => finding.kind)).toEqual(['violation']);
});

test('PINGs are a storm when they are many, often, and more than everything else', () => {
  const { connection, found } = rig();
  const PING = 6;
  for (let i = 0; i < 60; i++) connection.frame(0, PING, 0, 8);
  expect(found(30_000_000)).toMatchObject([
    { kind: 'pings', title: '60 PINGs from the client, more than all its other frames', connection: 1 },
  ]);
  // A keepalive's answers over a minute and more.
  expect(found(61_000_000)).toEqual([]);
  for (let i = 0; i < 61; i++) connection.frame(0, 8, 0, 4);
  expect(found(30_000_000)).toEqual([]);
});

test('GOAWAY is a finding only with an error, and tells the blast radius', () => {
  const { connection, found } = rig();
  for (const stream of [1, 3, 5]) ask(connection, stream, 'a');
  connection.goAway(1, 0, '');
  expect(found()).toEqual([]);
  connection.facts.goAwayReceived = { lastStreamId: 1, code: 11, debug: '', at: 0 };
  expect(found()).toMatchObject([
    { title: 'GOAWAY received: ENHANCE_YOUR_CALM', text: 'connection 1, 2 streams lost' },
  ]);
});

test('many resets are a storm only when they are most of the streams', () => {
  const { connection, found } = rig();
  for (let stream = 1; stream < 60; stream += 2) {
    ask(connection, stream, 'a');
    if (stream % 4 === 1 || stream > 20) connection.reset(0, stream, 8);
  }
  expect(found()).toMatchObject([{ kind: 'resets', title: '25 of 30 streams reset by the client' }]);
  connection.state.totalStreams = 1000;
  expect(found()).toEqual([]);
});

test('7541 2.3.2: a field that is always added and never referred to churns; paths and references do not', () => {
  const { world, connection, churn, found } = rig();
  for (let stream = 1; stream < 2 * CHURN_LITERALS; stream += 2) ask(connection, stream, `id-${stream}`);
  for (const section of world.sections.slice(0, -1)) churn.add(section);
  expect(found()).toEqual([]);
  churn.add(world.sections.at(-1)!);
  expect(found()).toMatchObject([{ kind: 'churn', tone: 'warn', title: 'x-request-id never hits the table' }]);
});
