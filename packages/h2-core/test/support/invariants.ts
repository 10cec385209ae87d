/** What must hold of a connection at rest, recomputed from its stream table. Reads the core's inside. */
import type { Core } from '../../src/core.ts';
import { type Connection, StreamState } from '../../src/index.ts';
import type { StreamRecord } from '../../src/stream/stream.ts';

interface Inside {
  readonly core: Core;
}

interface Rings {
  readonly heads: readonly (StreamRecord | null)[];
}

/** Like `expect(actual, what).toBe(expected)`, at a cost that allows it after every chunk of a fuzz run. */
function same(what: string, actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`${what}: ${String(actual)} instead of ${String(expected)}`);
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

  same('size of the stream table', streams.length, registry.live.size);
  for (const s of streams) {
    same(`stream ${s.id} under its number`, registry.live.get(s.id), s);
    same(`stream ${s.id} on the books in state ${s.state}`, counted(s) || reserved(s), true);
    same(`stream ${s.id} belongs to its side`, s.local, !registry.isRemote(s.id));
  }
  same('count of our streams', registry.localCount, streams.filter(s => s.local && counted(s)).length);
  same('count of the peer’s streams', registry.remoteCount, streams.filter(s => !s.local && counted(s)).length);
  same('held streams', core.heldStreams >= 0, true);
  const inner = guard as unknown as { smallData: number };
  same(
    'cost of small DATA frames',
    inner.smallData,
    sum(s => s.smallDataCost),
  );

  const ringed = new Set<StreamRecord>();
  for (const head of (sender.scheduler as unknown as Rings).heads) {
    for (let s = head; s !== null && !ringed.has(s); s = s.ringNext) {
      ringed.add(s);
      same(`ring links of stream ${s.id}`, s.ringNext?.ringPrevious, s);
    }
  }
  for (const s of ringed) same(`stream ${s.id} in a ring`, registry.live.get(s.id), s);
  for (const s of streams) {
    let octets = 0 - s.headOffset;
    let last: unknown = null;
    for (let piece = s.head; piece !== null; piece = piece.next) {
      octets += piece.bytes.length;
      last = piece;
    }
    same(`buffered octets of stream ${s.id}`, s.bufferedBytes, octets);
    same(`last piece of stream ${s.id}`, s.tail, last);
    same(`stream ${s.id} waits for its turn`, ringed.has(s), s.head !== null && s.sendWindow > 0);
    same(`send window of stream ${s.id}`, s.sendWindow <= 0x7fff_ffff, true);
    same(`receive window of stream ${s.id}`, s.receiveWindow <= 0x7fff_ffff, true);
  }
  if (connection.isClosed) {
    same('streams after the end', streams.length, 0);
    same('next timeout after the end', connection.nextTimeout(), Number.POSITIVE_INFINITY);
  } else {
    same('connection send window', sender.window <= 0x7fff_ffff, true);
    // A frame that ended the connection may have been charged and belong to no stream.
    const held = sum(s => s.unreleasedBytes);
    same('unreleased octets', receiver.unreleased, held);
    same('connection window', receiver.window >= 0, true);
  }
}
