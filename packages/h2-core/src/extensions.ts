import type { Core } from './core.ts';
import { ascii, putUint32 } from './frame/bytes.ts';
import { type AltSvc, altSvcPayload, originsPayload, parseAltSvc, parseOrigins } from './frame/extension-frames.ts';
import { FrameType, frameTypeName, MAX_STREAM_ID } from './frame/types.ts';
import { ConnectionError } from './rules.ts';
import { shown } from './shown.ts';
import { Direction } from './tap.ts';

/** Frame types this core understands; a program may send and receive all others as it likes. */
const KNOWN: ReadonlySet<number> = new Set(Object.values(FrameType));

/** ALTSVC, ORIGIN, PRIORITY_UPDATE out, and frames of unknown types, in and out. RFC 9113 5.5. */
export class Extensions {
  private readonly core: Core;

  constructor(core: Core) {
    this.core = core;
  }

  /** A received ALTSVC, ORIGIN or unknown frame. What does not apply is ignored, as the RFCs ask. */
  onFrame(type: number, flags: number, streamId: number, bytes: Uint8Array, start: number, length: number): void {
    const { core } = this;
    const { handler } = core;
    // Both are for clients; what a server gets of them is to be ignored (RFC 7838 4, RFC 8336 2.1), malformed or not.
    if (core.isServer && (type === FrameType.ALTSVC || type === FrameType.ORIGIN)) return;
    if (type === FrameType.ALTSVC) {
      const service = parseAltSvc(bytes, start, length);
      if (service === null) throw new ConnectionError('frame.length', streamId, type, `${length} octets`);
      // RFC 7838 4: on stream 0 the origin is named, elsewhere it is not.
      if ((streamId === 0) === (service.origin !== '')) handler.onAltSvc?.(streamId, service);
    } else if (type === FrameType.ORIGIN) {
      const origins = parseOrigins(bytes, start, length);
      if (origins === null) throw new ConnectionError('frame.length', streamId, type, `${length} octets`);
      // RFC 8336 2.1: only on stream 0, with no flags that would mean something else.
      if (streamId === 0 && (flags & 0x0f) === 0) handler.onOrigins?.(origins);
    } else {
      handler.onUnknownFrame?.(type, flags, streamId, bytes.subarray(start, start + length));
    }
  }

  altSvc(streamId: number, service: AltSvc): void {
    const { core } = this;
    if (!core.isServer) core.misuse('api.altsvc', 'only a server advertises alternative services');
    if ((streamId === 0) !== (service.origin !== '')) {
      core.misuse('api.altsvc', 'name the origin on stream 0, and nowhere else (RFC 7838 4)');
    }
    this.write(FrameType.ALTSVC, 0, streamId, altSvcPayload(service));
  }

  origins(origins: readonly string[]): void {
    const { core } = this;
    if (!core.isServer) core.misuse('api.origin', 'only a server names its origins');
    this.write(FrameType.ORIGIN, 0, 0, originsPayload(origins));
  }

  priorityUpdate(streamId: number, value: string): void {
    const { core } = this;
    if (core.isServer) core.misuse('api.priority-update', 'only a client sends PRIORITY_UPDATE');
    if (!isStreamId(streamId) || streamId === 0)
      core.misuse('api.priority-update', `there is no stream ${shown(streamId)}`);
    const text = ascii(value);
    const payload = new Uint8Array(4 + text.length);
    putUint32(payload, 0, streamId);
    payload.set(text, 4);
    this.write(FrameType.PRIORITY_UPDATE, 0, 0, payload);
  }

  unknown(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    const { core } = this;
    if (!Number.isInteger(type) || type < 0 || type > 0xff)
      core.misuse('api.frame-type', `frame type ${shown(type)} is no octet`);
    if (!Number.isInteger(flags)) core.misuse('api.frame-flags', `flags ${shown(flags)} are no octet`);
    if (!isStreamId(streamId)) core.misuse('api.stream-id', `stream ${shown(streamId)} is not within 0 and 2^31-1`);
    if (KNOWN.has(type)) core.misuse('api.frame-type', `${frameTypeName(type)} is sent by its own command`);
    this.write(type, flags & 0xff, streamId, payload);
  }

  private write(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    const { core } = this;
    if (payload.length > core.sender.maxFrameSize) {
      core.misuse(
        'api.frame-size',
        `${payload.length} octets do not fit a frame of at most ${core.sender.maxFrameSize}`,
      );
    }
    if (core.closed) return;
    core.outbox.header(payload.length, type, flags, streamId);
    core.outbox.payload(payload, 0, payload.length);
    if (core.tap === null) return;
    const window = core.registry.live.get(streamId)?.sendWindow ?? 0;
    core.tap.onFrame(Direction.OUT, type, flags, streamId, payload.length, core.sender.window, window, 0, payload, 0);
  }
}

function isStreamId(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= MAX_STREAM_ID;
}
