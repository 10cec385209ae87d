/**
 * The memory that the gateway's main thread writes and the hub's worker reads. Nothing in it is ever waited for: the
 * writer overwrites the oldest, the reader notices.
 *
 *     control      a few words: epoch, cursors of both rings, high-water marks of both tables
 *     frames       ring of frame records (see inspector-protocol's record)
 *     entries      ring of variable-length entries: strings, field sections, events, final rows
 *     connections  table of one row per open connection, always current
 *     streams      table of one row per open stream, always current
 */
import { RECORD_BYTES } from '@glassway/inspector-protocol';
import { CONNECTION_SLOT_BYTES, STREAM_SLOT_BYTES } from './slots.ts';

/** What a ring of frames lies in. */
export interface SharedFrames {
  readonly control: SharedArrayBuffer;
  readonly frames: SharedArrayBuffer;
}

/** The shared buffers; can be posted to a worker. */
export interface SharedTrace extends SharedFrames {
  readonly entries: SharedArrayBuffer;
  readonly connections: SharedArrayBuffer;
  readonly streams: SharedArrayBuffer;
}

/** Words of `control`. */
export const Control = {
  /** Odd while the writer is inside a turn: rows and cursors may disagree. */
  EPOCH: 0,
  /** Low 32 bits of the number of records ever written. */
  FRAMES: 1,
  /** Low 32 bits of the number of octets ever written to `entries`, divided by 8. */
  ENTRIES: 2,
  /** Rows of `connections` ever in use. */
  CONNECTION_ROWS: 3,
  /** Rows of `streams` ever in use. */
  STREAM_ROWS: 4,
  /** 1 while the reader reads: somebody looks, or did a moment ago. */
  AWAKE: 6,
  /** Generations of strings ever begun. */
  GENERATION_COUNT: 5,
  /** Where in `entries` the newest of them began, as ENTRIES counts: the first of `GENERATIONS` words, used in turn. */
  GENERATIONS: 8,
} as const;

/** Generations whose beginnings are remembered; a power of two. */
export const GENERATIONS = 8;
const CONTROL_BYTES: number = (Control.GENERATIONS + GENERATIONS) * 4;

/** Sizes of the shared memory. Pages are touched only as they are used. */
export interface TraceSizes {
  /** Octets of the ring of frame records. Default 64 MiB, about 1.6 million frames; at least 40 KiB. */
  readonly ringBytes?: number;
  /** Octets of the ring of field sections and events. Default 64 MiB; at least 1 MiB. */
  readonly entryBytes?: number;
  /** Open connections whose state can be shown at once. Default 16384. Frames of further ones are still logged. */
  readonly maxConnections?: number;
  /** Open streams whose state can be shown at once. Default 131072. */
  readonly maxStreams?: number;
}

const MIB = 1024 * 1024;
const MIN_RING_RECORDS = 1024;

/** Allocates a ring of frames of so many octets alone. Throws `RangeError` below its least size. */
export function allocateFrames(ringBytes: number = 64 * MIB): SharedFrames {
  const records = Math.floor(ringBytes / RECORD_BYTES);
  if (!(records >= MIN_RING_RECORDS)) {
    throw new RangeError(
      `inspector ring of ${ringBytes} octets is too small: give at least ${MIN_RING_RECORDS * RECORD_BYTES}`,
    );
  }
  return { control: new SharedArrayBuffer(CONTROL_BYTES), frames: new SharedArrayBuffer(records * RECORD_BYTES) };
}

/** Allocates the shared memory. Throws `RangeError` for a ring below its least size. */
export function allocateTrace(sizes: TraceSizes = {}): SharedTrace {
  const frames = allocateFrames(sizes.ringBytes);
  const entryBytes = Math.floor((sizes.entryBytes ?? 64 * MIB) / 8) * 8;
  if (!(entryBytes >= MIB))
    throw new RangeError(`inspector entry ring of ${sizes.entryBytes} octets is too small: give at least ${MIB}`);
  return {
    ...frames,
    entries: new SharedArrayBuffer(entryBytes),
    connections: new SharedArrayBuffer((sizes.maxConnections ?? 16_384) * CONNECTION_SLOT_BYTES),
    streams: new SharedArrayBuffer((sizes.maxStreams ?? 131_072) * STREAM_SLOT_BYTES),
  };
}
