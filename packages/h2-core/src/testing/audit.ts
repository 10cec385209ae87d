import type { Connection } from '../connection.ts';
import type { Core } from '../core.ts';
import { type StreamRecord, StreamState } from '../stream/stream.ts';

interface Inside {
  readonly core: Core;
}

interface Rings {
  readonly heads: readonly (StreamRecord | null)[];
}

function same(what: string, actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`${what}: ${String(actual)} instead of ${String(expected)}`);
}

const isCounted = ({ state }: StreamRecord): boolean =>
  state === StreamState.OPEN || state === StreamState.HALF_CLOSED_LOCAL || state === StreamState.HALF_CLOSED_REMOTE;
const isReserved = ({ state }: StreamRecord): boolean =>
  state === StreamState.RESERVED_LOCAL || state === StreamState.RESERVED_REMOTE;

/**
 * Recomputes the books of a connection at rest - counts, scheduler rings, buffered and unreleased octets, windows - from its
 * streams, and throws where they disagree; after its end, where anything is left. Never inside a handler call. A connection
 * that fails this has a defect, whatever the program or the peer did.
 */
export function auditConnection(connection: Connection): void {
  const { core } = connection as unknown as Inside;
  const { registry, receiver, sender, guard } = core;
  const streams = registry.live.values();
  const sum = (of: (s: StreamRecord) => number): number => streams.reduce((total, s) => total + of(s), 0);

  same('size of the stream table', streams.length, registry.live.size);
  for (const s of streams) {
    same(`stream ${s.id} under its number`, registry.live.get(s.id), s);
    same(`stream ${s.id} on the books in state ${s.state}`, isCounted(s) || isReserved(s), true);
    same(`stream ${s.id} belongs to its side`, s.local, !registry.isRemote(s.id));
  }
  same('count of our streams', registry.localCount, streams.filter(s => s.local && isCounted(s)).length);
  same('count of the peer’s streams', registry.remoteCount, streams.filter(s => !s.local && isCounted(s)).length);
  same('held streams', core.heldStreams >= 0, true);
  same(
    'memory of field sections',
    core.headerBytes,
    sum(s => s.headerBytes),
  );
  const inner = guard as unknown as { smallData: number };
  same(
    'cost of small DATA frames',
    inner.smallData,
    sum(s => s.smallDataCost),
  );
  auditQueues(core, streams);
  if (connection.isClosed) {
    same('streams after the end', streams.length, 0);
    same('next timeout after the end', connection.nextTimeout(), Number.POSITIVE_INFINITY);
    same('unreleased octets after the end', receiver.unreleased, 0);
    return;
  }
  same('connection send window', sender.window <= 0x7fff_ffff, true);
  same(
    'unreleased octets',
    receiver.unreleased,
    sum(s => s.unreleasedBytes),
  );
  same('connection window', receiver.window >= 0, true);
}

/** The send queues and the rings of streams that wait for their turn. */
function auditQueues(core: Core, streams: readonly StreamRecord[]): void {
  const { registry, sender } = core;
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
}
