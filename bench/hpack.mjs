/**
 * P12: decode and encode of a browser-like corpus, nanoseconds of CPU time per field, against the `hpack.js` package and
 * libnghttp2 (C, when a compiler and libnghttp2-dev are installed). Each peer works through the whole corpus with fresh
 * tables for each connection; all decode the same blocks, and all encode the same fields.
 *
 *     node bench/hpack.mjs
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Decoder, defaultIndexing, Encoder, Octets, Representation } from '@glassway/hpack';
import { browserCorpus } from './hpack-corpus.mjs';

/** Rounds, the peers taking turns in each. The lowest figure of a peer is the one least disturbed by the machine. */
const ROUNDS = 15;
/** Times through the corpus in a round. */
const REPEAT = 10;
/** Times through the corpus before the first round, for the compiler. */
const WARM_UP = 20;

const connections = browserCorpus().flatMap(({ requests, responses }) => [requests, responses]);
const fieldCount = connections.flat().reduce((sum, section) => sum + section.length, 0);
/** Each section as name, value, name, value, ... so that the loop itself costs next to nothing. */
const flat = connections.map(sections => sections.map(section => section.flat()));
const blocks = connections.map(sections => {
  const encoder = new Encoder();
  return sections.map(section => encoder.encode(section.map(([name, value]) => ({ name, value }))));
});

/** Makes of `work`, once through the corpus, what measures it: nanoseconds of CPU time per field. */
function timed(work, repeat = REPEAT) {
  for (let i = 0; i < Math.min(WARM_UP, repeat * 2); i++) work();
  return () => {
    const start = process.cpuUsage();
    for (let i = 0; i < repeat; i++) work();
    const { user, system } = process.cpuUsage(start);
    return ((user + system) * 1000) / (fieldCount * repeat);
  };
}

function ours() {
  // Summed up so that no compiler can leave the work out.
  let octets = 0;
  const sink = {
    onField(name, value) {
      octets += name.length + value.length;
    },
  };
  const out = new Octets(65_536);
  return {
    name: '@glassway/hpack',
    decode: timed(() => {
      for (const sections of blocks) {
        const decoder = new Decoder();
        for (const block of sections) decoder.decodeRange(block, 0, block.length, sink);
      }
    }),
    encode: timed(() => {
      for (const sections of flat) {
        const encoder = new Encoder();
        for (const section of sections) {
          out.clear();
          encoder.begin(out);
          for (let i = 0; i < section.length; i += 2) encoder.field(out, section[i], section[i + 1], false);
        }
      }
    }),
    octets,
  };
}

function hpackJs() {
  let hpack;
  try {
    hpack = createRequire(import.meta.url)('hpack.js');
  } catch {
    return null;
  }
  const table = { maxSize: 4096 };
  let octets = 0;
  const buffers = blocks.map(sections => sections.map(block => Buffer.from(block)));
  const lists = connections.map(sections =>
    sections.map(section =>
      section.map(([name, value]) => {
        const indexing = defaultIndexing(name, value);
        return {
          name,
          value,
          incremental: indexing === Representation.INCREMENTAL,
          neverIndex: indexing === Representation.NEVER_INDEXED,
        };
      }),
    ),
  );
  return {
    name: 'hpack.js',
    decode: timed(() => {
      for (const sections of buffers) {
        const decompressor = hpack.decompressor.create({ table });
        for (const block of sections) {
          decompressor.write(block);
          decompressor.execute();
          for (let field = decompressor.read(); field !== null; field = decompressor.read()) {
            octets += field.name.length + field.value.length;
          }
        }
      }
    }, 1),
    encode: timed(() => {
      for (const sections of lists) {
        const compressor = hpack.compressor.create({ table });
        for (const section of sections) {
          compressor.write(section);
          octets += compressor.read().length;
        }
      }
    }, 1),
    octets,
  };
}

