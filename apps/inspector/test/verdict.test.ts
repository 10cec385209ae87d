import { IDLE_PATIENCE_US, isStuck, PATIENCE_US } from '@glassway/inspector-protocol';
import { describe, expect, test } from 'vitest';
import type { SentencePart } from '../src/feed/model.ts';
import { healthOf } from '../src/worker/health.ts';
import { StateStore } from '../src/worker/state-store.ts';
import { pathOf, phasesOf } from '../src/worker/stream-rows.ts';
import { type FakeConnection, World } from './fake/world.ts';

function said(parts: readonly SentencePart[] | undefined): string {
  return (parts ?? []).map(part => part.text).join('');
}

/* A client stream paired with a backend stream, both underway: request complete, response begun. */
function rig() {
  const world = new World(() => 0);
  const client = world.open({ leg: 0, negotiation: 'alpn', peer: 'client' });
  const backend = world.open({ leg: 1, negotiation: 'prior-knowledge', peer: 'backend' });
  for (const connection of [client, backend]) {
    connection.request(1, [
      [':method', 'GET'],
      [':path', '/'],
    ]);
  }
  client.pair(1, backend, 1);
  const store = new StateStore();
  const at = (connection: FakeConnection, stream: number, later: number) => {
    store.apply(world.changes(true), world.now, false);
    const entry = store.connections.get(connection.id)!;
    return store.verdictOn(entry, entry.streams.get(stream)!, world.now + later);
  };
  const entry = (connection: FakeConnection, stream = 1) => {
    store.apply(world.changes(true), world.now, false);
    const held = store.connections.get(connection.id)!;
    return { connection: held, stream: held.streams.get(stream)! };
  };
  return { world, client, backend, store, at, entry };
}

describe('the verdict on a stream', () => {
  test('9113 6.9.1: bytes pending and a connection window of 0 names the streams that hold it', () => {
    const { client, at } = rig();
    client.respond(1, [[':status', '200']]);
    for (let sent = 0; sent < 65_535; sent += 21_845) client.data(1, 1, 21_845);
    client.block(1, 1, 48_000);
    expect(at(client, 1, 0)).toBeNull();
    const verdict = at(client, 1, PATIENCE_US + 1000);
    expect(verdict).toMatchObject({ code: 'SESSION_SEND_WINDOW', tone: 'bad', rfc: '9113 6.9.1' });
    expect(said(verdict?.sentence)).toMatch(
      /^Stream 1 has 48 KB to send, but connection 1’s window is 0 since 251 ms\. Stream 1 holds 65\.5 KB that the client has not returned\.$/,
    );
  });

  test('a window of 0 with nothing to send is no stall', () => {
    const { client, at } = rig();
    client.respond(1, [[':status', '200']]);
    for (let sent = 0; sent < 65_535; sent += 21_845) client.data(1, 1, 21_845, sent > 40_000);
    expect(at(client, 1, 10_000_000)).toBeNull();
  });

  test('the stream’s own window and a full socket are told apart', () => {
    const { client, at } = rig();
    client.block(1, 2, 1000);
    expect(at(client, 1, PATIENCE_US)).toMatchObject({ code: 'STREAM_SEND_WINDOW' });
    client.grant(0, 1, 1000);
    client.block(1, 3, 1000);
    expect(at(client, 1, PATIENCE_US)).toMatchObject({ code: 'TRANSPORT' });
  });

  test('nothing pending: the cause is looked for on the other leg', () => {
    const { client, at } = rig();
    expect(at(client, 1, PATIENCE_US - 1)).toBeNull();
    expect(at(client, 1, IDLE_PATIENCE_US / 2)).toMatchObject({ code: 'BACKEND_IDLE', tone: 'quiet' });
    const verdict = at(client, 1, IDLE_PATIENCE_US * 3);
    expect(verdict).toMatchObject({ code: 'BACKEND_IDLE', upstream: true, tone: 'warn' });
    expect(said(verdict?.sentence)).toBe(
      'Stream 1 waits for the backend. On connection 2: Stream 1: the backend has not answered since 3.0 s.',
    );
    expect(verdict?.sentence.find(part => part.connection === 2)).toBeDefined();
  });

  test('a backend that is silent because its client does not read is not called idle', () => {
    const { client, backend, at } = rig();
    backend.respond(1, [[':status', '200']]);
    client.respond(1, [[':status', '200']]);
    client.block(1, 1, 1000);
    expect(at(backend, 1, IDLE_PATIENCE_US * 2)).toMatchObject({
      code: 'LOCAL_BACKPRESSURE',
      short: 'client cannot take more',
    });
    backend.withhold(1, 9000);
    expect(at(backend, 1, IDLE_PATIENCE_US * 2)).toMatchObject({ code: 'LOCAL_BACKPRESSURE', bytes: 9000 });
  });

  test('a reset says by whom and with what code, and is not a stall', () => {
    const { client, at } = rig();
    client.reset(0, 1, 8);
    const verdict = at(client, 1, 0);
    expect(said(verdict?.sentence)).toBe('Stream 1 was reset by the client with CANCEL');
    expect(isStuck(verdict)).toBe(false);
  });

  test('a reset of the gateway says why, with the code to look up', () => {
    const { client, at } = rig();
    const { facts } = client.streams.get(1)!;
    facts.reason = { code: 'backend_closed', text: 'the backend closed the connection', rfc: '' };
    client.reset(1, 1, 2);
    expect(said(at(client, 1, 0)?.sentence)).toBe(
      'Stream 1 was reset by the gateway with INTERNAL_ERROR: the backend closed the connection (backend_closed)',
    );
  });

  test('a stream that ended in good order needs no words', () => {
    const { client, at } = rig();
    client.respond(1, [[':status', '204']], true);
    expect(at(client, 1, 10_000_000)).toBeNull();
  });
});

