/**
 * Benchmarks against peers on this machine, in this run. Every figure is a ratio; see docs/performance.md.
 *
 *     npm run bench                  all rows
 *     npm run bench -- P1 P6         some rows
 *     npm run bench -- P1 --json F   results to a file as well
 */

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { which } from './lib/process.mjs';
import { print } from './lib/report.mjs';
import { p1, p2, p3, p5 } from './rows/core.mjs';
import { p6, p7 } from './rows/gateway.mjs';
import { p10 } from './rows/inspector.mjs';
import { p8 } from './rows/memory.mjs';
import { p9 } from './rows/scaling.mjs';
import { p4 } from './rows/tls.mjs';

function p12() {
  // HPACK has a program of its own, which prints its table itself.
  const file = fileURLToPath(new URL('./hpack.mjs', import.meta.url));
  const { status } = spawnSync(process.execPath, [file], { stdio: 'inherit' });
  if (status !== 0) throw new Error('P12 failed');
}

const ROWS = { P1: p1, P2: p2, P3: p3, P4: p4, P5: p5, P6: p6, P7: p7, P8: p8, P9: p9, P10: p10, P12: p12 };

const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'string' } } });
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
for (const name of wanted) {
  console.log(`${name} ...`);
  await ROWS[name](out);
}
print(out.results, out.figures);
for (const name of out.missing) console.log(`not measured, because it is not installed: ${name}`);
if (values.json !== undefined) {
  const { results, figures } = out;
  const machine = { node: process.version, kernel: release(), cpu: cpu.model.trim(), cores: cpus().length };
  writeFileSync(
    values.json,
    `${JSON.stringify({ date: new Date().toISOString(), machine, results, figures }, null, 2)}\n`,
  );
}
