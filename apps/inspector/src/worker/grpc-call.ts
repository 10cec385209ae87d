/** What the drawer says of a call of gRPC. */
import {
  type FieldSection,
  FrameType,
  grpcMessage,
  grpcTimeout,
  type PayloadStore,
  readProtobuf,
  SectionKind,
} from '@glassway/inspector-protocol';
import type { GrpcCall, GrpcOpenMessage } from '../feed/model.ts';
import type { FrameLog } from './frame-log.ts';
import type { GrpcMessage, GrpcMessages } from './grpc-messages.ts';
import type { StreamEntry } from './state-entries.ts';

/** Messages shown. */
const SHOWN = 100;
/** Octets of an opened message. */
const MAX_OCTETS = 4096;
/** Frames looked at for the octets of one message. */
const MAX_ROWS = 20_000;
const COMPRESSED = 1;
const TRAILERS = 0x80;

/** Where octets are to be had. */
export interface OctetSources {
  readonly log: FrameLog;
  readonly octets: PayloadStore;
  readonly messages: GrpcMessages;
}

/** The call on a stream, null when it is none. `open`: the message whose octets are wanted; `until`: what came later is left out, t. */
export function grpcCall(
  { log, octets, messages }: OctetSources,
  entry: StreamEntry,
  sections: readonly FieldSection[],
  open: { readonly direction: 0 | 1; readonly number: number } | null,
  until: number = Number.POSITIVE_INFINITY,
): GrpcCall | null {
  const { connection, stream } = entry.state;
  const all = messages.of(connection, stream).filter(each => each.t <= until);
  const type = fieldValue(sections, SectionKind.REQUEST, 'content-type') ?? entry.facts.contentType;
  if (all.length === 0 && !type.startsWith('application/grpc')) return null;
  const timeout = fieldValue(sections, SectionKind.REQUEST, 'grpc-timeout');
  // A call that fails at once has its status in the response itself.
  const message =
    fieldValue(sections, SectionKind.TRAILERS, 'grpc-message') ??
    fieldValue(sections, SectionKind.RESPONSE, 'grpc-message');
  const counts = [0, 1].map(direction =>
    all.reduce((most, each) => (each.direction === direction ? Math.max(most, each.number) : most), 0),
  );
  const chosen = open === null ? undefined : all.findLast(each => same(each, open));
  const shown = all.slice(-SHOWN);
  return {
    timeout: timeout === undefined ? null : { value: timeout, text: grpcTimeout(timeout)?.text ?? '' },
    encodings: [
      fieldValue(sections, SectionKind.REQUEST, 'grpc-encoding') ?? '',
      fieldValue(sections, SectionKind.RESPONSE, 'grpc-encoding') ?? '',
    ],
    status: entry.facts.grpcStatus,
    message: message === undefined ? '' : grpcMessage(message),
    received: counts[0]!,
    sent: counts[1]!,
    omitted: counts[0]! + counts[1]! - shown.length,
    messages: shown.map(each => ({
      direction: each.direction,
      number: each.number,
      length: each.length,
      compressed: (each.flags & COMPRESSED) !== 0,
      trailers: (each.flags & TRAILERS) !== 0,
      t: each.t,
      endAt: each.endAt <= until ? each.endAt : -1,
    })),
    open: chosen === undefined ? null : opened(log, octets, connection, stream, chosen, type),
  };
}

function same(message: GrpcMessage, other: { readonly direction: 0 | 1; readonly number: number }): boolean {
  return message.direction === other.direction && message.number === other.number;
}

function fieldValue(sections: readonly FieldSection[], kind: SectionKind, name: string): string | undefined {
  for (const section of sections) {
    if (section.kind !== kind) continue;
    const field = section.fields.find(each => each.name === name);
    if (field !== undefined && field.redacted === null) return field.value;
  }
  return undefined;
}

function opened(
  log: FrameLog,
  store: PayloadStore,
  connection: number,
  stream: number,
  message: GrpcMessage,
  type: string,
): GrpcOpenMessage {
  const octets = octetsOf(log, store, connection, stream, message);
  const { direction, number, length, flags } = message;
  const base = { direction, number, octets };
  if ((flags & COMPRESSED) !== 0) return { ...base, text: null, protobuf: null };
  // gRPC may carry anything; what says nothing else, or proto, is a Protocol Buffer.
  if ((flags & TRAILERS) !== 0 || /\+(?!proto)/.test(type)) {
    return { ...base, text: String.fromCharCode(...octets), protobuf: null };
  }
  return { ...base, text: null, protobuf: readProtobuf(octets, octets.length === length) };
}

/** The message's octets from its first one on, as far as they were kept without a gap. */
function octetsOf(
  log: FrameLog,
  store: PayloadStore,
  connection: number,
  stream: number,
  { seq, at, length, direction }: GrpcMessage,
): Uint8Array {
  const wanted = Math.min(length, MAX_OCTETS);
  const result = new Uint8Array(wanted);
  const { columns } = log;
  let have = 0;
  let from = at;
  let row = rowOf(log, seq);
  for (let looked = 0; row >= 0 && row < log.end && have < wanted && looked < MAX_ROWS; row++, looked++) {
    const slot = log.slot(row);
    if (columns.connection[slot] !== connection || columns.stream[slot] !== stream) continue;
    if (columns.type[slot] !== FrameType.DATA || columns.direction[slot] !== direction) continue;
    const size = columns.length[slot]! - columns.aux[slot]!;
    const before = have;
    for (const piece of [...store.of(columns.seq[slot]!)].sort((a, b) => a.offset - b.offset)) {
      const start = from + have - before - piece.offset;
      if (start < 0 || start >= piece.octets.length) continue;
      const part = piece.octets.subarray(start, start + wanted - have);
      result.set(part, have);
      have += part.length;
    }
    // Less than the frame had: the rest of the message is not known.
    if (have - before < Math.min(wanted - before, size - from)) break;
    from = 0;
  }
  return result.subarray(0, have);
}

/** The row of a log position, -1 when it is not kept. Positions rise with rows. */
function rowOf(log: FrameLog, seq: number): number {
  let low = log.first;
  let high = log.end;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (log.columns.seq[log.slot(middle)]! < seq) low = middle + 1;
    else high = middle;
  }
  return low < log.end && log.columns.seq[log.slot(low)] === seq ? low : -1;
}
