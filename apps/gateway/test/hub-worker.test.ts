/**
 * The whole inspector with its worker thread, over real sockets. The worker runs as built JavaScript, so these tests
 * need `npm run build` (turbo does it before `test`); without it they fail with that sentence.
 */

import { once } from 'node:events';
import { createServer } from 'node:net';
import {
  BinaryKind,
  encodeMessage,
  FRAMES_HEADER_BYTES,
  FrameColumns,
  parseLog,
  parseServerMessage,
  readBinaryHeader,
  readFramesHeader,
  type ServerMessage,
  SUBPROTOCOL,
} from '@glassway/inspector-protocol';
import { afterEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { type Inspector, startInspector } from '../src/admin/inspector.ts';
import { exchange, FACTS, PAYLOAD } from './trace-rig.ts';

const running: Inspector[] = [];
afterEach(async () => {
  for (const inspector of running.splice(0)) await inspector.close();
});

async function start(options: Partial<Parameters<typeof startInspector>[0]> = {}): Promise<Inspector> {
  const inspector = await startInspector({
    port: 0,
    staticRoot: null,
    ringBytes: 4 << 20,
    entryBytes: 4 << 20,
    ...options,
  });
  running.push(inspector);
  return inspector;
}

/** A viewer in this process; `reads` false: it stops reading its socket right after HELLO. */
class SocketViewer {
  readonly socket: WebSocket;
  readonly texts: ServerMessage[] = [];
  readonly columns = new FrameColumns(300_000);
  frames = 0;
  dropped = 0;
  produced = 0;
  acknowledges = true;
  readonly counts = new Map<number, number>();

  constructor(inspector: Inspector) {
    this.socket = new WebSocket(`ws://127.0.0.1:${inspector.port}/ws`, [SUBPROTOCOL], {
      origin: `http://127.0.0.1:${inspector.port}`,
    });
    this.socket.binaryType = 'arraybuffer';
    this.socket.on('open', () => this.socket.send(encodeMessage({ type: 'auth', token: inspector.token })));
    this.socket.on('message', (data, isBinary) => this.#take(data as ArrayBuffer, isBinary));
  }

  #take(data: ArrayBuffer, isBinary: boolean): void {
    if (isBinary) {
      if (readBinaryHeader(data).kind !== BinaryKind.FRAMES) {
        const message = parseLog(data);
        this.texts.push(message);
        if (this.acknowledges) this.socket.send(encodeMessage({ type: 'ack', [message.type]: message.to }));
        return;
      }
      const header = readFramesHeader(data);
      this.columns.append(this.frames, data, FRAMES_HEADER_BYTES, header.count, header.from);
      this.frames += header.count;
      if (this.acknowledges) this.socket.send(encodeMessage({ type: 'ack', frames: header.to }));
      return;
    }
    const message = parseServerMessage(Buffer.from(data).toString());
    this.texts.push(message);
    if (message.type !== 'dropped') return;
    if (message.log === 'frames') this.dropped += message.count;
    if (this.acknowledges) this.socket.send(encodeMessage({ type: 'ack', [message.log]: message.to }));
  }

  async subscribed(): Promise<this> {
    await expect.poll(() => this.texts.some(text => text.type === 'hello')).toBe(true);
    this.socket.send(
      encodeMessage({
        type: 'subscribe',
        id: 1,
        frames: {},
        fields: {},
        events: true,
        payloads: null,
        backlog: 1_000_000,
      }),
    );
    await expect.poll(() => this.texts.some(text => text.type === 'snapshot')).toBe(true);
    return this;
  }

  /** Frame counters by connection as last told by the state, summed. */
  recorded(): number {
    const last = new Map<number, number>();
    for (const message of this.texts) {
      if (message.type !== 'state' && message.type !== 'snapshot') continue;
      for (const row of message.rows.connectionStates) {
        last.set(
          row.id,
          row.frames.reduce((sum, count) => sum + count, 0),
        );
      }
    }
    return [...last.values()].reduce((sum, count) => sum + count, 0);
  }
}

/** Waits for other things to run: what the gateway does between two sockets' data. */
const breathe = () => new Promise<void>(resolve => setImmediate(resolve));

describe('the inspector', () => {
  it('shows over a WebSocket what the trace was told', async () => {
    const inspector = await start();
    expect(inspector.url).toBe(`http://127.0.0.1:${inspector.port}/#token=${inspector.token}`);
    expect(inspector.address).not.toContain(inspector.token);
    const id = inspector.trace.connectionOpened(FACTS);
    const tap = inspector.trace.tap(id)!;
    exchange(tap, 1);
    await breathe();
    const viewer = await new SocketViewer(inspector).subscribed();
    exchange(tap, 3);
    await expect.poll(() => viewer.frames).toBe(10);
    await expect.poll(() => viewer.recorded()).toBe(10);
    const paths = () =>
      viewer.texts.flatMap(text =>
        text.type === 'snapshot' || text.type === 'state' ? text.rows.streams.map(row => row.path) : [],
      );
    await expect.poll(paths).toContain('/item/3');
    expect(paths()).toContain('/item/1');
    const now = (viewer.texts[0] as Extract<ServerMessage, { type: 'hello' }>).now;
    expect(Math.abs(now - viewer.columns.t[0]!)).toBeLessThan(10_000_000);
  });

  it('a stuck viewer neither slows the gateway nor the viewer beside it, and the books stay right', async () => {
    const inspector = await start({ creditBytes: 200_000, maxLagRecords: 20_000 });
    const stuck = await new SocketViewer(inspector).subscribed();
    stuck.acknowledges = false;
    const good = await new SocketViewer(inspector).subscribed();
    const taps = [0, 1, 2].map(() => inspector.trace.tap(inspector.trace.connectionOpened(FACTS))!);
    const total = 200_000;
    for (let i = 0; i < total; ) {
      for (let n = 0; n < 2000; n++, i++) taps[i % 3]!.onFrame(1, i % 5, 0, 0, 10, 1, 1, 0, PAYLOAD, 0);
      await breathe();
    }
    await expect.poll(() => good.frames + good.dropped).toBe(total);
    await expect.poll(() => good.recorded()).toBe(total);
    expect(stuck.frames).toBeLessThan(40_000);
    const seen = [...good.columns.seq.slice(0, good.frames)];
    expect(seen.every((seq, i) => i === 0 || seq > seen[i - 1]!)).toBe(true);
    // It comes back: what it missed is told, and nothing is missing in the sum.
    stuck.acknowledges = true;
    stuck.socket.send(encodeMessage({ type: 'ack', frames: lastTo(stuck) }));
    await expect.poll(() => stuck.frames + stuck.dropped).toBe(total);
    expect(stuck.dropped).toBeGreaterThan(0);
    good.socket.terminate();
    stuck.socket.terminate();
  });

  it('a viewer that stops reading its socket costs bounded memory and loses only itself', async () => {
    const inspector = await start({ creditBytes: 100_000, maxLagRecords: 20_000 });
    const viewer = await new SocketViewer(inspector).subscribed();
    viewer.socket.pause();
    const tap = inspector.trace.tap(inspector.trace.connectionOpened(FACTS))!;
    for (let i = 0; i < 100; i++) {
      for (let n = 0; n < 1000; n++) tap.onFrame(1, 0, 0, 0, 10, 1, 1, 0, PAYLOAD, 0);
      await breathe();
    }
    viewer.socket.resume();
    await expect.poll(() => viewer.frames + viewer.dropped).toBe(100_000);
    viewer.socket.terminate();
  });

  it('says so when the port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    await expect(start({ port })).rejects.toThrow(`cannot listen on 127.0.0.1:${port}: something else does`);
    taken.close();
  });

  it('closes: no listener, no viewer, and the trace can still be called', async () => {
    const inspector = await start();
    const viewer = await new SocketViewer(inspector).subscribed();
    const gone = once(viewer.socket, 'close');
    await inspector.close();
    await gone;
    const tap = inspector.trace.tap(inspector.trace.connectionOpened(FACTS))!;
    exchange(tap, 1);
    await expect(fetch(inspector.address)).rejects.toThrow();
  });
});

function lastTo(viewer: SocketViewer): number {
  return viewer.columns.seq[viewer.frames - 1]! + 1;
}
