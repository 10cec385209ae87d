import type { Counters } from '../counters.ts';
import { FrameType } from '../frame/types.ts';
import { LOCAL_ERROR_REFILL_PER_SECOND, MAX_QUEUED_OUTPUT, MAX_UNTAKEN_OUTPUT } from '../options/limits.ts';
import type { ResolvedOptions } from '../options/options.ts';
import type { Outbox } from '../outbox.ts';
import { ConnectionError, RULES, type RuleId } from '../rules.ts';
import type { StreamRecord } from '../stream/stream.ts';
import type { Tap } from '../tap.ts';
import type { OddityId } from './oddities.ts';

/** Streams looked at together when the share of early resets is judged. */
const RESET_SAMPLE = 400;
/** Pauses within `PAUSE_MEMORY_MS` after which pausing has not helped. */
const MAX_PAUSES = 10;
const PAUSE_MEMORY_MS = 10_000;
/** Oddities that come with a stream's useful work: one or two PRIORITY or greasing frames per request are no flood. */
const ODDITIES_PER_STREAM = 2;
/** DATA frames below this size cost the difference: what a frame of this size costs to handle, roughly. */
const SMALL_DATA = 256;
/** Replies queued at this multiple of `maxQueuedReplies` end the connection: reading was not paused. */
const REPLIES_HARD_FACTOR = 10;

/** Share of a limit whose use the tap is told of, and the share below which it is told again. */
const NEAR = 3 / 4;
const FAR = 1 / 2;

const NO_PAUSES: readonly number[] = [];

/** Tokens that come back with time: `burst` at once, then `perSecond`. */
class TokenBucket {
  readonly burst: number;
  private readonly perMs: number;
  private tokens: number;
  private at = 0;

  constructor(burst: number, perSecond: number) {
    this.burst = burst;
    this.perMs = perSecond / 1000;
    this.tokens = burst;
  }

  /** Takes `cost` tokens at `now` (ms); false when there are not enough. */
  take(cost: number, now: number): boolean {
    this.tokens = Math.min(this.burst, this.tokens + (now - this.at) * this.perMs);
    this.at = now;
    this.tokens -= cost;
    return this.tokens >= 0;
  }

  /** Tokens taken that have not come back. */
  get used(): number {
    return this.burst - this.tokens;
  }

  /** Puts `count` tokens back. */
  give(count: number): void {
    this.tokens = Math.min(this.burst, this.tokens + count);
  }
}

/**
 * Defence against peers that make much work with little: every legal but costly habit is charged, what the program
 * consumed is given back, and only what stays outstanding or comes too fast ends the connection. Limits are options;
 * 0 turns one off. RFC 9113 10.5.
 */
export class Guard {
  /** No octets should be read before this moment, ms. */
  pausedUntil = 0;
  private readonly isServer: boolean;
  private readonly options: ResolvedOptions;
  private readonly tap: Tap | null;
  private readonly counters: Counters;
  // Made when first charged: most connections never do what they count.
  private oddities: TokenBucket | null = null;
  private emptyData: TokenBucket | null = null;
  private settingsWork: TokenBucket | null = null;
  private localErrors: TokenBucket | null = null;
  private ended = 0;
  private early = 0;
  private pauses: readonly number[] = NO_PAUSES;
  /** Cost of small DATA frames that the program has not released yet, over all streams. */
  private smallData = 0;
  /** Limits the tap was told of, see `watch`. */
  private near: Set<RuleId> | null = null;

  constructor(isServer: boolean, options: ResolvedOptions, tap: Tap | null, counters: Counters) {
    this.isServer = isServer;
    this.options = options;
    this.tap = tap;
    this.counters = counters;
  }

  /** A stream came to its end as it should: its work forgives what is odd or wrong now and then. */
  streamDone(now: number): void {
    this.localErrors?.give(1);
    this.streamEnded(false, now);
  }

  /** We had to reset a stream for what the peer did wrong. CVE-2025-8671. */
  peerError(streamId: number, frameType: number, now: number): void {
    this.counters.peerErrors++;
    const { maxLocalErrorResetStreams } = this.options;
    if (maxLocalErrorResetStreams === 0) return;
    this.localErrors ??= new TokenBucket(maxLocalErrorResetStreams, LOCAL_ERROR_REFILL_PER_SECOND);
    if (!this.localErrors.take(1, now)) throw new ConnectionError('flood.stream-errors', streamId, frameType);
    this.watch('flood.stream-errors', this.localErrors.used, this.localErrors.burst);
  }

  /**
   * A stream of the peer has ended. `early`: reset by the peer, or by us for the peer's fault, before its response had
   * begun. When more than half of the last 400 are of that kind, reading pauses; when pausing does not help, the end.
   * CVE-2023-44487 (rapid reset), CVE-2025-8671 (MadeYouReset).
   */
  streamEnded(early: boolean, now: number): void {
    if (!early) this.oddities?.give(ODDITIES_PER_STREAM);
    const { earlyResetPauseMs } = this.options;
    if (earlyResetPauseMs === 0) return;
    this.ended++;
    if (!early) return;
    this.early++;
    if (this.ended < RESET_SAMPLE) return;
    const tooMany = this.early * 2 > this.ended;
    this.ended = 0;
    this.early = 0;
    if (!tooMany) return;
    this.pausedUntil = now + earlyResetPauseMs;
    this.pauses = [...this.pauses.filter(at => now - at < PAUSE_MEMORY_MS), now];
    if (this.pauses.length >= MAX_PAUSES) throw new ConnectionError('flood.resets', 0, FrameType.RST_STREAM);
    this.tellPause('flood.resets', FrameType.RST_STREAM, `reading pauses for ${earlyResetPauseMs} ms`);
  }

