/** One inspector over all workers, with real processes: what they tell, who is slow, who dies, and how all of it ends. */
import { readdirSync, statSync } from 'node:fs';
import { connect } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SUBPROTOCOL } from '@glassway/inspector-protocol';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { startApp } from './support/gateway.ts';
import { Load, liveViewer, WorkersGateway, type WorkersState } from './support/workers.ts';
import type { RigViewer } from './trace-rig.ts';

/** The machine may be busy. */
const SOON = { timeout: 60_000, interval: 50 };
vi.setConfig({ testTimeout: 240_000 });

let app: Awaited<ReturnType<typeof startApp>>;

beforeAll(async () => {
  app = await startApp((request, response) => {
    if (request.url === '/stuck') request.resume();
    else response.end('ok '.repeat(2000));
  });
});
afterAll(() => app.close());

const start = (...more: string[]): Promise<WorkersGateway> =>
  WorkersGateway.start('--to', app.url, '--inspector', '127.0.0.1:0', ...more);

/** Until nothing comes any more and every frame that was recorded came or was dropped. */
async function balanced(viewer: RigViewer): Promise<void> {
  await vi.waitFor(
    () => {
      viewer.acknowledge();
      expect(Object.fromEntries(viewer.counted())).toEqual(Object.fromEntries(viewer.produced()));
    },
    { ...SOON, interval: 100 },
  );
}

/** Connections by worker and leg, those that have frames. */
function seen(viewer: RigViewer): Set<string> {
  const { connections } = viewer.rows();
  const ids = new Set(viewer.columns.connection.subarray(0, viewer.frames));
  return new Set([...ids].map(id => `${connections.get(id)?.worker}/${connections.get(id)?.leg}`));
}

