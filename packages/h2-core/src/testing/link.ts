import { type Clock, hostClock } from '../session/host.ts';
import type { Driver, DriverSink } from '../session/transport.ts';

/** How octets travel in one direction. Everything may be changed at any time; what is under way already keeps its latency. */
export interface LaneOptions {
  /** Time from the write to the delivery, milliseconds. What was written later never arrives earlier. Default 0. */
  readonly latencyMs?: number;
  /**
   * Octets per segment, at least 1, or a function that gives the size of the next one from what is left. Default: what was
   * written at once is delivered at once.
   */
  readonly segment?: number | ((left: number) => number);
  /** Octets under way at which the writer is told to wait. Default 262,144. */
  readonly highWater?: number;
}

/** What a link is made of. */
export interface TestLinkOptions extends LaneOptions {
  /** Time, also for the connections over the link. Default: the host's. */
  readonly clock?: Clock;
}

const HIGH_WATER = 262_144;

/** One direction of a link, from a writing end to a reading one. */
export class Lane {
  /** Time octets are under way, milliseconds. */
  latencyMs: number;
  /** Octets delivered at once, at most, or a function of how many are left. */
  segment: number | ((left: number) => number);
  /** Octets under way at which the writer is told to wait. */
  highWater: number;
  /** Told of all octets as they are delivered, before the reader is. */
  onDelivery: ((octets: Uint8Array, at: number) => void) | null = null;
  /** Octets written so far. */
  written = 0;
  /** Octets delivered so far. */
  delivered = 0;
  private readonly link: TestLink;
  private readonly clock: Clock;
  private readonly reader: End;
  private queue: Uint8Array[] = [];
  private held = false;
  private blocked = false;
  private breakAt: number = Number.POSITIVE_INFINITY;
  private timer: unknown = null;
  /** When the octets of each write arrive, in order; the last entry also for the end. */
  private arrivals: { octets: number; at: number }[] = [];
  private endAt: number = Number.POSITIVE_INFINITY;
  private flushed: (() => void) | null = null;

  /** For `TestLink`. */
  constructor(link: TestLink, clock: Clock, reader: End, options: LaneOptions) {
    this.link = link;
    this.clock = clock;
    this.reader = reader;
    this.latencyMs = options.latencyMs ?? 0;
    this.segment = options.segment ?? Number.POSITIVE_INFINITY;
    this.highWater = options.highWater ?? HIGH_WATER;
  }

  /** Octets under way. */
  get inFlight(): number {
    return this.written - this.delivered;
  }

  /** Delivers nothing until `release`, as a reader that does not read: writers are told to wait at `highWater`. */
  hold(): void {
    this.held = true;
  }

  /** Goes on after `hold`. */
  release(): void {
    this.held = false;
    this.schedule();
  }

  /** Breaks the link when `octets` in all have been delivered, perhaps in the middle of a frame. */
  breakAfter(octets: number): void {
    this.breakAt = octets;
    this.schedule();
  }

  /** The writer's: takes octets. False: wait. */
  write(parts: readonly Uint8Array[]): boolean {
    let octets = 0;
    for (const part of parts) {
      if (part.length !== 0) this.queue.push(part);
      octets += part.length;
    }
    this.written += octets;
    if (octets !== 0) this.arrivals.push({ octets, at: this.arrival() });
    this.schedule();
    this.blocked = this.inFlight >= this.highWater;
    return !this.blocked;
  }

  /** The writer's: nothing more comes. */
  end(flushed: () => void): void {
    this.flushed = flushed;
    this.endAt = this.arrival();
    this.schedule();
  }

  /** The reader's end went away or the link broke: what is under way is lost. */
  drop(): void {
    this.queue = [];
    this.arrivals = [];
    if (this.timer !== null) this.clock.clearTimer(this.timer);
    this.timer = null;
  }

  private arrival(): number {
    return Math.max(this.clock.now() + this.latencyMs, this.arrivals.at(-1)?.at ?? 0);
  }

  /** Sets the timer for what comes next, if it may come. */
  schedule(): void {
    if (this.timer !== null || this.held || !this.reader.isReading) return;
    const next = this.arrivals[0]?.at ?? this.endAt;
    if (next === Number.POSITIVE_INFINITY) return;
    this.timer = this.clock.setTimer(() => {
      this.timer = null;
      this.deliver();
    }, next - this.clock.now());
  }

