import { afterTurn } from './host.ts';
import type { Driver, DriverSink } from './transport.ts';

/** Octets on their way to the other end at which the writer is told to wait. */
const HIGH_WATER = 262_144;
/** Octets delivered in one turn, as a socket does: readers get their turn too. */
const DELIVERY = 65_536;

/** One end of an in-memory transport; see `pair`. */
class MemoryEnd implements Driver {
  /** The other end; set by `pair`. */
  peer: MemoryEnd = this;
  private sink: DriverSink | null = null;
  /** What the other end wrote and this one has not delivered yet. */
  private inbox: Uint8Array[] = [];
  private waiting = 0;
  private scheduled = false;
  private paused = false;
  private ending = false;
  private over = false;
  private blocked = false;
  /** Called when the other end has delivered everything. */
  private flushed: (() => void) | null = null;

  start(sink: DriverSink): void {
    this.sink = sink;
    this.schedule();
  }

  write(parts: readonly Uint8Array[]): boolean {
    const { peer } = this;
    if (this.ending || peer.over) return true;
    for (const part of parts) {
      peer.inbox.push(part);
      peer.waiting += part.length;
    }
    peer.schedule();
    this.blocked = peer.waiting >= HIGH_WATER;
    return !this.blocked;
  }

  private schedule(): void {
    if (this.scheduled || this.paused || this.over || this.sink === null) return;
    this.scheduled = true;
    afterTurn(() => this.deliver());
  }

  private deliver(): void {
    this.scheduled = false;
    const { inbox, sink, peer } = this;
    if (sink === null || this.over) return;
    this.inbox = [];
    let at = 0;
    let delivered = 0;
    while (at < inbox.length && !this.paused) {
      const chunk = inbox[at] as Uint8Array;
      delivered += chunk.length;
      if (delivered > DELIVERY && at !== 0) break;
      at++;
      this.waiting -= chunk.length;
      if (!this.ending) sink.received(chunk);
    }
    if (at < inbox.length) this.inbox = [...inbox.slice(at), ...this.inbox];
    if (peer.blocked && this.waiting <= HIGH_WATER >>> 1) {
      peer.blocked = false;
      peer.sink?.drained();
    }
    if (this.inbox.length !== 0) this.schedule();
    else if (peer.ending) this.finish();
  }

  private finish(): void {
    if (this.over) return;
    this.over = true;
    this.inbox = [];
    this.peer.flushed?.();
    this.sink?.closed(undefined);
  }

  get isWritable(): boolean {
    return !this.ending && !this.peer.over;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.schedule();
  }

  end(flushed: () => void): void {
    this.ending = true;
    this.flushed = flushed;
    if (this.peer.over) flushed();
    else this.peer.schedule();
  }

  destroy(): void {
    this.ending = true;
    this.inbox = [];
    this.waiting = 0;
    this.finish();
    this.peer.schedule();
  }
}

/** Two ends of an in-memory transport: what one writes the other receives, in a later turn of the event loop. */
export function pair(): [Driver, Driver] {
  const left = new MemoryEnd();
  const right = new MemoryEnd();
  left.peer = right;
  right.peer = left;
  return [left, right];
}
