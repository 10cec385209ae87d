import { ascii } from '../frame/bytes.ts';
import { FrameType } from '../frame/types.ts';
import type { Handler } from '../handler.ts';
import type { Outbox } from '../outbox.ts';
import type { StreamRecord } from '../stream/stream.ts';

/** Payload of the PING that goes with a cancelled request; its answer is for nobody. */
export const CANCEL_PING: Uint8Array = ascii('glascanc');

/** What is needed of the connection. */
interface SlotsHost {
  readonly outbox: Outbox;
  readonly tap: unknown;
  readonly handler: Handler;
  readonly closed: boolean;
  onSlot: (() => void) | null;
  tellFrame(type: number, flags: number, streamId: number, length: number, aux: number): void;
}

/**
 * A server that hangs would be given request after request, each cancelled after a while and its place free again. So a
 * request cancelled before the server said anything since it was made keeps its place until the server says something, and a
 * PING asks for that. One PING for each HEADERS or DATA received: servers count others as a flood.
 */
export class CancelledSlots {
  /** Places kept by requests that were cancelled. */
  held = 0;
  /** Chunks received, to tell whether anything came since a request was made. */
  chunks = 0;
  /** HEADERS or DATA came since the last PING. */
  messageHeard = true;
  private readonly enabled: boolean;
  private readonly host: SlotsHost;

  constructor(host: SlotsHost, enabled: boolean) {
    this.host = host;
    this.enabled = enabled;
  }

  /** The program is about to reset a request of ours. True: its place is kept, and a PING is to follow RST_STREAM. */
  keep(stream: StreamRecord): boolean {
    if (!this.enabled || stream.openedAt !== this.chunks) return false;
    const first = this.held === 0;
    // Without a PING nothing might ever come.
    if (first && !this.messageHeard) return false;
    this.held++;
    return first;
  }

  /** Asks for a sign of life. */
  ping(): void {
    const { host } = this;
    if (host.closed) return;
    this.messageHeard = false;
    host.outbox.ping(CANCEL_PING, 0, false);
    if (host.tap !== null) host.tellFrame(FrameType.PING, 0, 0, CANCEL_PING.length, 0);
  }

  /** Octets came and were read. */
  heard(): void {
    this.chunks = (this.chunks + 1) | 0;
    if (this.held === 0) return;
    this.held = 0;
    const { host } = this;
    host.onSlot?.();
    if (!host.closed) host.handler.onSlotsFree?.();
  }
}
