/** What must hold of a connection at rest, recomputed from its stream table. Reads the core's inside. */
import { expect } from 'vitest';
import type { Core } from '../../src/core.ts';
import { type Connection, StreamState } from '../../src/index.ts';
import type { StreamRecord } from '../../src/stream/stream.ts';

interface Inside {
  readonly core: Core;
}

interface Rings {
  readonly heads: readonly (StreamRecord | null)[];
}

/** Throws when a count, a ring or a window does not agree with the streams on the books. */
export function checkInvariants(connection: Connection): void {
  const { core } = connection as unknown as Inside;
  const { registry, receiver, sender, guard } = core;
  const streams = registry.live.values();
  const counted = (s: StreamRecord): boolean =>
    s.state === StreamState.OPEN ||
    s.state === StreamState.HALF_CLOSED_LOCAL ||
    s.state === StreamState.HALF_CLOSED_REMOTE;
  const reserved = (s: StreamRecord): boolean =>
    s.state === StreamState.RESERVED_LOCAL || s.state === StreamState.RESERVED_REMOTE;
  const sum = (of: (s: StreamRecord) => number): number => streams.reduce((total, s) => total + of(s), 0);

  expect(streams.length, 'size of the stream table').toBe(registry.live.size);
  for (const s of streams) {
    expect(registry.live.get(s.id), `stream ${s.id} under its number`).toBe(s);
    expect(counted(s) || reserved(s), `stream ${s.id} on the books in state ${s.state}`).toBe(true);
    expect(s.local, `stream ${s.id} belongs to its side`).toBe(!registry.isRemote(s.id));
  }
  expect(registry.localCount, 'count of our streams').toBe(streams.filter(s => s.local && counted(s)).length);
  expect(registry.remoteCount, 'count of the peer’s streams').toBe(streams.filter(s => !s.local && counted(s)).length);
  expect(core.heldStreams, 'held streams').toBeGreaterThanOrEqual(0);
  expect(receiver.unreleased, 'unreleased octets').toBe(sum(s => s.unreleasedBytes));
  const inner = guard as unknown as { smallData: number };
  expect(inner.smallData, 'cost of small DATA frames').toBe(sum(s => s.smallDataCost));

  const ringed = new Set<StreamRecord>();
  for (const head of (sender.scheduler as unknown as Rings).heads) {
    for (let s = head; s !== null && !ringed.has(s); s = s.ringNext) {
      ringed.add(s);
      expect(s.ringNext?.ringPrevious, `ring links of stream ${s.id}`).toBe(s);
    }
  }
  for (const s of ringed) expect(registry.live.get(s.id), `stream ${s.id} in a ring`).toBe(s);
  for (const s of streams) {
    let octets = 0 - s.headOffset;
    let last: unknown = null;
    for (let piece = s.head; piece !== null; piece = piece.next) {
      octets += piece.bytes.length;
      last = piece;
    }
    expect(s.bufferedBytes, `buffered octets of stream ${s.id}`).toBe(octets);
    expect(s.tail, `last piece of stream ${s.id}`).toBe(last);
    expect(ringed.has(s), `stream ${s.id} waits for its turn`).toBe(s.head !== null && s.sendWindow > 0);
    expect(s.sendWindow, `send window of stream ${s.id}`).toBeLessThanOrEqual(0x7fff_ffff);
    expect(s.receiveWindow, `receive window of stream ${s.id}`).toBeLessThanOrEqual(0x7fff_ffff);
  }
  if (connection.isClosed) {
    expect(streams.length, 'streams after the end').toBe(0);
    expect(connection.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
  } else {
    expect(sender.window).toBeLessThanOrEqual(0x7fff_ffff);
    expect(receiver.window, 'connection window').toBeGreaterThanOrEqual(0);
  }
}
