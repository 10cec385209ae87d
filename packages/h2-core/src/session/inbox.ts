import { afterTurn } from './host.ts';
import { AsyncQueue } from './queue.ts';

/** Octets up to which what came in small pieces is gathered in one. */
const GATHERED = 16_384;

/**
 * Inboxes that hold views of what this turn of the event loop brought. A reader who keeps up has taken his views when the
 * turn is over; what is still here waits for longer, and must not hold what came along with it.
 */
let unsettled: Inbox[] = [];

function settleAll(): void {
  const inboxes = unsettled;
  unsettled = [];
  for (const inbox of inboxes) inbox.settle();
}

/**
 * Received octets of one stream on their way to the reader: views of what the transport delivered, without a copy as long as
 * somebody takes them at once. A view holds all the memory it is a part of, the frames of other streams with it: 256 octets
 * can hold 64 KiB, and flow control counts 256. So what waits longer than the turn in which it came, and is less than half
 * of that memory, is copied; small pieces are gathered. What is held is at most about twice what the windows say, and for a
 * stream whose reader has stopped in the middle of a delivery the rest of that one.
 */
export class Inbox extends AsyncQueue<Uint8Array> {
  /** How many of the last chunks are views of `source`. */
  private views = 0;
  /** Memory that the last chunks are small parts of; null: none is, or that has been seen to. */
  private source: ArrayBufferLike | null = null;
  private listed = false;
  /** The last chunk before those views was gathered here: its memory is ours, and may have room. */
  private ownTail = false;

  override push(chunk: Uint8Array): boolean {
    const { buffer } = chunk;
    if (this.source !== null && this.source !== buffer) this.gather();
    if (super.push(chunk)) return true;
    if (this.source === buffer) {
      this.views++;
      return false;
    }
    if (chunk.length * 2 >= buffer.byteLength) {
      this.ownTail = false;
      return false;
    }
    this.source = buffer;
    this.views = 1;
    if (this.listed) return false;
    this.listed = true;
    if (unsettled.length === 0) afterTurn(settleAll);
    unsettled.push(this);
    return false;
  }

  /** The turn is over. */
  settle(): void {
    this.listed = false;
    if (this.source !== null) this.gather();
  }

  /** Copies the views that are still here, unless they are most of the memory that they hold. */
  private gather(): void {
    const { items } = this;
    const size = (this.source as ArrayBufferLike).byteLength;
    const count = Math.min(this.views, this.length);
    this.source = null;
    this.views = 0;
    let octets = 0;
    for (let i = items.length - count; i < items.length; i++) octets += (items[i] as Uint8Array).length;
    if (count === 0) return;
    if (octets * 2 >= size) {
      this.ownTail = false;
      return;
    }
    const views = items.splice(items.length - count, count);
    let used = 0;
    let memory: Uint8Array;
    const tail = this.ownTail && this.length !== 0 ? (items[items.length - 1] as Uint8Array) : null;
    if (tail === null || tail.length + octets > GATHERED) {
      memory = new Uint8Array(octets);
      items.push(memory);
    } else {
      used = tail.length;
      memory = new Uint8Array(tail.buffer);
      if (memory.length < used + octets) {
        memory = new Uint8Array(Math.min(Math.max(memory.length * 2, used + octets), GATHERED));
        memory.set(tail);
      }
      items[items.length - 1] = memory.subarray(0, used + octets);
    }
    for (const view of views) {
      memory.set(view, used);
      used += view.length;
    }
    this.ownTail = true;
  }
}