  /** Delivers one segment, or the end. */
  private deliver(): void {
    if (this.held || !this.reader.isReading) return;
    const [first] = this.arrivals;
    if (first === undefined) {
      this.endAt = Number.POSITIVE_INFINITY;
      const { flushed } = this;
      this.flushed = null;
      this.reader.finish(undefined);
      flushed?.();
      return;
    }
    const wanted = typeof this.segment === 'number' ? this.segment : this.segment(first.octets);
    const size = Math.min(Math.max(1, wanted), first.octets, this.breakAt - this.delivered);
    const octets = this.take(size);
    first.octets -= size;
    if (first.octets === 0) this.arrivals.shift();
    this.delivered += size;
    if (size !== 0) {
      this.onDelivery?.(octets, this.clock.now());
      this.reader.receive(octets);
    }
    if (this.delivered >= this.breakAt) {
      this.link.break(new Error(`the link broke after ${this.delivered} octets`));
      return;
    }
    if (this.blocked && this.inFlight <= this.highWater >>> 1) {
      this.blocked = false;
      this.reader.other.drain();
    }
    this.schedule();
  }

  /** The next `size` octets as a copy: readers may keep views of it, writers may not rely on that. */
  private take(size: number): Uint8Array {
    const octets = new Uint8Array(size);
    for (let at = 0; at < size; ) {
      const part = this.queue[0] as Uint8Array;
      const count = Math.min(part.length, size - at);
      octets.set(part.subarray(0, count), at);
      at += count;
      if (count === part.length) this.queue.shift();
      else this.queue[0] = part.subarray(count);
    }
    return octets;
  }
}

/** One end of a link: a transport. */
class End implements Driver {
  readonly clock: Clock;
  /** The other end and the lanes; set by the link. */
  other: End = this;
  outgoing!: Lane;
  incoming!: Lane;
  private sink: DriverSink | null = null;
  private paused = false;
  private ending = false;
  private over = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  start(sink: DriverSink): void {
    this.sink = sink;
    this.incoming.schedule();
  }

  write(parts: readonly Uint8Array[]): boolean {
    return this.isWritable ? this.outgoing.write(parts) : true;
  }

  get backlog(): number {
    return this.outgoing.inFlight;
  }

  get isWritable(): boolean {
    return !this.ending && !this.over && !this.other.over;
  }

  /** Octets for this end may be delivered. */
  get isReading(): boolean {
    return this.sink !== null && !this.paused && !this.over;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.incoming.schedule();
  }

  end(flushed: () => void): void {
    if (this.ending) return;
    this.ending = true;
    if (this.other.over) flushed();
    else this.outgoing.end(flushed);
  }

  destroy(): void {
    if (this.over) return;
    this.ending = true;
    this.outgoing.end(() => {});
    this.finish(undefined);
    this.incoming.drop();
  }

  /** Octets have arrived. After our own end they are for nobody. */
  receive(octets: Uint8Array): void {
    if (!this.ending) this.sink?.received(octets);
  }

  drain(): void {
    this.sink?.drained();
  }

  /** Nothing more arrives. */
  finish(cause: unknown): void {
    if (this.over) return;
    this.over = true;
    this.sink?.closed(cause);
  }
}

/**
 * Two transports in memory that are connected, for `handshake`, `connect`, `serve` or `Peer`: what is written at one end
 * arrives at the other as the lane between them says - late, in pieces, slowly, not at all.
 *
 *     near --- toFar --->  far
 *          <-- toNear ---
 */
export class TestLink {
  /** One end. */
  readonly near: Driver;
  /** The other end. */
  readonly far: Driver;
  /** What `near` writes on its way to `far`. */
  readonly toFar: Lane;
  /** What `far` writes on its way to `near`. */
  readonly toNear: Lane;

  /** Both lanes begin with the same options. */
  constructor(options: TestLinkOptions = {}) {
    const clock = options.clock ?? hostClock;
    const near = new End(clock);
    const far = new End(clock);
    near.other = far;
    far.other = near;
    this.toFar = new Lane(this, clock, far, options);
    this.toNear = new Lane(this, clock, near, options);
    near.outgoing = this.toFar;
    near.incoming = this.toNear;
    far.outgoing = this.toNear;
    far.incoming = this.toFar;
    this.near = near;
    this.far = far;
  }

  /** Breaks the link now: what is under way is lost, and both ends hear of it, with `cause` as a socket's error. */
  break(cause: unknown = new Error('the link broke')): void {
    this.toFar.drop();
    this.toNear.drop();
    (this.near as End).finish(cause);
    (this.far as End).finish(cause);
  }
}
