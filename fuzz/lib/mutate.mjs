// How a case becomes another: octet by octet without knowing what they mean, frame by frame knowing it, step by step.
import { concat, FrameCutter, frame, preface } from '@glassway/h2-core/testing';

/** Numbers at which something tends to change, for octets and for 32 bits. */
export const OCTETS = [
  0, 1, 2, 4, 5, 8, 9, 0x0f, 0x10, 0x1f, 0x20, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0x82, 0xbe, 0xbf, 0xff,
];
export const WORDS = [
  0, 1, 2, 255, 256, 16_383, 16_384, 16_385, 65_535, 65_536, 1_048_576, 0x00ff_ffff, 0x7fff_fffe, 0x7fff_ffff,
];
const WILD_WORDS = [...WORDS, 0x8000_0000, 0x8000_0001, 0xffff_ffff];
const IDS = [0, 1, 2, 3, 4, 5, 7, 9, 101, 0x7fff_fffd, 0x7fff_fffe, 0x7fff_ffff];
/** Cases do not grow beyond this many steps, and their octets not beyond this many in one step. */
const MAX_STEPS = 80;
const MAX_OCTETS = 40_000;

/** Changes some octets of a copy. */
export function mutateOctets(random, octets) {
  const at = random.below(octets.length + 1);
  switch (random.below(7)) {
    case 0: {
      const copy = octets.slice();
      if (copy.length > 0) copy[at % copy.length] ^= 1 << random.below(8);
      return copy;
    }
    case 1: {
      const copy = octets.slice();
      if (copy.length > 0) copy[at % copy.length] = random.one(OCTETS);
      return copy;
    }
    case 2: {
      const copy = octets.slice();
      if (copy.length > 0) copy[at % copy.length] += random.chance(50) ? 1 : 255;
      return copy;
    }
    case 3:
      return concat(
        octets.slice(0, at),
        Uint8Array.from({ length: 1 + random.below(4) }, () => random.one(OCTETS)),
        octets.slice(at),
      );
    case 4:
      return concat(octets.slice(0, at), octets.slice(at + 1 + random.skewed(16)));
    case 5: {
      // A part again, somewhere else.
      const part = octets.slice(at, at + 1 + random.skewed(32));
      const to = random.below(octets.length + 1);
      return concat(octets.slice(0, to), part, octets.slice(to));
    }
    default: {
      const copy = octets.slice();
      if (copy.length >= 4) new DataView(copy.buffer).setUint32(at % (copy.length - 3), random.one(WILD_WORDS));
      return copy;
    }
  }
}

/** Changes one frame of octets that are frames; anything else is changed as octets. `makeFrame` invents a frame. */
export function mutateFrames(random, octets, makeFrame) {
  const hasPreface = octets.length >= 24 && octets[0] === 0x50 && octets[1] === 0x52;
  const cutter = new FrameCutter();
  const frames = cutter.push(hasPreface ? octets.slice(24) : octets);
  // What is no frames is changed as octets; the preface mostly stays, or all the rest would be for nothing.
  if (frames.length === 0 || cutter.waiting !== 0) {
    if (!hasPreface || random.chance(10)) return mutateOctets(random, octets);
    return concat(preface, mutateOctets(random, octets.slice(24)));
  }
  const parts = frames.map(write);
  const at = random.below(frames.length);
  const chosen = frames[at];
  switch (random.below(11)) {
    case 0:
      parts.splice(at, 1);
      break;
    case 1:
      parts.splice(random.below(parts.length + 1), 0, parts[at]);
      break;
    case 2:
      [parts[at], parts[(at + 1) % parts.length]] = [parts[(at + 1) % parts.length], parts[at]];
      break;
    case 3:
    case 4:
      parts.splice(random.below(parts.length + 1), 0, makeFrame(random));
      break;
    case 5:
      parts[at] = write({
        ...chosen,
        flags: random.chance(70) ? chosen.flags ^ random.one([1, 4, 8, 0x20]) : random.below(256),
      });
      break;
    case 6:
      parts[at] = write({ ...chosen, streamId: random.one(IDS) });
      break;
    case 7:
      parts[at] = write({ ...chosen, type: random.chance(80) ? random.below(11) : random.one([12, 16, 0x77]) });
      break;
    case 8: {
      // Says another length than it has: what follows is read as something else.
      if (random.chance(50)) break;
      const lie = random.one([0, 1, chosen.payload.length + 1, Math.max(0, chosen.payload.length - 1), 16_385]);
      parts[at] = frame(chosen.type, chosen.flags, chosen.streamId, chosen.payload, { length: lie });
      break;
    }
    case 9:
      // The same, repeated: floods.
      parts.splice(at, 0, ...new Array(1 + random.skewed(40)).fill(parts[at]));
      break;
    default:
      parts[at] = write({ ...chosen, payload: mutateOctets(random, chosen.payload) });
      break;
  }
  return concat(hasPreface ? preface : [], ...parts);
}

function write({ type, flags, streamId, reserved, payload }) {
  return frame(type, flags, streamId, payload, { reserved });
}

/**
 * A new case from an old one. `grammar` is the target's: `frames` (the octets are frames), `makeFrame(random)`,
 * `makeStep(random)`. `other` is a second case to take parts from.
 */
export function mutate(random, steps, other, grammar) {
  let result = steps;
  for (let rounds = 1 + random.skewed(5); rounds > 0; rounds--) result = mutateOnce(random, result, other, grammar);
  return result
    .slice(0, MAX_STEPS)
    .map(step => (step.octets?.length > MAX_OCTETS ? { ...step, octets: step.octets.slice(0, MAX_OCTETS) } : step));
}

function mutateOnce(random, steps, other, { frames, makeFrame, makeStep }) {
  const copy = steps.slice();
  const at = random.below(copy.length);
  const step = copy[at];
  switch (random.below(14)) {
    case 0:
      if (copy.length > 1) copy.splice(at, 1);
      return copy;
    case 1:
      copy.splice(random.below(copy.length + 1), 0, step);
      return copy;
    case 2: {
      const to = random.below(copy.length);
      [copy[at], copy[to]] = [copy[to], copy[at]];
      return copy;
    }
    case 3:
    case 4:
      copy.splice(random.below(copy.length + 1), 0, makeStep(random));
      return copy;
    case 5: {
      // The beginning of one, the end of the other.
      const from = random.below(other.length);
      return [...copy.slice(0, at + 1), ...other.slice(from)];
    }
    case 6: {
      const next = copy[at + 1];
      if (step?.op !== 'in' || next?.op !== 'in') return copy;
      copy.splice(at, 2, { op: 'in', octets: concat(step.octets, next.octets) });
      return copy;
    }
    case 7: {
      if (step?.octets === undefined) return copy;
      const cut = random.below(step.octets.length + 1);
      copy.splice(at, 1, { ...step, octets: step.octets.slice(0, cut) }, { ...step, octets: step.octets.slice(cut) });
      return copy;
    }
    default: {
      const changed = change(random, step, frames, makeFrame);
      if (changed !== null) copy[at] = changed;
      return copy;
    }
  }
}

function change(random, step, frames, makeFrame) {
  if (step === undefined) return null;
  if (step.octets === undefined) {
    const args = step.args.slice();
    if (args.length > 0) args[random.below(args.length)] = random.chance(50) ? random.below(32) : random.one(WORDS);
    return { ...step, args };
  }
  const knows = frames && step.op === 'in' && random.chance(90);
  return { ...step, octets: knows ? mutateFrames(random, step.octets, makeFrame) : mutateOctets(random, step.octets) };
}
