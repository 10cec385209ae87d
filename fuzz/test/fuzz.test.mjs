import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { TARGETS } from '../targets/index.mjs';

/** All targets together; GLASSWAY_FUZZ_SECONDS for another time. */
const SECONDS = Number(process.env.GLASSWAY_FUZZ_SECONDS ?? 60);

/** Runs the fuzzer as a person would, at the lowest priority; the seed is in what it prints. */
function run(args) {
  const child = spawn(process.execPath, [join(import.meta.dirname, '..', 'run.mjs'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += chunk));
  return new Promise(done => child.on('close', code => done({ code, output })));
}

// ROB-01
describe('a while of fuzzing finds nothing', () => {
  test.each([...TARGETS.keys()])(
    '%s',
    async name => {
      const { code, output } = await run([name, '--seconds', String(SECONDS / TARGETS.size)]);
      console.log(output.trim());
      expect(code, output).toBe(0);
      const [, cases, seed] = /: (\d+) cases in .*, seed (-?\d+),/.exec(output);
      expect(Number(cases), `seed ${seed}`).toBeGreaterThan(100);
    },
    (SECONDS + 120) * 1000,
  );
});
