import { MAX_CLOSED_STREAMS } from '../limits.ts';
import type { StreamRecord } from './stream.ts';
import { StreamTable } from './table.ts';

/** How a stream that is gone came to its end, or that it never was. RFC 9113 5.1, closed. */
export const Gone = {
  /** Never opened: its number is above all opened ones. */
  IDLE: 0,
  /** Both halves ended with END_STREAM. */
  ENDED: 1,
  /** We sent RST_STREAM: late frames are ignored. */
  RESET_BY_US: 2,
  /** The peer sent RST_STREAM. */
  RESET_BY_PEER: 3,
  /** Closed long ago and forgotten. */
  FORGOTTEN: 4,
  /** Passed over: a higher number was opened first (RFC 9113 5.1.1). */
  SKIPPED: 5,
} as const;
/** One of `Gone`. */
export type Gone = (typeof Gone)[keyof typeof Gone];

/** The live streams of a connection, the numbers used so far, and a short memory of the closed ones. */
export class StreamRegistry {
  readonly live: StreamTable = new StreamTable();
  /** Highest stream the peer opened or promised; what GOAWAY names. */
  lastRemoteId = 0;
  /** Number of the next stream we open. */
  nextLocalId: number;
  /** Open and half-closed streams that the peer opened; reserved ones do not count (RFC 9113 5.1.2). */
  remoteCount = 0;
  /** The same for ours. */
  localCount = 0;
  private readonly remoteParity: number;
  /** The last closed streams, a ring that grows to its limit: cheap to write, searched only for late frames. */
  private closedIds: Uint32Array = new Uint32Array(16);
  private closedHow: Uint8Array = new Uint8Array(16);
  private closedCount = 0;
  /** Every stream of the peer below this was opened: none was passed over. */
  private firstSkipped: number;

  constructor(isServer: boolean) {
    this.remoteParity = isServer ? 1 : 0;
    this.nextLocalId = isServer ? 2 : 1;
    this.firstSkipped = isServer ? 1 : 2;
  }

  /** True when the number belongs to the peer: odd for a server. RFC 9113 5.1.1. */
  isRemote(id: number): boolean {
    return (id & 1) === this.remoteParity;
  }

  /** Notes that the peer used `id`, which must be above `lastRemoteId`. */
  markRemote(id: number): void {
    if (id === this.firstSkipped) this.firstSkipped = id + 2;
    this.lastRemoteId = id;
  }

  /** Why there is no live stream `id`. */
  whyGone(id: number): Gone {
    const remote = this.isRemote(id);
    if (remote ? id > this.lastRemoteId : id >= this.nextLocalId) return Gone.IDLE;
    const kept = Math.min(this.closedCount, this.closedIds.length);
    for (let i = 0; i < kept; i++) if (this.closedIds[i] === id) return this.closedHow[i] as Gone;
    return !remote || id < this.firstSkipped ? Gone.FORGOTTEN : Gone.SKIPPED;
  }

  /** Moves a stream from the living to the memory. */
  close(stream: StreamRecord, how: Gone): void {
    this.live.delete(stream.id);
    this.append(stream.id, how);
  }

  /** Notes how a stream that is not on the books (any more) came to its end, in the place of what is known of it. */
  remember(id: number, how: Gone): void {
    const known = this.closedIds.indexOf(id);
    if (known >= 0) {
      this.closedHow[known] = how;
      return;
    }
    this.append(id, how);
  }

  private append(id: number, how: Gone): void {
    const size = this.closedIds.length;
    if (this.closedCount === size && size < MAX_CLOSED_STREAMS) this.growMemory(Math.min(size * 4, MAX_CLOSED_STREAMS));
    const at = this.closedCount++ % this.closedIds.length;
    this.closedIds[at] = id;
    this.closedHow[at] = how;
  }

  private growMemory(size: number): void {
    const ids = new Uint32Array(size);
    const how = new Uint8Array(size);
    ids.set(this.closedIds);
    how.set(this.closedHow);
    this.closedIds = ids;
    this.closedHow = how;
  }
}
