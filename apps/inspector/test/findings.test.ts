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