describe('the state of a connection', () => {
  test('stalled, draining, healthy, closed', () => {
    const { world, client, entry } = rig();
    expect(healthOf(entry(client).connection, world.now).health).toBe('healthy');
    client.block(1, 1, 1000);
    expect(healthOf(entry(client).connection, world.now + PATIENCE_US).health).toBe('stalled');
    client.block(1, 0, 0);
    client.goAway(1, 0, '');
    expect(healthOf(entry(client).connection, world.now).health).toBe('draining');
    client.close();
    expect(healthOf(entry(client).connection, world.now).health).toBe('closed');
  });
});

describe('a stream over time', () => {
  test('9113 5.1: the path follows the ends, whichever comes first', () => {
    const { client, backend, entry } = rig();
    expect(pathOf(entry(client).stream).map(step => step.state)).toEqual([0, 3, 5]);
    expect(pathOf(entry(backend).stream).map(step => step.state)).toEqual([0, 3, 4]);
    client.respond(1, [[':status', '200']], true);
    expect(pathOf(entry(client).stream).map(step => step.state)).toEqual([0, 3, 5, 6]);
    client.request(3, [[':method', 'POST']], false);
    client.reset(0, 3, 8);
    expect(pathOf(entry(client, 3).stream).map(step => step.state)).toEqual([0, 3, 6]);
  });

  test('phases follow one another without gaps or overlaps, cut by what blocked them', () => {
    const { world, client, entry } = rig();
    client.respond(1, [[':status', '200']]);
    const held = entry(client);
    const begin = held.stream.state.openedAt;
    const end = world.now + 5_000_000;
    held.stream.spans.push({ cause: 1, from: end - 2_000_000, to: end - 1_000_000, pendingBytes: 0 });
    const phases = phasesOf(held.connection, held.stream, end);
    expect(phases[0]?.from).toBe(begin);
    expect(phases.at(-1)?.to).toBe(end);
    for (const [at, phase] of phases.slice(1).entries()) expect(phase.from).toBe(phases[at]?.to);
    expect(phases.map(phase => phase.kind)).toContain('blocked');
    expect(phases.at(-1)?.kind).toBe('idle');
  });
});
