// Fuzzes one target in a thread of its own, so that a case that never ends can be ended, and told.
import { parentPort, workerData } from 'node:worker_threads';
import { TARGETS } from '../targets/index.mjs';
import { formatCase } from './case.mjs';
import { fuzz } from './engine.mjs';
import { corpusOf, readCases } from './files.mjs';

const { name, seed, seconds, shared } = workerData;
/** Words: how many cases were begun; octets of the current one. Then its text. */
const words = new Int32Array(shared, 0, 2);
const text = new Uint8Array(shared, 8);

const { runs, pool, coverage, pairs, failure } = fuzz({
  target: TARGETS.get(name),
  corpus: [...readCases(corpusOf(name)).values()],
  seed,
  seconds,
  onCase: steps => {
    Atomics.store(words, 1, Buffer.from(text.buffer, text.byteOffset, text.length).write(formatCase(steps)));
    Atomics.add(words, 0, 1);
  },
  onNew: (steps, blocks) => parentPort.postMessage({ found: formatCase(steps), blocks }),
});
parentPort.postMessage({
  done: {
    runs,
    pool,
    pairs,
    blocks: coverage.blocks,
    report: coverage.report(),
    failure: failure && { stack: String(failure.error?.stack ?? failure.error), case: failure.case },
  },
});