  /** Something legal but strange: an unknown frame, PRIORITY, WINDOW_UPDATE for a stream that is gone ... */
  odd(what: OddityId, streamId: number, frameType: number, now: number): void {
    this.counters.oddities++;
    if (this.tap !== null) this.tap.onOddity?.(what, streamId, frameType);
    const { oddityBurst, oddityRefillPerSecond } = this.options;
    if (oddityBurst === 0) return;
    this.oddities ??= new TokenBucket(oddityBurst, oddityRefillPerSecond);
    if (!this.oddities.take(1, now)) throw new ConnectionError('flood.oddities', streamId, frameType, what);
    this.watch('flood.oddities', this.oddities.used, this.oddities.burst);
  }

  /** DATA without octets that does not end the stream. CVE-2019-9518. */
  empty(streamId: number, now: number): void {
    const { emptyDataBurst, emptyDataRefillPerSecond } = this.options;
    if (emptyDataBurst === 0) return;
    this.emptyData ??= new TokenBucket(emptyDataBurst, emptyDataRefillPerSecond);
    if (!this.emptyData.take(1, now)) throw new ConnectionError('flood.empty-data', streamId, 0);
    this.watch('flood.empty-data', this.emptyData.used, this.emptyData.burst);
  }

  /** A DATA frame of `length` octets: small ones cost until the program has released them. */
  data(stream: StreamRecord, length: number): void {
    const { dataFrameBudget } = this.options;
    if (length >= SMALL_DATA || dataFrameBudget === 0) return;
    stream.smallDataCost += SMALL_DATA - length;
    this.smallData += SMALL_DATA - length;
  }

  /**
   * New octets have come: what small frames cost and nobody has read since the last ones is too much? Not judged frame by
   * frame, because a program that reads by promises reads between the octets of two turns, never in the midst of them.
   */
  judgeSmallData(): void {
    const { dataFrameBudget } = this.options;
    if (dataFrameBudget === 0) return;
    if (this.smallData > dataFrameBudget) throw new ConnectionError('flood.small-data', 0, 0);
    if (this.tap !== null) this.watch('flood.small-data', this.smallData, dataFrameBudget);
  }

  /** The program released `bytes` of the `held` octets of a stream. */
  released(stream: StreamRecord, bytes: number, held: number): void {
    if (stream.smallDataCost === 0) return;
    const refund = bytes >= held ? stream.smallDataCost : Math.floor((stream.smallDataCost * bytes) / held);
    stream.smallDataCost -= refund;
    this.smallData -= refund;
  }

  /** SETTINGS that made us do `work` units: streams whose window moved, table entries dropped. */
  settings(work: number, now: number): void {
    const { settingsWorkBurst, settingsWorkRefillPerSecond } = this.options;
    if (settingsWorkBurst === 0) return;
    this.settingsWork ??= new TokenBucket(settingsWorkBurst, settingsWorkRefillPerSecond);
    if (!this.settingsWork.take(work, now)) throw new ConnectionError('flood.settings', 0, FrameType.SETTINGS);
    this.watch('flood.settings', this.settingsWork.used, this.settingsWork.burst);
  }

  /**
   * Whether what waits to be written, in answer to what the peer sends, is reason to read no further for now. Octets count for
   * servers only: were both sides to stop reading because their output is not read, they would wait for ever.
   */
  isAnswering(outbox: Outbox): boolean {
    if (outbox.replies >= this.options.maxQueuedReplies) return true;
    return this.isServer && outbox.size >= MAX_QUEUED_OUTPUT;
  }

  /** Octets were read: how much waits to be written? */
  replies(outbox: Outbox): void {
    const { replies, size } = outbox;
    if (this.isAnswering(outbox) && !outbox.pauseTold) {
      const what = `${replies} replies, ${size} octets wait: reading pauses until they are written`;
      this.tellPause('flood.replies', FrameType.PING, what);
      outbox.pauseTold = true;
    }
    if (replies > this.options.maxQueuedReplies * REPLIES_HARD_FACTOR || size > MAX_UNTAKEN_OUTPUT) {
      throw new ConnectionError('flood.replies', 0, FrameType.PING);
    }
  }

  /** Something of a limit was used: whoever watches is to hear of it before the limit is reached. */
  private watch(rule: RuleId, used: number, limit: number): void {
    if (this.tap === null) return;
    if (used < limit * FAR) this.near?.delete(rule);
    if (used < limit * NEAR || this.near?.has(rule)) return;
    this.near ??= new Set();
    this.near.add(rule);
    this.tap.onLimitNear?.(rule, Math.ceil(used), limit);
  }

  /** A limit slows the peer down: nothing is sent for it, but the tap hears of it like of any other. */
  private tellPause(rule: RuleId, frameType: number, what: string): void {
    this.counters.readPauses++;
    if (this.tap === null) return;
    const { rfc, text } = RULES[rule];
    this.tap.onViolation(rule, rfc, 0, frameType, `${text}: ${what}`);
  }
}
