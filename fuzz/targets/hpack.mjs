// HPACK: any block, in any pieces, decodes to the same or fails in the same words; what was decoded survives being encoded
// and decoded again, and both ends' tables agree.

import { fieldBlock } from '@glassway/h2-core/testing';
import { Decoder, Encoder, HpackError } from '@glassway/hpack';
import { OCTETS } from '../lib/mutate.mjs';

const MAX_SECTION = 4096;
const MAX_FIELDS = 64;
const OPTIONS = { maxFieldSectionSize: MAX_SECTION, maxFields: MAX_FIELDS };

const NAMES = [':method', ':path', 'cookie', 'x-a', 'authorization', '', 'content-length'];

/** One decoder's history: a line per block. */
class Side {
  constructor() {
    this.decoder = new Decoder(OPTIONS);
    this.lines = [];
  }

  /** Decodes a block in the pieces that `cuts` say. */
  block(octets, cuts) {
    const fields = [];
    let size = 0;
    const sink = {
      onField: (name, value, sensitive) => {
        fields.push({ name, value, sensitive });
        size += name.length + value.length + 32;
      },
    };
    try {
      let from = 0;
      for (const cut of cuts) {
        this.decoder.push(octets.slice(from, cut), sink, false);
        from = cut;
      }
      if (cuts.length === 0) this.decoder.decode(octets, sink);
      else this.decoder.push(octets.slice(from), sink, true);
    } catch (error) {
      if (!(error instanceof HpackError)) throw error;
      this.lines.push(`${JSON.stringify(fields)} ${error.rule}`);
      return null;
    }
    if (size > MAX_SECTION || fields.length > MAX_FIELDS)
      throw new Error(`${fields.length} fields of ${size} octets passed the limits`);
    const { tableSize, maxTableSize } = this.decoder;
    if (tableSize > maxTableSize) throw new Error(`the table holds ${tableSize} of ${maxTableSize} octets`);
    this.lines.push(`${JSON.stringify(fields)} ${this.decoder.truncated} ${tableSize}`);
    return fields;
  }
}

function sameTables(encoder, decoder) {
  if (encoder.tableSize === decoder.tableSize) return;
  throw new Error(`the encoder's table has ${encoder.tableSize} octets, the decoder's ${decoder.tableSize}`);
}

export default {
  name: 'hpack',
  grammar: {
    frames: false,
    makeFrame: () => new Uint8Array(0),
    makeStep: random => {
      if (random.chance(15)) return { op: 'table', args: [random.one([0, 32, 64, 100, 4096, 65_536])] };
      if (random.chance(15)) return { op: 'cut', args: [random.below(40), random.below(40)] };
      if (random.chance(40)) {
        const fields = Array.from({ length: random.below(5) }, () => [
          random.one(NAMES),
          'v'.repeat(random.skewed(60)),
        ]);
        return { op: 'block', octets: fieldBlock(fields) };
      }
      return { op: 'block', octets: Uint8Array.from({ length: random.skewed(24) }, () => random.one(OCTETS)) };
    },
  },
  run(steps) {
    const once = new Side();
    const pieces = new Side();
    const encoder = new Encoder();
    const again = new Decoder({ maxFieldSectionSize: 2 * MAX_SECTION, maxFields: 2 * MAX_FIELDS });
    let cuts = [1];
    for (const { op, octets, args } of steps) {
      if (op === 'cut') cuts = args;
      if (op === 'table' && args[0] >= 0 && args[0] <= 0x7fff_ffff) {
        once.decoder.setMaxTableSize(args[0]);
        pieces.decoder.setMaxTableSize(args[0]);
        again.setMaxTableSize(args[0]);
        encoder.setPeerMaxTableSize(args[0]);
      }
      if (op !== 'block') continue;
      const fields = once.block(octets, []);
      // HPD-12
      pieces.block(
        octets,
        [...new Set(cuts.map(cut => Math.max(0, cut) % (octets.length + 1)))].sort((a, b) => a - b),
      );
      if (once.lines.at(-1) !== pieces.lines.at(-1)) {
        throw new Error(`in pieces: ${pieces.lines.at(-1)}\nat once:   ${once.lines.at(-1)}`);
      }
      if (fields === null) break;
      const heard = [];
      again.decode(encoder.encode(fields), {
        onField: (name, value, sensitive) => {
          heard.push({ name, value, sensitive });
        },
      });
      if (!encodes(fields, heard))
        throw new Error(`encoded ${JSON.stringify(fields)}, decoded ${JSON.stringify(heard)}`);
      sameTables(encoder, again);
    }
    // What is of interest to the engine: outcomes, not sizes.
    return once.lines.map(line => line.replace(/.*\] /, '').replace(/\d+$/, size => `${size.length}`));
  },
};

/** The same fields; the encoder may mark more of them never indexed (authorization, short cookies), never fewer. */
function encodes(fields, heard) {
  return (
    fields.length === heard.length &&
    fields.every(
      ({ name, value, sensitive }, i) =>
        name === heard[i].name && value === heard[i].value && (!sensitive || heard[i].sensitive),
    )
  );
}
