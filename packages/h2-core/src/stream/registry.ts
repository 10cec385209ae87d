import { MAX_CLOSED_STREAMS } from '../options/limits.ts';
import { ClosedStreams } from './closed-streams.ts';
import { Gone } from './gone.ts';
import type { StreamRecord } from './stream.ts';
import { StreamTable } from './table.ts';

/**
 * Frames that may come late for each stream we reset and cost nothing: the rest of its message, its END_STREAM or RST_STREAM,
 * a window grant or two. DATA is not among them: its octets are counted by the windows.
 */
const LATE_FRAMES = 4;

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
  /** Those we reset have a memory of their own: others that end must not push out what excuses late frames. */
  private resetByUs: ClosedStreams | null = null;
  private others: ClosedStreams | null = null;
  private readonly maxReset: number;
  private readonly durationMs: number;
  private late = 0;
  /** Every stream of the peer below this was opened: none was passed over. */
  private firstSkipped: number;

  /** `maxReset`: streams reset by us that are remembered; `durationMs`: for how long, and all others. */
  constructor(isServer: boolean, maxReset: number, durationMs: number) {
    this.remoteParity = isServer ? 1 : 0;
    this.nextLocalId = isServer ? 2 : 1;
    this.firstSkipped = isServer ? 1 : 2;
    this.maxReset = maxReset;
    this.durationMs = durationMs;
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

  /** Why there is no live stream `id` at `now`, ms. */
  whyGone(id: number, now: number): Gone {
    const remote = this.isRemote(id);
    if (remote ? id > this.lastRemoteId : id >= this.nextLocalId) return Gone.IDLE;
    const how = this.resetByUs?.find(id, now) || this.others?.find(id, now);
    if (how) return how as Gone;
    return !remote || id < this.firstSkipped ? Gone.FORGOTTEN : Gone.SKIPPED;
  }

  /** Moves a stream from the living to the memory. */
  close(stream: StreamRecord, how: Gone, now: number): void {
    this.live.delete(stream.id);
    this.remember(stream.id, how, now);
  }

  /** Notes how a stream that is not on the books (any more) came to its end. */
  remember(id: number, how: Gone, now: number): void {
    if (how !== Gone.RESET_BY_US) {
      this.others ??= new ClosedStreams(MAX_CLOSED_STREAMS, this.durationMs);
      this.others.remember(id, how, now);
      return;
    }
    this.resetByUs ??= new ClosedStreams(this.maxReset, this.durationMs);
    this.resetByUs.remember(id, how, now);
    this.late = Math.min(this.late + LATE_FRAMES, this.maxReset * LATE_FRAMES);
  }

  /** A frame came for a stream we reset; false: more have come than can have been on their way. */
  forgiveLate(): boolean {
    return this.late > 0 && this.late-- > 0;
  }
}
