import type { Core } from '../core.ts';
import { ascii, octet } from '../frame/bytes.ts';
import { PREFACE } from '../frame/types.ts';
import { ConnectionError } from '../rules.ts';

const OCTETS = ascii(PREFACE);

/** The client connection preface (RFC 9113 3.4): sent by a client, compared octet by octet by a server. */
export class ClientPreface {
  /** Nothing of it is missing (any more). */
  complete: boolean;
  private readonly core: Core;
  private seen = 0;

  constructor(core: Core) {
    this.core = core;
    this.complete = core.options.prefaceReceived || !core.isServer;
    if (!core.isServer) core.outbox.payload(OCTETS, 0, OCTETS.length);
  }

  /** Takes what is missing off the beginning of `chunk`; returns where frames begin. */
  take(chunk: Uint8Array): number {
    let at = 0;
    while (this.seen < OCTETS.length && at < chunk.length) {
      if (octet(chunk, at) !== octet(OCTETS, this.seen)) throw new ConnectionError('preface.client', 0, 0);
      this.seen++;
      at++;
    }
    if (this.seen === OCTETS.length) {
      this.complete = true;
      this.core.handler.onPreface?.();
    }
    return at;
  }
}
