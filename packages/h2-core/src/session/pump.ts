import type { Connection } from '../connection.ts';
import { afterTurn, type Clock, hostClock, Timer } from './host.ts';
import type { Driver, DriverSink } from './transport.ts';

/** Time the peer gets to close its side after we closed ours, ms. */
const LINGER_MS = 1000;
/** Time a slow peer gets to take the last octets of a connection that ended in order, ms. */
const FLUSH_MS = 10_000;

/**
 * DATA octets of one flush. A transport that passes a whole batch on at once gets twice as much the next time, which spares
 * system calls on fast paths; one that keeps some of it gets the least again, so that what is cut early, beyond the reach of
 * priorities and resets, stays small on slow ones.
 */
const LEAST_BATCH = 262_144;
const LARGEST_BATCH = 1_048_576;

/**
 * Pumps with output, flushed together once the event loop has delivered this turn's input: whatever the turn produced
 * for a connection leaves in one gathered write, however many frames, handlers and promises it took.
 */
let ready: Pump[] = [];
let scheduled = false;

function flushAll(): void {
  scheduled = false;
  const pumps = ready;
  ready = [];
  let next = 0;
  try {
    while (next < pumps.length) (pumps[next++] as Pump).flush();
  } finally {
    // A handler threw: that is its program's affair, but the other connections still have their turn.
    if (next < pumps.length) {
      ready = [...pumps.slice(next), ...ready];
      if (!scheduled) afterTurn(flushAll);
      scheduled = true;
    }
  }
}

/** Moves octets and time between a transport and a `Connection`. THE place where the two meet. */
export class Pump implements DriverSink {
  /** The connection that is driven. */
  readonly connection: Connection;
  /** What the transport failed with; undefined while it works and after an orderly end. */
  cause: unknown = undefined;
  /** The transport came to its end before the connection did. */
  transportEnded = false;
  private peerEnded = false;
  /** Called once, when the connection is over and its last octets have been handed to the transport. */
  onFinished: (() => void) | null = null;
  private readonly driver: Driver;
  private readonly clock: Clock;
  private readonly timer: Timer;
  private timerAt: number = Number.POSITIVE_INFINITY;
  private queued = false;
  private blocked = false;
  private paused = false;
  private batch: number = LEAST_BATCH;
  private over = false;
  /** The connection is over while the transport is full, and has its last time to drain. */
  private givenUp = false;
  /** Our last octets have left, after which there is nothing to wait for but the peer's end. */
  private flushed = false;
  private readonly expire = (): void => this.timeout();

  constructor(driver: Driver, connection: Connection) {
    this.driver = driver;
    this.connection = connection;
    this.clock = driver.clock ?? hostClock;
    this.timer = new Timer(this.clock);
    driver.start(this);
    connection.wake = () => this.schedule();
    this.schedule();
  }

  received(chunk: Uint8Array): void {
    const { connection } = this;
    if (this.over) return;
    try {
      connection.receive(chunk, this.clock.now());
    } finally {
      if (connection.wantsWrite || connection.isClosed) this.schedule();
      else this.arm();
      if (connection.wantsPause && !this.paused) {
        this.paused = true;
        this.driver.pause();
      }
    }
  }

  drained(): void {
    if (!this.blocked) return;
    this.blocked = false;
    this.connection.noteTransport(true);
    this.schedule();
  }

  closed(cause: unknown): void {
    const { connection, driver } = this;
    if (this.over) {
      this.peerEnded = true;
      if (this.flushed) this.release();
      return;
    }
    this.cause ??= cause;
    this.transportEnded = true;
    this.peerEnded = true;
    try {
      connection.receiveEnd(this.clock.now());
    } finally {
      // What the end made the connection say may still be readable on the other side.
      if (driver.isWritable && connection.wantsWrite) driver.write(connection.takeOutput(undefined, this.clock.now()));
      this.finish();
    }
  }

  /** Has this pump flushed at the end of the turn. */
  private schedule(): void {
    if (this.queued || this.over) return;
    this.queued = true;
    ready.push(this);
    if (scheduled) return;
    scheduled = true;
    afterTurn(flushAll);
  }

  /** Writes what the connection has to say, unless the transport is full. */
  flush(): void {
    this.queued = false;
    if (this.over) return;
    const { connection, driver } = this;
    if (this.blocked) {
      // What waits for the transport has deadlines all the same: a peer that does not read is the one they are for.
      if (connection.isClosed) this.giveUp();
      else this.arm();
      return;
    }
    if (!driver.isWritable) {
      this.closed(undefined);
      return;
    }
    const parts = connection.takeOutput(this.batch, this.clock.now());
    const more = parts.length === 0 || driver.write(parts);
    if (driver.backlog !== 0) this.batch = LEAST_BATCH;
    else if (connection.wantsWrite) this.batch = Math.min(this.batch * 2, LARGEST_BATCH);
    if (connection.isClosed && !connection.wantsWrite) {
      this.finish();
      return;
    }
    if (!more) {
      this.blocked = true;
      connection.noteTransport(false);
    } else if (connection.wantsWrite) {
      this.schedule();
    }
    if (this.paused && !connection.wantsPause && !this.blocked) {
      this.paused = false;
      driver.resume();
    }
    this.arm();
  }

  /** Over, and the transport is full: it has a while to drain, once, whatever the peer goes on sending. */
  private giveUp(): void {
    if (this.givenUp) return;
    this.givenUp = true;
    this.timer.set(this.connection.error === null ? FLUSH_MS : LINGER_MS, () => this.driver.destroy());
  }

  /** Sets the timer for the connection's next deadline; an earlier timer that is still set is left to fire in vain. */
  private arm(): void {
    const at = this.connection.nextTimeout();
    if (at >= this.timerAt) return;
    this.timerAt = at;
    this.timer.set(at - this.clock.now(), this.expire);
  }

  private timeout(): void {
    this.timerAt = Number.POSITIVE_INFINITY;
    if (this.over) return;
    try {
      this.connection.handleTimeout(this.clock.now());
    } finally {
      this.schedule();
    }
  }

  /** The connection is over and its last octets are written: closes our side and waits a little for the peer's. */
  private finish(): void {
    if (this.over) return;
    this.over = true;
    const { driver } = this;
    // Reading on lets the peer get our GOAWAY instead of a TCP reset for octets we never took.
    driver.resume();
    const release = (): void => this.release();
    this.timer.set(this.connection.error === null ? FLUSH_MS : LINGER_MS, release);
    driver.end(() => {
      this.flushed = true;
      if (this.peerEnded) this.release();
      else this.timer.set(LINGER_MS, release);
    });
    // Whoever keeps the connection, or something of it, does not keep its transport.
    this.connection.wake = null;
    this.onFinished?.();
  }

  /** Nothing more is to be expected: the transport goes, and the timer that would hold all of this. */
  private release(): void {
    this.timer.clear();
    this.driver.destroy();
  }
}
