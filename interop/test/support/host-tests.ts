import { resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { RAW_CHECKS } from '../../hosts/raw-core.ts';
import type { HostReport } from '../../hosts/report.ts';
import { CHECKS, type Outcome } from '../../hosts/scenario.ts';
import { run } from '../../peers/programs.ts';
import type { FoundRuntime } from './runtimes.ts';

/** The workspace's directory. */
export const INTEROP = resolve(import.meta.dirname, '../..');

/** One test for each check over each transport of a host that has run, or will have when the tests do. */
export function testOutcomes(transports: readonly string[], outcomes: () => Record<string, readonly Outcome[]>): void {
  describe.each(['the core alone', ...transports])('%s', transport => {
    test.each(Object.keys(transport === 'the core alone' ? RAW_CHECKS : CHECKS))('%s', name => {
      const outcome = outcomes()[transport]?.find(one => one.name === name);
      expect(outcome, 'the host did not come this far').toBeDefined();
      expect(outcome?.failure).toBe(null);
    });
  });
}

/** The tests of a runtime: its program is run once. Without the runtime they are skipped, and the reason is printed. */
export function testRuntime(
  found: FoundRuntime,
  title: string,
  args: readonly string[],
  transports: readonly string[],
): void {
  const { path, reason } = found;
  if (path === null) {
    console.log(`skipped: ${reason}`);
    test.skip(`${title}: ${reason}`, () => {});
    return;
  }
  describe(title, () => {
    let seen: HostReport = { from: '', outcomes: {} };
    beforeAll(async () => {
      const env = { ...process.env, DENO_NO_UPDATE_CHECK: '1', DO_NOT_TRACK: '1' };
      const { output } = await run(path, args, { cwd: INTEROP, env, timeout: 120_000 });
      const line = output.split('\n').find(text => text.startsWith('{'));
      if (line === undefined) throw new Error(`${title} printed no report:\n${output}`);
      seen = JSON.parse(line) as HostReport;
    });
    test('the package is the built one', () => expect(seen.from).toMatch(/packages\/h2-core\/dist\/index\.js$/));
    testOutcomes(transports, () => ({ ...seen.outcomes }));
  });
}
