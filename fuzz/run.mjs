// `node fuzz/run.mjs [target ...]`: changes cases until one fails or the time is over; see docs/fuzzing.md.
// `node fuzz/run.mjs target file`: runs one case and says what it does.
// The packages have to be built.
import { existsSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { parseCase } from './lib/case.mjs';
import { distil } from './lib/engine.mjs';
import { corpusOf, failuresOf, readCases, writeCase } from './lib/files.mjs';
import { TARGETS } from './targets/index.mjs';

/** A case that takes this long has no end, ms. Generous: the machine may have other things to do. */
const HANG_MS = 30_000;
/** Text of one case that is kept for the moment at which it hangs, octets. */
const SHARED_OCTETS = 4_194_304;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    keep: { type: 'boolean', default: false },
    distil: { type: 'boolean', default: false },
    report: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) {
  console.log(`Usage: node fuzz/run.mjs [target ...] [--seconds 60] [--seed N] [--keep] [--report]
       node fuzz/run.mjs target file        run one case
       node fuzz/run.mjs target --distil    print the files of the corpus that others make superfluous
targets: ${[...TARGETS.keys()].join(', ')}; all of them by default, the time shared
--keep: cases that reach something new go into the corpus   --report: say what share of each source file ran`);
  process.exit(0);
}

const [first, file] = positionals;
if (file !== undefined && existsSync(file)) process.exit(runFile(first, file));
const names = positionals.length > 0 ? positionals : [...TARGETS.keys()];
for (const name of names) target(name);
if (values.distil) process.exit(superfluous(names));

const seed = values.seed === undefined ? (Math.random() * 2 ** 31) | 0 : Number(values.seed);
let failures = 0;
for (const name of names) if (!(await run(name, seed, Number(values.seconds) / names.length))) failures++;
process.exit(failures > 0 ? 1 : 0);

function target(name) {
  const found = TARGETS.get(name);
  if (found !== undefined) return found;
  console.error(`no target ${name}; there are ${[...TARGETS.keys()].join(', ')}`);
  process.exit(2);
}

/** One case, as it is; errors come out with their stack. */
function runFile(name, path) {
  const happened = target(name).run(parseCase(readFileSync(path, 'utf8')));
  console.log(happened.join('\n'));
  console.log('nothing is wrong');
  return 0;
}

function superfluous(of) {
  for (const name of of) {
    const cases = readCases(corpusOf(name));
    const kept = new Set(distil(target(name), [...cases.values()]));
    // Those with a name of their own are there for what they are about.
    for (const [path, text] of cases)
      if (path.startsWith('new-') && !kept.has(text)) console.log(`${corpusOf(name)}/${path}`);
  }
  return 0;
}

/** Fuzzes one target; true when nothing failed. */
function run(name, number, seconds) {
  const shared = new SharedArrayBuffer(8 + SHARED_OCTETS);
  const words = new Int32Array(shared, 0, 2);
  // Low priority for the work, so that nothing that runs beside it is slowed down.
  setPriority(19);
  const worker = new Worker(new URL('./lib/worker.mjs', import.meta.url), {
    workerData: { name, seed: number, seconds, shared },
  });
  let runs = -1;
  let stuckSince = performance.now();
  return new Promise(done => {
    const fail = (what, text) => {
      console.log(`${name}: FAILED with --seed ${number}\n${what}\n\n${text}`);
      if (text !== '')
        console.log(`again by: node fuzz/run.mjs ${name} ${writeCase(failuresOf(name), 'failed', text)}`);
      clearInterval(watch);
      done(false);
    };
    const watch = setInterval(() => {
      const now = Atomics.load(words, 0);
      if (now !== runs) stuckSince = performance.now();
      runs = now;
      if (performance.now() - stuckSince < HANG_MS) return;
      const text = Buffer.from(shared, 8, Atomics.load(words, 1)).toString('utf8');
      void worker.terminate();
      fail(`a case takes more than ${HANG_MS} ms`, text);
    }, 500);
    worker.on('message', ({ found, done: end }) => {
      if (found !== undefined && values.keep) writeCase(corpusOf(name), 'new', found);
      if (end === undefined) return;
      const reached = `${end.blocks} blocks and ${end.pairs} pairs of events reached beyond the corpus`;
      console.log(`${name}: ${end.runs} cases in ${seconds} s, seed ${number}, ${end.pool} kept, ${reached}`);
      if (values.report) for (const each of end.report) console.log(`  ${each.percent} % ${each.file}`);
      if (end.failure !== null) return fail(end.failure.stack, end.failure.case);
      clearInterval(watch);
      done(true);
    });
    worker.on('error', error => fail(error.stack, ''));
  });
}
