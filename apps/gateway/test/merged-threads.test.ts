/** The inspector of all workers with its threads and sockets, and workers in this process: so much that somebody must be slow. */
import { existsSync, readdirSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { newToken } from '../src/admin/guard.ts';
import type { HubSocket } from '../src/admin/hub-socket.ts';
import { type Recording, startWorkerHub } from '../src/admin/inspector.ts';
import { type MergedInspector, startMergedInspector } from '../src/admin/merged-inspector.ts';
import { ConnectionNumbers } from '../src/trace/numbering.ts';
import { PATIENCE } from './support/patience.ts';
import { liveViewer } from './support/workers.ts';
import { FACTS, PAYLOAD, type RigViewer } from './trace-rig.ts';

const running: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of running.splice(0).reverse()) await close();
});

interface Started {
  readonly inspector: MergedInspector;
  readonly workers: readonly (Recording & { readonly socket: HubSocket })[];
  readonly problems: string[];
}

async function start(limits: { readonly creditBytes?: number; readonly maxLagRecords?: number }): Promise<Started> {
  const problems: string[] = [];
  const inspector = await startMergedInspector({
    port: 0,
    staticRoot: null,
    ...limits,
    onProblem: problem => problems.push(problem),
  });
  running.push(() => inspector.close());
  const workers = await Promise.all(
    [1, 2].map(async worker => {
      const socket = { path: `${inspector.directory}/hub-${worker}`, token: newToken() };
      const numbering = { worker, workers: 2, after: 0, incarnation: 0 };
      const { epochNs } = inspector;
      const sizes = { ringBytes: 8 << 20, entryBytes: 4 << 20 };
      const numbers = new ConnectionNumbers(numbering);
      const recording = await startWorkerHub({
        ...sizes,
        socket,
        numbering,
        numbers,
        hashKey: new Uint8Array(16),
        epochNs,
      });
      inspector.join(worker, socket);
      running.push(() => recording.close());
      return { ...recording, socket };
    }),
  );
  return { inspector, workers, problems };
}

/** So many frames on a connection, a thousand per turn of the event loop. */
async function frames({ trace }: Recording, connection: number, count: number): Promise<void> {
  const tap = trace.tap(connection)!;
  for (let i = 0; i < count; i++) {
    tap.onFrame(1, i % 5 === 0 ? 8 : 0, 0, 1, 100, 1, 1, 0, PAYLOAD, 0);
    if (i % 1000 === 999) await new Promise(resolve => setImmediate(resolve));
  }
}

async function balanced(viewer: RigViewer): Promise<void> {
  await vi.waitFor(() => {
    viewer.acknowledge();
    expect(Object.fromEntries(viewer.counted())).toEqual(Object.fromEntries(viewer.produced()));
  }, PATIENCE);
}

describe('the inspector of all workers', () => {
  it('with a viewer that stops reading: the workers wait for nobody, and every frame came or was dropped', async () => {
    const { inspector, workers, problems } = await start({ creditBytes: 100_000, maxLagRecords: 5000 });
    const ids = workers.map(({ trace }) => trace.connectionOpened(FACTS));
    const { viewer, socket } = await liveViewer(inspector.url);
    await Promise.all(workers.map((worker, i) => frames(worker, ids[i]!, 20_000)));
    socket.pause();
    await Promise.all(workers.map((worker, i) => frames(worker, ids[i]!, 400_000)));
    socket.resume();
    await balanced(viewer);
    const dropped = viewer.drops.reduce((sum, drop) => sum + (drop.log === 'frames' ? drop.count : 0), 0);
    expect(dropped).toBeGreaterThan(100_000);
    expect(viewer.frames + dropped).toBe(2 * 420_000);
    for (const id of ids) expect([...viewer.columns.connection.subarray(0, viewer.frames)]).toContain(id);
    expect(problems).toEqual([]);
  }, 120_000);

  it('a worker that ends well says how its connections ended', async () => {
    const { inspector, workers } = await start({});
    const id = workers[0]!.trace.connectionOpened(FACTS);
    const { viewer } = await liveViewer(inspector.url);
    await frames(workers[0]!, id, 100);
    workers[0]!.trace.connectionClosed(id, null);
    await workers[0]!.close();
    inspector.leave(workers[0]!.socket);
    // Until its end is told: before that, counts agree also while nothing has come.
    await vi.waitFor(() => expect(viewer.rows().connections.get(id)!.closedAt).toBeGreaterThan(0), PATIENCE);
    expect(viewer.rows().connections.get(id)).toMatchObject({ worker: 1, closeReason: null });
    await balanced(viewer);
    expect(viewer.frames).toBe(100);
  });

  it('leaves nothing behind', async () => {
    const { inspector } = await start({});
    expect(readdirSync(inspector.directory)).toHaveLength(2);
    for (const close of running.splice(0).reverse()) await close();
    expect(existsSync(inspector.directory)).toBe(false);
  });
});
