// `npm test`: installs what is missing, then runs every check and every test. `npm test -- hpack gateway` runs only the
// suites whose directory has such a word in it. Node built-ins only, because on a fresh clone nothing is installed yet.
import './lib/require-node.mjs';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { endWithChildren, seconds, step } from './lib/command.mjs';
import { ensureDependencies } from './lib/dependencies.mjs';
import { ensurePeers, systemBrowser } from './lib/peers.mjs';
import { inParallel, runPlaywright, runVitest, vitestSuites } from './lib/suites.mjs';
import { turbo } from './lib/turbo.mjs';
import { inRoot, toolPath } from './lib/workspace.mjs';

const E2E_CONFIG = 'e2e/playwright.config.ts';
/** Suites that run built programs, so they come after the build and alone. */
const ON_BUILT_PROGRAMS = ['interop', 'examples', 'bench'];

// Services spell it differently; the tests look for one spelling.
if (/^(?:1|yes|true)$/i.test(process.env.CI ?? '')) process.env.CI = 'true';

const began = Date.now();
const only = process.argv.slice(2);
const isWanted = directory => only.length === 0 || only.some(word => directory.includes(word));
const total = { passed: 0, failed: 0, skipped: 0 };
const add = ({ passed, failed, skipped }) => {
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
};
/** A check that is not a test counts only when it fails. */
const check = ({ ok }) => {
  if (!ok) total.failed += 1;
  return ok;
};

endWithChildren();
const reports = mkdtempSync(join(tmpdir(), 'glassway-reports-'));
process.on('exit', () => rmSync(reports, { recursive: true, force: true }));

console.log('Prepare');
if (!(await ensureDependencies())) finish('dependencies could not be installed');
const missing = await ensurePeers();
if (missing.length > 0) {
  console.log(`  missing: ${missing.join(', ')}`);
  if (process.env.CI === 'true') finish('under CI=true every peer has to be here');
  console.log('  tests that need them are skipped');
}

console.log('Checks');
if (only.length === 0) {
  const biome = ['check', '.', '--error-on-warnings'];
  check(await step('format and lint', process.execPath, [toolPath('biome'), ...biome]));
  check(await step('line budget', process.execPath, [inRoot('scripts/line-budget.mjs')]));
  check(await turbo('floors: who may import whom', ['boundaries']));
}
const built = check(await turbo('build', ['run', 'build']));
if (only.length === 0) {
  check(await turbo('types', ['run', 'typecheck', '--continue']));
  check(await step('types of the browser tests', process.execPath, [toolPath('tsc'), '-p', inRoot('e2e')]));
}

console.log('Tests');
const browser = systemBrowser();
const env = browser === null ? {} : { GLASSWAY_CHROMIUM: browser };
const suites = vitestSuites().filter(isWanted);
// Fuzzing needs the build too, but yields to whatever runs beside it.
const onSources = suites.filter(directory => !ON_BUILT_PROGRAMS.includes(directory) && (built || directory !== 'fuzz'));
const onBuilt = suites.filter(directory => ON_BUILT_PROGRAMS.includes(directory));
const atOnce = Math.max(1, Math.min(3, availableParallelism()));
for (const tally of await inParallel(
  onSources.map(directory => () => runVitest(directory, reports, env)),
  atOnce,
)) {
  add(tally);
}
if (built) {
  for (const directory of onBuilt) add(await runVitest(directory, reports, env));
  if (isWanted('e2e') && existsSync(inRoot(E2E_CONFIG))) {
    if (missing.includes('chromium')) console.log('  e2e skipped: no browser');
    else add(await runPlaywright(E2E_CONFIG, reports, env));
  }
} else {
  console.log('  examples and browser tests need the build, which failed');
}
if (total.passed === 0 && total.failed === 0) finish(`no suite matches ${only.join(' ')}`);
finish();

/** Prints the summary, its counts alone on the last line, and ends. */
function finish(problem) {
  if (problem !== undefined) {
    console.log(`  FAILED ${problem}`);
    total.failed += 1;
  }
  if (total.skipped > 0) console.log(`${total.skipped} skipped`);
  console.log(`took ${seconds(Date.now() - began)}\n`);
  console.log(`${total.passed} passed, ${total.failed} failed`);
  process.exit(total.failed > 0 ? 1 : 0);
}
