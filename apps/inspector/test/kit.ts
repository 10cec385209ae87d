/** Builders for the worker's tests. */
import {
  connectionWord,
  FRAMES_HEADER_BYTES,
  FrameType,
  type Hello,
  PROTOCOL_VERSION,
  RECORD_BYTES,
  RecordWriter,
  type Snapshot,
  writeFramesHeader,
} from '@glassway/inspector-protocol';
import type { Knowledge } from '../src/worker/frame-match.ts';
import { Sections } from '../src/worker/sections.ts';
import { StateStore } from '../src/worker/state-store.ts';
import { World } from './fake/world.ts';

/** A frame, with what does not matter left out. */
export interface FrameSpec {
  readonly conn?: number;
  readonly leg?: 0 | 1;
  readonly dir?: 0 | 1;
  readonly stream?: number;
  readonly type?: number;
  readonly flags?: number;
  readonly length?: number;
  readonly mark?: number;
  readonly ref?: number;
  readonly connWindow?: number;
  readonly streamWindow?: number;
  readonly aux?: number;
  readonly t?: number;
}

/** A FRAMES message whose first record is at position `from`. */
export function framesMessage(from: number, frames: readonly FrameSpec[]): ArrayBuffer {
  const buffer = new ArrayBuffer(FRAMES_HEADER_BYTES + frames.length * RECORD_BYTES);
  writeFramesHeader(new Uint8Array(buffer), frames.length, from, from + frames.length);
  const writer = new RecordWriter(buffer, FRAMES_HEADER_BYTES, frames.length);
  frames.forEach((frame, at) => {
    const word = connectionWord(frame.conn ?? 1, frame.leg ?? 0, frame.dir ?? 1);
    writer.write(
      at,
      frame.t ?? (from + at) * 1000,
      (from + at) >>> 0,
      word,
      frame.stream ?? 1,
      frame.length ?? 100,
      frame.type ?? FrameType.DATA,
      frame.flags ?? 0,
      frame.mark ?? 0,
      frame.ref ?? 0,
      frame.connWindow ?? 65_535,
      frame.streamWindow ?? 65_535,
      frame.aux ?? 0,
    );
  });
  return buffer;
}

/** `count` DATA frames on one stream. */
export function dataFrames(count: number, spec: FrameSpec = {}): FrameSpec[] {
  return Array.from({ length: count }, () => spec);
}

/** A HELLO. */
export function hello(gateway = 'g1'): Hello {
  return {
    type: 'hello',
    version: PROTOCOL_VERSION,
    recordBytes: RECORD_BYTES,
    gateway,
    name: 'test',
    release: '0',
    epochMs: 0,
    now: 0,
    ringRecords: 1024,
    creditBytes: 1 << 20,
    revealed: false,
  };
}

/** A SNAPSHOT of a world, or of nothing. */
export function snapshot(from: number, head: number, world: World | null = null, now = 0): Snapshot {
  const log = { fields: 0, events: 0, payloads: 0 };
  const rows = (world ?? new World()).changes(true);
  return {
    type: 'snapshot',
    id: 1,
    now,
    from: { frames: from, ...log },
    head: { frames: head, ...log },
    before: [],
    rows,
  };
}

/** Of no stream anything is known. */
const NO_STREAMS = new StateStore();
export const NOTHING_KNOWN: Knowledge = { store: NO_STREAMS, shown: NO_STREAMS, sections: new Sections(), now: 0 };
