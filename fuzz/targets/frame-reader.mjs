// The frame reader against the reader of ./testing: any octets, in any pieces, are the same frames to both.
import { concat, FrameCutter, frame, toHex } from '@glassway/h2-core/testing';
import { FrameReader } from '../../packages/h2-core/dist/frame/reader.js';
import { OCTETS } from '../lib/mutate.mjs';

const DATA = 0;
const PADDED = 8;

/** Notes what a reader hands over, DATA put together again. */
class Sink {
  constructor() {
    this.frames = [];
    this.open = null;
  }

  onFrame(type, flags, streamId, bytes, start, length) {
    this.note(type, flags, streamId, bytes.slice(start, start + length));
  }

  note(type, flags, streamId, payload) {
    if (this.open !== null) throw new Error('a frame begins inside a DATA frame');
    this.frames.push(`${type} ${flags} ${streamId} ${toHex(payload)}`);
  }

  onDataFrame(flags, streamId, length, padding) {
    if (this.open !== null) throw new Error('a DATA frame begins inside another');
    this.open = { flags, streamId, left: length - padding, parts: [] };
  }

  onDataBytes(bytes, start, end, last) {
    const { flags, streamId, parts } = this.open ?? { parts: [] };
    if (this.open === null) throw new Error('octets of no DATA frame');
    parts.push(bytes.slice(start, end));
    this.open.left -= end - start;
    if (last !== (this.open.left === 0)) throw new Error('the end of DATA is told in the wrong place');
    if (!last) return;
    this.open = null;
    this.note(DATA, flags, streamId, concat(...parts));
  }

  onOversizedFrame(type, flags, streamId, length) {
    this.frames.push(`oversized ${type} ${flags} ${streamId} ${length}`);
  }

  onBadDataPadding(flags, streamId, length) {
    this.frames.push(`padding ${flags} ${streamId} ${length}`);
  }
}

/** What the frames are to a reader that takes them whole; ends with the first that is refused. */
function expected(octets, maxFrameSize) {
  const lines = [];
  const cutter = new FrameCutter();
  let rest = 0;
  for (const { type, flags, streamId, payload } of cutter.push(octets)) {
    const { length } = payload;
    rest += 9 + length;
    if (length > maxFrameSize)
      return { lines: [...lines, `oversized ${type} ${flags} ${streamId} ${length}`], rest: [] };
    if (type !== DATA || (flags & PADDED) === 0) {
      lines.push(`${type} ${flags} ${streamId} ${toHex(payload)}`);
      continue;
    }
    if (length === 0 || payload[0] >= length)
      return { lines: [...lines, `padding ${flags} ${streamId} ${length}`], rest: [] };
    lines.push(`${type} ${flags} ${streamId} ${toHex(payload.slice(1, length - payload[0]))}`);
  }
  return { lines, rest: octets.slice(rest) };
}

/** The beginning of a frame at the end may be refused, and DATA in it handed over, before the whole is there. */
function fitsRest(lines, rest, open) {
  if (lines.length === 0) return true;
  const [line] = lines;
  return lines.length === 1 && !open && rest.length >= 9 && (line.startsWith('oversized') || /^padding|^0 /.test(line));
}

export default {
  name: 'frame-reader',
  grammar: {
    frames: true,
    makeFrame: random =>
      frame(
        random.below(12),
        random.below(256),
        random.below(4),
        Uint8Array.from({ length: random.skewed(40) }, () => random.one(OCTETS)),
      ),
    makeStep: random =>
      random.chance(15)
        ? { op: 'limit', args: [random.one([16_384, 16_385, 20_000, 0xff_ffff])] }
        : { op: 'in', octets: Uint8Array.from({ length: random.skewed(30) }, () => random.one(OCTETS)) },
  },
  run(steps) {
    const whole = concat(...steps.flatMap(({ op, octets }) => (op === 'in' ? [octets] : [])));
    const limit = Math.min(0xff_ffff, Math.max(16_384, steps.find(({ op }) => op === 'limit')?.args[0] ?? 16_384));
    const sink = new Sink();
    const reader = new FrameReader(sink);
    reader.maxFrameSize = limit;
    for (const { op, octets } of steps) {
      if (op !== 'in') continue;
      // ROB-06: what is handed over must not depend on a buffer that is used again.
      const chunk = octets.slice();
      reader.receive(chunk, 0);
      chunk.fill(0xaa);
    }
    const { lines, rest } = expected(whole, limit);
    const got = sink.frames;
    for (let i = 0; i < lines.length; i++) {
      if (got[i] !== lines[i]) throw new Error(`frame ${i} is ${got[i]} instead of ${lines[i]}`);
    }
    if (!fitsRest(got.slice(lines.length), rest, sink.open !== null)) {
      throw new Error(`too many frames: ${got.slice(lines.length).join(', ')}`);
    }
    // What is of interest to the engine: types, and what was refused.
    return lines.map(line => line.split(' ', 1)[0]).map(type => (Number(type) > 9 ? 'other' : type));
  },
};
