import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Duplex } from 'node:stream';
import type { Connection } from '../connection.ts';

/** Octets waiting in the socket at which no more DATA is cut for it. */
const SOCKET_HIGH_WATER = 262_144;
/** Time the peer gets to close its side after we closed ours, ms. */
const LINGER_MS = 1000;

/** The clock of all pumps: milliseconds, monotonic. */
export function now(): number {
  return performance.now();
}

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
  for (const pump of pumps) pump.flush();
}

/** Moves octets between a Node stream and a `Connection`. THE place where a socket and a connection meet. */
export class Pump {
  readonly socket: Duplex;
  readonly connection: Connection;
  private queued = false;
  private blocked = false;
  private paused = false;
  private ended = false;
  private timer: NodeJS.Timeout | null = null;
  private timerAt: number = Number.POSITIVE_INFINITY;

  constructor(socket: Duplex, connection: Connection) {
    this.socket = socket;
    this.connection = connection;
    // The error handler goes on first: an error without one ends the process.
    socket.on('error', () => this.gone());
    socket.on('close', () => this.gone());
    socket.on('end', () => this.gone());
    socket.on('drain', () => this.drained());
    socket.on('data', (chunk: Uint8Array) => this.data(chunk));
    if ('setNoDelay' in socket) (socket as Socket).setNoDelay(true);
    connection.wake = () => this.schedule();
    this.schedule();
  }

  private data(chunk: Uint8Array): void {
    const { connection } = this;
    try {
      connection.receive(chunk, now());
    } finally {
      if (connection.wantsWrite || connection.isClosed) this.schedule();
      else this.arm();
      if (connection.wantsPause && !this.paused) {
        this.paused = true;
        this.socket.pause();
      }
    }
  }

  /** Has this pump flushed at the end of the turn. */
  private schedule(): void {
    if (this.queued || this.ended) return;
    this.queued = true;
    ready.push(this);
    if (scheduled) return;
    scheduled = true;
    setImmediate(flushAll);
  }

  /** Writes what the connection has to say, unless the socket is full. */
  flush(): void {
    this.queued = false;
    if (this.ended || this.blocked) return;
    const { connection, socket } = this;
    if (socket.destroyed) {
      this.gone();
      return;
    }
    const parts = connection.takeOutput();
    if (parts.length === 1) {
      socket.write(parts[0] as Uint8Array);
    } else if (parts.length > 1) {
      socket.cork();
      for (const part of parts) socket.write(part);
      socket.uncork();
    }
    if (connection.isClosed && !connection.wantsWrite) {
      this.finish();
      return;
    }
    if (socket.writableLength >= SOCKET_HIGH_WATER) {
      this.blocked = true;
      connection.noteTransport(false);
    } else if (connection.wantsWrite) {
      this.schedule();
    }
    if (this.paused && !connection.wantsPause && !this.blocked) {
      this.paused = false;
      socket.resume();
    }
    this.arm();
  }

  private drained(): void {
    if (!this.blocked) return;
    this.blocked = false;
    this.connection.noteTransport(true);
    this.schedule();
  }

  /** Sets the timer for the connection's next deadline; an earlier timer that is still set is left to fire in vain. */
  private arm(): void {
    const at = this.connection.nextTimeout();
    if (at >= this.timerAt) return;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timerAt = at;
    this.timer = setTimeout(() => this.timeout(), Math.max(1, Math.ceil(at - now())));
    this.timer.unref();
  }

  private timeout(): void {
    this.timer = null;
    this.timerAt = Number.POSITIVE_INFINITY;
    if (this.ended) return;
    try {
      this.connection.handleTimeout(now());
    } finally {
      this.schedule();
    }
  }

  private stopTimer(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  /** The connection is over and its last octets are written: closes our side and waits a little for the peer's. */
  private finish(): void {
    if (this.ended) return;
    this.ended = true;
    this.stopTimer();
    const { socket } = this;
    // Reading on lets the peer get our GOAWAY instead of a TCP reset for octets we never took.
    socket.resume();
    socket.end();
    const linger = setTimeout(() => socket.destroy(), LINGER_MS);
    linger.unref();
    socket.once('close', () => clearTimeout(linger));
  }

  /** The socket is at its end: the connection is told. */
  private gone(): void {
    if (this.ended) return;
    this.connection.receiveEnd(now());
    // What the end made the connection say may still be readable on the other side.
    if (!this.socket.destroyed && this.socket.writable && this.connection.wantsWrite) {
      for (const part of this.connection.takeOutput()) this.socket.write(part);
    }
    this.finish();
  }
}

/**
 * Drives `connection` over `socket` (net.Socket, TLSSocket or any Duplex in octet mode) until either ends. Attach once,
 * before the socket has delivered data; octets read before (as by a protocol sniffer) go in by `socket.unshift`.
 */
export function attach(socket: Duplex, connection: Connection): Pump {
  return new Pump(socket, connection);
}
