// The test suites and what their reports say. Node built-ins only.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { step } from './command.mjs';
import { ROOT, readJson, toolPath, workspaceDirectories } from './workspace.mjs';

/**
 * What a suite came to. A suite that broke without naming a failed test counts one failure, so that a red run never
 * reads "0 failed".
 *
 * @typedef {{ passed: number, failed: number, skipped: number }} Tally
 */

/** Lines about tests that passed, which only hide the others when a suite fails; perhaps in colour. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is how colours are written
export const PASSED = /^[ \x1b[\dm]*✓.*\n/gm;

/** Directories with a vitest configuration, relative to the root; those with most tests first, so that none is waited for. */
export function vitestSuites(root = ROOT) {
  const names = ['vitest.config.ts', 'vitest.config.mjs', 'vitest.config.js'];
  const sizes = new Map();
  for (const directory of [...workspaceDirectories(root), 'scripts', 'fuzz']) {
    if (!names.some(name => existsSync(join(root, directory, name)))) continue;
    const files = existsSync(join(root, directory, 'test')) ? readdirSync(join(root, directory, 'test')) : [];
    sizes.set(directory, files.filter(file => /\.test\.m?ts$|\.test\.m?js$/.test(file)).length);
  }
  return [...sizes.keys()].sort((a, b) => sizes.get(b) - sizes.get(a));
}

/** Reads vitest's JSON report. `ok` is whether the process itself was content. @returns {Tally} */
export function tallyVitest(report, ok) {
  if (report === null) return { passed: 0, failed: 1, skipped: 0 };
  // A file that could not be loaded holds no tests, one whose set-up failed only skipped ones; both are failures.
  const isBroken = file => file.status === 'failed' && file.assertionResults.every(each => each.status !== 'failed');
  const broken = report.testResults.filter(isBroken).length;
  const failed = report.numFailedTests + broken;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && !ok ? 1 : failed,
    skipped: report.numPendingTests + (report.numTodoTests ?? 0),
  };
}

/** Reads Playwright's JSON report. A test that passed only when tried again counts as failed. @returns {Tally} */
export function tallyPlaywright(report, ok) {
  if (report === null) return { passed: 0, failed: 1, skipped: 0 };
  const { expected, unexpected, flaky, skipped } = report.stats;
  const failed = unexpected + flaky;
  return { passed: expected, failed: failed === 0 && !ok ? 1 : failed, skipped };
}

/** Runs one vitest suite. @returns {Promise<Tally>} */
export async function runVitest(directory, reports, env) {
  const file = join(reports, `${directory.replaceAll('/', '-')}.json`);
  const args = [toolPath('vitest'), 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const options = { cwd: join(ROOT, directory), env, timeoutMs: 1_800_000, quiet: true, hide: PASSED };
  const { ok, ms } = await step(`tests of ${directory}`, process.execPath, args, options);
  return line(directory, tallyVitest(readJson(file), ok), ms);
}

/** Runs the browser tests. @returns {Promise<Tally>} */
export async function runPlaywright(config, reports, env) {
  const file = join(reports, 'playwright.json');
  const args = [toolPath('playwright'), 'test', '-c', config, '--reporter=list,json'];
  const options = {
    env: { ...env, PLAYWRIGHT_JSON_OUTPUT_NAME: file },
    timeoutMs: 1_800_000,
    quiet: true,
    hide: PASSED,
  };
  const { ok, ms } = await step('browser tests', process.execPath, args, options);
  return line('e2e', tallyPlaywright(readJson(file), ok), ms);
}

function line(name, tally, ms) {
  const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : '';
  const verdict = tally.failed > 0 ? 'FAILED' : 'ok';
  console.log(
    `  ${verdict} ${name}: ${tally.passed} passed, ${tally.failed} failed${skipped}, ${(ms / 1000).toFixed(1)} s`,
  );
  return tally;
}

/** Runs tasks, a few at a time, in order. */
export async function inParallel(tasks, limit) {
  const results = [];
  const queue = tasks.entries();
  const worker = async () => {
    for (const [index, task] of queue) results[index] = await task();
  };
  await Promise.all(Array.from({ length: limit }, worker));
  return results;
}
