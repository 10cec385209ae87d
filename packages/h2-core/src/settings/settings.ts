import { uint16, uint32 } from '../frame/bytes.ts';
import { DEFAULT_WINDOW, MAX_MAX_FRAME_SIZE, MAX_WINDOW, MIN_MAX_FRAME_SIZE } from '../frame/types.ts';
import type { RuleId } from '../rules.ts';

/** Settings by their number on the wire. RFC 9113 6.5.2, RFC 8441 3, RFC 9218 2.1. */
export const SettingId = {
  HEADER_TABLE_SIZE: 0x1,
  ENABLE_PUSH: 0x2,
  MAX_CONCURRENT_STREAMS: 0x3,
  INITIAL_WINDOW_SIZE: 0x4,
  MAX_FRAME_SIZE: 0x5,
  MAX_HEADER_LIST_SIZE: 0x6,
  ENABLE_CONNECT_PROTOCOL: 0x8,
  NO_RFC7540_PRIORITIES: 0x9,
} as const;
/** One of `SettingId`; received ids may be any 16-bit number. */
export type SettingId = (typeof SettingId)[keyof typeof SettingId];

/** The RFC's name of a setting without its prefix, `UNKNOWN(0x..)` for others. */
export function settingName(id: number): string {
  for (const [name, value] of Object.entries(SettingId)) if (value === id) return name;
  return `UNKNOWN(0x${id.toString(16)})`;
}

/** The values in force for one direction of a connection, at first the RFC's initial ones. */
export class Settings {
  /** Octets of the dynamic table the peer's encoder may use. */
  headerTableSize = 4096;
  /** False: no PUSH_PROMISE may be sent to whoever says so. Said by clients (RFC 9113 8.4). */
  enablePush = true;
  /** Streams the other side may open; Infinity: no limit given. */
  maxConcurrentStreams: number = Number.POSITIVE_INFINITY;
  /** Window that streams begin with, octets, 0..2^31-1. RFC 9113 6.9.2. */
  initialWindowSize: number = DEFAULT_WINDOW;
  /** Greatest frame payload taken, octets, 2^14..2^24-1. */
  maxFrameSize: number = MIN_MAX_FRAME_SIZE;
  /** Octets of a field section the receiver is willing to take; Infinity: no limit given. */
  maxHeaderListSize: number = Number.POSITIVE_INFINITY;
  /** Extended CONNECT is taken. Said by servers (RFC 8441 3). */
  enableConnectProtocol = false;
  /** The priorities of RFC 7540 are not used. RFC 9218 2.1. */
  noRfc7540Priorities = false;

  /** Takes over one setting whose value has been checked. Unknown ids change nothing (RFC 9113 6.5.2). */
  apply(id: number, value: number): void {
    switch (id) {
      case SettingId.HEADER_TABLE_SIZE:
        this.headerTableSize = value;
        break;
      case SettingId.ENABLE_PUSH:
        this.enablePush = value === 1;
        break;
      case SettingId.MAX_CONCURRENT_STREAMS:
        this.maxConcurrentStreams = value;
        break;
      case SettingId.INITIAL_WINDOW_SIZE:
        this.initialWindowSize = value;
        break;
      case SettingId.MAX_FRAME_SIZE:
        this.maxFrameSize = value;
        break;
      case SettingId.MAX_HEADER_LIST_SIZE:
        this.maxHeaderListSize = value;
        break;
      case SettingId.ENABLE_CONNECT_PROTOCOL:
        this.enableConnectProtocol = value === 1;
        break;
      case SettingId.NO_RFC7540_PRIORITIES:
        this.noRfc7540Priorities = value === 1;
        break;
    }
  }
}

/**
 * Checks one received setting against the values in force. `fromServer`: the sender is the server, which must not
 * enable push (RFC 9113 6.5.2). Returns the rule broken, empty when the setting is acceptable.
 */
export function checkSetting(
  id: number,
  value: number,
  current: Settings,
  fromServer: boolean,
  first: boolean,
): RuleId | '' {
  switch (id) {
    case SettingId.ENABLE_PUSH:
      if (value > 1) return 'settings.enable-push';
      return fromServer && value === 1 ? 'settings.enable-push-server' : '';
    case SettingId.INITIAL_WINDOW_SIZE:
      return value <= MAX_WINDOW ? '' : 'settings.initial-window-size';
    case SettingId.MAX_FRAME_SIZE:
      return value >= MIN_MAX_FRAME_SIZE && value <= MAX_MAX_FRAME_SIZE ? '' : 'settings.frame-size';
    case SettingId.ENABLE_CONNECT_PROTOCOL:
      if (value > 1) return 'settings.connect-protocol';
      return current.enableConnectProtocol && value === 0 ? 'settings.connect-protocol-revoked' : '';
    case SettingId.NO_RFC7540_PRIORITIES:
      if (value > 1) return 'settings.no-rfc7540';
      return !first && current.noRfc7540Priorities !== (value === 1) ? 'settings.no-rfc7540-changed' : '';
    default:
      return '';
  }
}

/** The payload of a SETTINGS frame as pairs of id and value, in wire order. `length` is a multiple of 6. */
export function parseSettings(bytes: Uint8Array, start: number, length: number): number[] {
  const pairs: number[] = [];
  for (let at = start; at < start + length; at += 6) pairs.push(uint16(bytes, at), uint32(bytes, at + 2));
  return pairs;
}
