/** Frames octet by octet, by the builder of `./testing`, which is independent of the code under test; and as terse lines. */
import {
  Code,
  type Fields,
  Flags,
  parseFrames,
  type RawFrame,
  readUint,
  requestFields,
  Setting,
  Type,
  text,
  uint,
} from '../../src/testing/index.ts';

export {
  concat,
  continuation,
  data,
  type Fields,
  fieldBlock as block,
  frame,
  frameHeader as header,
  goAway,
  headers,
  octets as bytes,
  ping,
  preface,
  priority,
  type RawFrame,
  rstStream as rst,
  settings,
  settingsAck,
  text,
  windowUpdate,
} from '../../src/testing/index.ts';
export { Code as E, Flags as F, Setting as S, Type as T };

export const u32 = (value: number): number[] => uint(value, 4);
export const GET: Fields = requestFields();
export const POST: Fields = requestFields({ method: 'POST' });

/** Cuts octets into frames; throws when they do not end at a frame's end or a reserved bit is set. */
export function parse(octets: Uint8Array): RawFrame[] {
  const frames = parseFrames(octets);
  const odd = frames.find(f => f.reserved);
  if (odd !== undefined) throw new Error(`the reserved bit is set: ${line(odd)}`);
  return frames;
}

const NAMES = Object.keys(Type).slice(0, 10);

/** A frame as one line: `RST_STREAM 1 8`, for transcripts. */
export function line(f: RawFrame): string {
  const name = NAMES[f.type] ?? `TYPE${f.type}`;
  const end =
    (f.type === Type.DATA || f.type === Type.HEADERS) && (f.flags & Flags.END_STREAM) !== 0 ? ' END_STREAM' : '';
  switch (f.type) {
    case Type.DATA:
      return `DATA ${f.streamId} ${f.payload.length}${end}`;
    case Type.RST_STREAM:
      return `RST_STREAM ${f.streamId} ${readUint(f.payload, 0, 4)}`;
    case Type.GOAWAY: {
      const [last, code] = [readUint(f.payload, 0, 4), readUint(f.payload, 4, 4)];
      return `GOAWAY ${last} ${code} ${text(f.payload.slice(8))}`.trimEnd();
    }
    case Type.WINDOW_UPDATE:
      return `WINDOW_UPDATE ${f.streamId} ${readUint(f.payload, 0, 4)}`;
    case Type.SETTINGS:
    case Type.PING:
      return (f.flags & Flags.ACK) !== 0 ? `${name} ACK` : name;
    default:
      return `${name} ${f.streamId}${end}`;
  }
}