function nghttp2(folder) {
  const program = join(folder, 'hpack-nghttp2');
  const source = fileURLToPath(new URL('peers/hpack-nghttp2.c', import.meta.url));
  const compiled = spawnSync('cc', ['-O2', '-o', program, source, '-lnghttp2'], { timeout: 60_000 });
  if (compiled.status !== 0) return null;
  const corpus = join(folder, 'corpus');
  writeFileSync(corpus, corpusFile());
  const round = operation => () => {
    const done = spawnSync(program, [corpus, operation, String(REPEAT)], { encoding: 'utf8', timeout: 60_000 });
    if (done.status !== 0) throw new Error(`hpack-nghttp2 ended with ${done.status}: ${done.stderr}`);
    return Number(done.stdout);
  };
  return { name: 'libnghttp2', decode: round('decode'), encode: round('encode') };
}

/** The corpus as `peers/hpack-nghttp2.c` reads it. */
function corpusFile() {
  const parts = [];
  const number = value => parts.push(Buffer.from(Uint32Array.of(value).buffer));
  const octets = chunk => {
    number(chunk.length);
    parts.push(chunk);
  };
  number(connections.length);
  connections.forEach((sections, i) => {
    number(sections.length);
    sections.forEach((section, j) => {
      octets(Buffer.from(blocks[i][j]));
      number(section.length);
      for (const [name, value] of section) {
        octets(Buffer.from(name, 'latin1'));
        octets(Buffer.from(value, 'latin1'));
      }
    });
  });
  return Buffer.concat(parts);
}

/**
 * Runs the row. `results` has the figures, `checks` each target with its ratio, `missing` the peers that are not on this
 * machine.
 */
export function run() {
  const folder = mkdtempSync(join(tmpdir(), 'glassway-bench-'));
  try {
    const all = { '@glassway/hpack': ours(), 'hpack.js': hpackJs(), libnghttp2: nghttp2(folder) };
    const peers = Object.values(all).filter(peer => peer !== null);
    const missing = Object.keys(all).filter(name => all[name] === null);
    const results = peers.map(({ name }) => ({ name, decode: Infinity, encode: Infinity }));
    for (let round = 0; round < ROUNDS; round++) {
      for (const operation of ['decode', 'encode']) {
        peers.forEach((peer, i) => {
          results[i][operation] = Math.min(results[i][operation], peer[operation]());
        });
      }
    }
    return { results, checks: checksOf(results), missing };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function checksOf([own, ...peers]) {
  return peers.flatMap(peer =>
    ['decode', 'encode'].map(operation => {
      const measure = `${operation} vs ${peer.name}`;
      const ratio = peer[operation] / own[operation];
      const least = peer.name === 'hpack.js' ? 5 : 0.5;
      return { measure, operation, peer: peer.name, ratio, least, target: `>= ${least}x`, pass: ratio >= least };
    }),
  );
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { results, checks, missing } = run();
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify({ results, checks, missing }));
    process.exit(0);
  }
  const size = blocks.flat().reduce((sum, block) => sum + block.length, 0);
  const plain = connections.flat(2).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  console.log(
    `P12  HPACK, ${fieldCount} fields in ${blocks.flat().length} blocks, ${cpus()[0]?.model ?? 'unknown CPU'}`,
  );
  console.log(`     ${plain} octets of fields, ${size} encoded`);
  for (const { name, decode, encode } of results) {
    console.log(
      `     ${name.padEnd(16)} decode ${decode.toFixed(1).padStart(7)}  encode ${encode.toFixed(1).padStart(7)} ns per field`,
    );
  }
  for (const { measure: what, ratio, target, pass } of checks) {
    console.log(
      `     ${what.padEnd(22)} ${ratio.toFixed(2).padStart(6)}x  target ${target.padEnd(14)} ${pass ? 'pass' : 'FAIL'}`,
    );
  }
  for (const name of missing) console.log(`     skipped: ${name} is not installed`);
}
