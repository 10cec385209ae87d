/**
 * Benchmarks against peers on this machine, in this run. Every figure is a ratio; see docs/performance.md.
 *
 *     npm run bench                  all rows
 *     npm run bench -- P1 P6         some rows
 *     npm run bench -- P1 --json F   results to this file instead of bench/results.json
 */

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { which } from './lib/process.mjs';
import { print, ratio } from './lib/report.mjs';
import { p1, p2, p3, p5 } from './rows/core.mjs';
import { p6, p7 } from './rows/gateway.mjs';
import { p10 } from './rows/inspector.mjs';
import { p8 } from './rows/memory.mjs';
import { p11 } from './rows/page.mjs';
import { p9 } from './rows/scaling.mjs';
import { start } from './rows/start.mjs';
import { p4 } from './rows/tls.mjs';
import { workers } from './rows/workers.mjs';

/** HPACK has a program of its own, so that nothing else has shaped the engine before. */
function p12(out) {
  const file = fileURLToPath(new URL('./hpack.mjs', import.meta.url));
  const how = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], timeout: 300_000 };
  const { status, stdout } = spawnSync(process.execPath, [file, '--json'], how);
  if (status !== 0) throw new Error(`hpack.mjs ended with ${status}`);
  const { results, checks, missing } = JSON.parse(stdout);
  for (const { name, decode, encode } of results) {
    console.log(`  ${name.padEnd(16)} decode ${decode.toFixed(1)}, encode ${encode.toFixed(1)} ns per field`);
  }
  for (const { operation, peer, ratio: value, least } of checks) {
    const unit = 'time per field, theirs/ours';
    out.results.push(
      ratio({ row: 'P12', shape: `HPACK ${operation}, browser-like`, peer, value, unit, target: least }),
    );
  }
  for (const name of missing) out.missing.add(name);
}

const ROWS = {
  P1: p1,
  P2: p2,
  P3: p3,
  P4: p4,
  P5: p5,
  P6: p6,
  P7: p7,
  P8: p8,
  P9: p9,
  P10: p10,
  P11: p11,
  P12: p12,
  WORKERS: workers,
  START: start,
};

/** Where the results go, for programs. */
const RESULTS = fileURLToPath(new URL('./results.json', import.meta.url));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'string', default: RESULTS } },
});
const wanted = positionals.length === 0 ? Object.keys(ROWS) : positionals.map(name => name.toUpperCase());
const unknown = wanted.filter(name => !(name in ROWS));
if (unknown.length > 0) {
  console.error(`unknown row ${unknown.join(', ')}; there are ${Object.keys(ROWS).join(', ')}`);
  process.exit(2);
}
for (const program of ['taskset', 'h2load']) {
  if (which(program) === null) {
    console.error(
      `${program} is not installed (Debian packages util-linux and nghttp2-client): nothing can be measured`,
    );
    process.exit(1);
  }
}

const [cpu] = cpus();
console.log(
  `Node ${process.version}, Linux ${release()}, ${cpus().length} x ${cpu.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
);
console.log('server on core 0, load on core 1; medians of three interleaved rounds');
const out = { results: [], figures: [], missing: new Set() };
const failed = [];
for (const name of wanted) {
  const began = performance.now();
  process.stdout.write(`${name} ...\n`);
  try {
    await ROWS[name](out);
  } catch (error) {
    // The other rows are worth having all the same.
    failed.push(name);
    console.error(`${name} FAILED: ${error.message}`);
  }
  console.log(`${name} took ${Math.round((performance.now() - began) / 1000)} s`);
}
print(out.results, out.figures);
for (const name of out.missing) console.log(`not measured, because it is not installed: ${name}`);
for (const name of failed) console.log(`failed: ${name}`);
const { results, figures } = out;
const machine = { node: process.version, kernel: release(), cpu: cpu.model.trim(), cores: cpus().length };
const run = { date: new Date().toISOString(), machine, results, figures, missing: [...out.missing], failed };
writeFileSync(values.json, `${JSON.stringify(run, null, 2)}\n`);
console.log(`written to ${values.json}`);
process.exitCode = failed.length > 0 ? 1 : 0;
