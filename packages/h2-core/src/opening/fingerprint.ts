import { octet, uint31 } from '../frame/bytes.ts';
import { Flag, FrameType } from '../frame/types.ts';
import type { PseudoField } from '../message/pseudo-order.ts';
import { parseSettings } from '../settings/settings.ts';
import type { EarlyFrame } from './early-frames.ts';

/** A priority of RFC 7540 5.3, which RFC 9113 has deprecated and clients still send. */
export interface LegacyPriority {
  readonly streamId: number;
  readonly exclusive: boolean;
  /** The stream it depends on; 0: none. */
  readonly dependsOn: number;
  /** 1..256. */
  readonly weight: number;
}

/** How a client began: what tells one implementation from another whatever its `user-agent` says. */
export interface Fingerprint {
  /** Id, value, id, value ... of the first SETTINGS, in wire order, unknown ids kept. */
  readonly settings: readonly number[];
  /** What the connection's window was raised by before the first request, octets; 0: not at all. */
  readonly windowUpdate: number;
  /** By PRIORITY frames and by the first HEADERS. */
  readonly priorities: readonly LegacyPriority[];
  /** Pseudo-fields of the first request, in wire order. */
  readonly pseudoOrder: readonly PseudoField[];
  /**
   * The same in the notation that is in common use: `1:65536;4:131072|12517377|3:0:0:201|m,p,a,s`, by position settings,
   * window (`00`: none), priorities (`0`: none; stream:exclusive:dependency:weight), first letters of the pseudo-fields.
   */
  readonly text: string;
}

/** Reads a fingerprint from the frames a client began with and its first request's `RequestHead.pseudoOrder`. */
export function fingerprintOf(frames: readonly EarlyFrame[], pseudoOrder: readonly PseudoField[]): Fingerprint {
  let settings: readonly number[] | null = null;
  let windowUpdate = 0;
  const priorities: LegacyPriority[] = [];
  for (const { type, flags, streamId, payload } of frames) {
    const { length } = payload;
    if (type === FrameType.SETTINGS && (flags & Flag.ACK) === 0) {
      settings ??= parseSettings(payload, 0, length - (length % 6));
    } else if (type === FrameType.WINDOW_UPDATE && streamId === 0 && length === 4) {
      windowUpdate += uint31(payload, 0);
    } else if ((type === FrameType.PRIORITY || type === FrameType.HEADERS) && length === 5) {
      const exclusive = octet(payload, 0) >= 0x80;
      priorities.push({ streamId, exclusive, dependsOn: uint31(payload, 0), weight: octet(payload, 4) + 1 });
    }
  }
  const pairs = settings ?? [];
  const text = [
    pairs
      .map((value, i) => (i % 2 === 0 ? `${value}:${pairs[i + 1]}` : ''))
      .filter(pair => pair !== '')
      .join(';'),
    windowUpdate === 0 ? '00' : String(windowUpdate),
    priorities.map(p => `${p.streamId}:${p.exclusive ? 1 : 0}:${p.dependsOn}:${p.weight}`).join(',') || '0',
    pseudoOrder.map(name => name[1]).join(','),
  ].join('|');
  return { settings: pairs, windowUpdate, priorities, pseudoOrder, text };
}
