import { describe, expect, test, vi } from 'vitest';
import { capture, step } from '../lib/command.mjs';
import { inParallel, PASSED, tallyPlaywright, tallyVitest, vitestSuites } from '../lib/suites.mjs';
import { tree } from './support.mjs';

describe('tallyVitest', () => {
  const report = { numPassedTests: 5, numFailedTests: 0, numPendingTests: 2, numTodoTests: 1, testResults: [] };
  const brokenFile = { status: 'failed', assertionResults: [] };

  test('counts what ran', () => {
    expect(tallyVitest(report, true)).toEqual({ passed: 5, failed: 0, skipped: 3 });
    expect(tallyVitest({ ...report, numFailedTests: 2 }, false)).toEqual({ passed: 5, failed: 2, skipped: 3 });
  });

  test('a file that cannot be loaded, or whose set-up failed, is a failure', () => {
    const unprepared = { status: 'failed', assertionResults: [{ status: 'skipped' }] };
    const counted = { status: 'failed', assertionResults: [{ status: 'failed' }, { status: 'passed' }] };
    const testResults = [brokenFile, unprepared, counted];
    expect(tallyVitest({ ...report, numFailedTests: 1, testResults }, false).failed).toBe(3);
  });

  test('a run that failed without a failed test, or without a report, is a failure', () => {
    expect(tallyVitest(report, false).failed).toBe(1);
    expect(tallyVitest(null, false)).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(tallyVitest(null, true).failed).toBe(1);
  });
});

test('tallyPlaywright: flaky is failed, and so is a run without a report', () => {
  const stats = { expected: 4, unexpected: 1, flaky: 1, skipped: 2 };
  expect(tallyPlaywright({ stats }, false)).toEqual({ passed: 4, failed: 2, skipped: 2 });
  expect(tallyPlaywright({ stats: { ...stats, unexpected: 0, flaky: 0 } }, false).failed).toBe(1);
  expect(tallyPlaywright(null, true).failed).toBe(1);
});

test('vitestSuites finds every workspace with a configuration, and the scripts, the largest first', () => {
  const root = tree({
    'package.json': { workspaces: ['packages/*', 'examples'] },
    'packages/a/package.json': {},
    'packages/a/vitest.config.ts': '',
    'packages/b/package.json': {},
    'examples/package.json': {},
    'examples/vitest.config.mjs': '',
    'examples/test/one.test.mjs': '',
    'scripts/vitest.config.mjs': '',
    'scripts/test/one.test.mjs': '',
    'scripts/test/two.test.ts': '',
    'scripts/test/support.mjs': '',
  });
  expect(vitestSuites(root)).toEqual(['scripts', 'examples', 'packages/a']);
});

test('inParallel keeps the order of results and the limit', async () => {
  let now = 0;
  let most = 0;
  const tasks = [3, 1, 2, 0].map(value => async () => {
    most = Math.max(most, ++now);
    await new Promise(done => setTimeout(done, value * 5));
    now -= 1;
    return value;
  });
  expect(await inParallel(tasks, 2)).toEqual([3, 1, 2, 0]);
  expect(most).toBe(2);
});

test('step says that a command failed and shows its output, without what passed', async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  const program = `
    console.log(' ✓ plain');
    console.log('   \\x1b[32m✓\\x1b[39m in colour');
    console.log(' × broken ✓');
    process.exitCode = 3;`;
  const { ok } = await step('a suite', process.execPath, ['-e', program], { hide: PASSED });
  const lines = log.mock.calls.map(([line]) => line);
  log.mockRestore();
  expect(ok).toBe(false);
  expect(lines).toEqual(['  FAILED a suite (exit code 3)', '     × broken ✓']);
});

describe('capture', () => {
  test('output of both kinds, and the code', async () => {
    const program = 'console.log("out"); console.error("err"); process.exitCode = 4';
    const { code, output } = await capture(process.execPath, ['-e', program]);
    expect(code).toBe(4);
    expect(output).toContain('out\n');
    expect(output).toContain('err\n');
  });

  test('a program that is not there has code 127', async () => {
    expect(await capture('no-such-program-here', [])).toMatchObject({ code: 127 });
  });

  test('one that takes too long is ended with everything it started', async () => {
    // The grandchild holds our pipe, so this resolves early only when it has ended too.
    const program = `require('node:child_process').spawn('sleep', ['20'], { stdio: 'inherit' });
      setInterval(() => {}, 1000);`;
    const began = Date.now();
    const { code, timedOut } = await capture(process.execPath, ['-e', program], { timeoutMs: 1000 });
    expect({ code, timedOut }).toEqual({ code: 124, timedOut: true });
    expect(Date.now() - began).toBeLessThan(10_000);
  });
});
