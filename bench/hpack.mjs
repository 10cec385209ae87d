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

const ROUNDS = 7;
const REPEAT = 20;

const connections = browserCorpus().flatMap(({ requests, responses }) => [requests, responses]);
const fieldCount = connections.flat().reduce((sum, section) => sum + section.length, 0);
const blocks = connections.map(sections => {
  const encoder = new Encoder();
  return sections.map(section => encoder.encode(section.map(([name, value]) => ({ name, value }))));
});

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

/** Median of the rounds, nanoseconds of CPU time per field. */
function measure(work, repeat = REPEAT) {
  for (let i = 0; i < 3; i++) work();
  const rounds = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.cpuUsage();
    for (let i = 0; i < repeat; i++) work();
    const { user, system } = process.cpuUsage(start);
    rounds.push(((user + system) * 1000) / (fieldCount * repeat));
  }
  return median(rounds);
}

function ours() {
  let octets = 0;
  const sink = {
    onField(name, value) {
      octets += name.length + value.length;
    },
  };
  const out = new Octets(65_536);
  return {
    name: '@glassway/hpack',
    decode: measure(() => {
      for (const sections of blocks) {
        const decoder = new Decoder();
        for (const block of sections) decoder.decodeRange(block, 0, block.length, sink);
      }
    }),
    encode: measure(() => {
      for (const sections of connections) {
        const encoder = new Encoder();
        for (const section of sections) {
          out.clear();
          encoder.begin(out);
          for (const [name, value] of section) encoder.field(out, name, value, false);
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
    decode: measure(() => {
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
    encode: measure(() => {
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

function nghttp2() {
  const folder = mkdtempSync(join(tmpdir(), 'glassway-bench-'));
  try {
    const program = join(folder, 'hpack-nghttp2');
    const source = fileURLToPath(new URL('peers/hpack-nghttp2.c', import.meta.url));
    const compiled = spawnSync('cc', ['-O2', '-o', program, source, '-lnghttp2'], { timeout: 60_000 });
    if (compiled.status !== 0) return null;
    const corpus = join(folder, 'corpus');
    writeFileSync(corpus, corpusFile());
    const done = spawnSync(program, [corpus, String(REPEAT), String(ROUNDS)], { encoding: 'utf8', timeout: 120_000 });
    if (done.status !== 0) throw new Error(`hpack-nghttp2 ended with ${done.status}: ${done.stderr}`);
    const rounds = done.stdout
      .trim()
      .split('\n')
      .map(line => line.split(' '));
    const figure = which => median(rounds.filter(([name]) => name === which).map(([, ns]) => Number(ns)));
    return { name: 'libnghttp2', decode: figure('decode'), encode: figure('encode') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
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
 * Runs the row. `results` has the figures, `checks` each target with its ratio (ours in units of the target: at least 1
 * is a pass), `missing` the peers that are not on this machine.
 */
export function run() {
  const own = ours();
  const package_ = hpackJs();
  const native = nghttp2();
  const checks = [];
  for (const operation of ['decode', 'encode']) {
    if (package_ !== null) {
      const ratio = package_[operation] / own[operation];
      checks.push({ id: 'P12', measure: `${operation} vs hpack.js`, ratio, target: '>= 5x', pass: ratio >= 5 });
    }
    if (native !== null) {
      const ratio = own[operation] / native[operation];
      checks.push({
        id: 'P12',
        measure: `${operation} vs libnghttp2`,
        ratio,
        target: '<= 2x the time',
        pass: ratio <= 2,
      });
    }
  }
  const missing = [package_ === null && 'hpack.js', native === null && 'libnghttp2 (cc and libnghttp2-dev)'];
  return { results: [own, package_, native].filter(Boolean), checks, missing: missing.filter(Boolean) };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { results, checks, missing } = run();
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