describe('the inspector of --workers 2', () => {
  it('shows the connections of both workers with their frames, both legs linked, and says why they stand still', async () => {
    await using gateway = await start('--log-stalls');
    const { viewer } = await liveViewer(gateway.inspector);
    const load = new Load(gateway.url, 4);
    await vi.waitFor(() => {
      viewer.acknowledge();
      expect(new Set([...viewer.rows().connections.values()].map(({ worker }) => worker))).toEqual(new Set([1, 2]));
      expect(seen(viewer)).toEqual(new Set(['1/0', '2/0']));
      expect(load.done).toBeGreaterThan(60);
    }, SOON);
    await load.stop();
    await balanced(viewer);
    const { connections, streams } = viewer.rows();
    const legs = new Set([...connections.values()].map(({ worker, leg }) => `${worker}/${leg}`));
    expect(legs).toEqual(new Set(['1/0', '1/1', '2/0', '2/1']));
    const pairs = [...streams.values()].filter(
      ({ pair, connection }) => pair !== null && connections.get(connection)?.leg === 0,
    );
    expect(pairs.length).toBeGreaterThan(30);
    for (const { connection, pair } of pairs) {
      expect(connections.get(pair!.connection)).toMatchObject({ leg: 1, worker: connections.get(connection)!.worker });
    }
    // The same hidden value is told to be the same by both.
    const hashes = new Map<number, Set<string | null>>();
    for (const { connection, fields } of viewer.sections) {
      const worker = connections.get(connection)?.worker ?? 0;
      const hash = fields.find(({ name }) => name === 'authorization')?.redacted;
      if (hash !== undefined) hashes.set(worker, (hashes.get(worker) ?? new Set()).add(hash));
    }
    expect([...hashes.keys()].sort()).toEqual([1, 2]);
    expect(hashes.get(1)!.size).toBe(1);
    expect(hashes.get(1)).toEqual(hashes.get(2));
    const times = [...viewer.columns.t.subarray(0, viewer.frames)];
    const late = times.filter((t, row) => row > 0 && t < times[row - 1]!).length;
    // What a busy machine tells later than the merge waits is behind its place; it is little.
    expect(late / times.length).toBeLessThan(0.1);

    const open = Array.from({ length: 4 }, () => connect(gateway.url));
    for (const session of open) session.request({ ':path': '/stuck' }).on('error', () => {});
    for (const worker of [1, 2]) {
      const line = new RegExp(`glassway\\[${worker}\\]: .*BACKEND_IDLE on stream`);
      await vi.waitFor(() => expect(gateway.output).toMatch(line), SOON);
    }
    // Both legs of four requests.
    await vi.waitFor(() => expect(gateway.output.match(/BACKEND_IDLE on stream/g)).toHaveLength(8), SOON);
    const stalls = await gateway.command('stalls', gateway.inspector);
    expect(stalls.match(/^BACKEND_IDLE /gm)).toHaveLength(8);
    for (const session of open) session.destroy();
  });

  it('a viewer that acknowledges nothing for a while is told of every frame, or that it is dropped', async () => {
    await using gateway = await start();
    const { viewer } = await liveViewer(gateway.inspector);
    const load = new Load(gateway.url, 8);
    await vi.waitFor(() => expect(load.done).toBeGreaterThan(300), SOON);
    await load.stop();
    await balanced(viewer);
    expect(load.failed).toBe(0);
  });

  it('the connections of a worker that is killed under load close with a reason; its successor joins', async () => {
    await using gateway = await start();
    const { viewer } = await liveViewer(gateway.inspector);
    const acknowledging = setInterval(() => viewer.acknowledge(), 10);
    const load = new Load(gateway.url, 6);
    await vi.waitFor(() => expect(seen(viewer)).toEqual(new Set(['1/0', '2/0'])), SOON);
    const before: WorkersState = await gateway.api('state');
    // Both of its legs: how many clients a worker has is the kernel's choice.
    const openOnes = () =>
      [...viewer.rows().connections.values()].filter(({ worker, closedAt }) => worker === 1 && closedAt < 0);
    await vi.waitFor(() => expect(new Set(openOnes().map(({ leg }) => leg))).toEqual(new Set([0, 1])), SOON);
    const open = openOnes();
    process.kill(before.workers[0]!.pid, 'SIGKILL');
    await vi.waitFor(() => {
      const { connections, connectionStates } = viewer.rows();
      for (const { id } of open) {
        expect(connections.get(id)).toMatchObject({ closeReason: { code: 'worker_ended' } });
        expect(connectionStates.get(id)!.openStreams).toBe(0);
      }
    }, SOON);
    await gateway.ready();
    const highest = Math.max(...open.map(({ id }) => id));
    const next = new Load(gateway.url, 6);
    await vi.waitFor(() => {
      const young = [...viewer.rows().connections.values()].filter(({ id, worker }) => worker === 1 && id > highest);
      expect(young.some(({ closedAt, leg }) => closedAt < 0 && leg === 0)).toBe(true);
    }, SOON);
    await Promise.all([load.stop(), next.stop()]);
    await balanced(viewer);
    clearInterval(acknowledging);
    expect(load.failed).toBeLessThanOrEqual(6);
    expect(next.failed).toBe(0);
  });

  it('when the gateway stops, what was under way is seen to its end', async () => {
    await using gateway = await start();
    const { viewer, socket } = await liveViewer(gateway.inspector);
    const load = new Load(gateway.url, 4);
    await vi.waitFor(() => expect(seen(viewer)).toEqual(new Set(['1/0', '2/0'])), SOON);
    await load.stop();
    const closed = new Promise(resolve => socket.once('close', resolve));
    expect(await gateway.stop()).toBe(0);
    await closed;
    const reasons = viewer.events.flatMap(event => (event.kind === 'connection-closed' ? [event.reason?.code] : []));
    expect(reasons.length).toBeGreaterThan(3);
    expect(reasons).not.toContain('worker_ended');
  });

  it('is reached by nobody else: the sockets of the workers are this user’s, and want a token', async () => {
    await using gateway = await start();
    const name = readdirSync(tmpdir()).find(each => each.startsWith(`glassway-${gateway.process.pid}-`))!;
    const directory = join(tmpdir(), name);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    const sockets = readdirSync(directory);
    expect(sockets).toHaveLength(2);
    for (const each of sockets) expect(statSync(join(directory, each)).mode & 0o777).toBe(0o600);
    const socket = new WebSocket(`ws+unix:${join(directory, sockets[0]!)}:/ws`, [SUBPROTOCOL], {
      origin: 'http://localhost',
    });
    const code = new Promise(resolve => socket.once('close', resolve));
    socket.once('open', () => socket.send(JSON.stringify({ type: 'auth', token: 'x'.repeat(22) })));
    expect(await code).toBe(4401);
    expect(await gateway.stop()).toBe(0);
    expect(readdirSync(tmpdir()).filter(each => each.startsWith(`glassway-${gateway.process.pid}-`))).toEqual([]);
  });

  it('a port that is taken is one error', async () => {
    const first = await start();
    const { port } = new URL(first.inspector);
    await expect(WorkersGateway.start('--to', app.url, '--inspector', `127.0.0.1:${port}`)).rejects.toThrow();
    await first[Symbol.asyncDispose]();
  });
});
