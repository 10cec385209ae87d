/** The scenario in Chromium, from the built packages, bundled as an application's bundler would and without polyfills. */
import { builtinModules } from 'node:module';
import { relative, resolve } from 'node:path';
import type { Browser } from 'playwright';
import { build, type Plugin, parseAst, type Rollup } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Outcome } from '../hosts/scenario.ts';
import { hasBrowser, launch } from './support/chromium.ts';
import { INTEROP, testOutcomes } from './support/host-tests.ts';

const ROOT = resolve(INTEROP, '..');
/** What a module of Node's may be called by. */
const BUILTIN = new RegExp(`^(?:node:.*|${builtinModules.join('|')})$`);
/** Names that only Node's kind of host has. */
const FOREIGN = new Set(['Buffer', 'process', 'require', 'global', '__dirname', '__filename']);

/** Fails the build on the first import of what a browser does not have. Vite itself would put an empty module there. */
const refuseBuiltins: Plugin = {
  name: 'refuse-builtins',
  enforce: 'pre',
  resolveId(id, importer) {
    if (BUILTIN.test(id)) throw new Error(`${importer} imports ${id}, which no browser has`);
  },
};

/** Bundles a program; nothing is shaken out, so that whatever stands in a module is seen. */
async function bundle(entry: string, modules: Readonly<Record<string, string>> = {}): Promise<Rollup.OutputChunk> {
  const made: Plugin = {
    name: 'made-up-modules',
    enforce: 'pre',
    resolveId: id => Object.keys(modules).find(name => id.endsWith(name)),
    load: id => modules[id],
  };
  const result = await build({
    configFile: false,
    root: INTEROP,
    logLevel: 'silent',
    plugins: [refuseBuiltins, made],
    build: {
      write: false,
      minify: false,
      target: 'es2023',
      lib: { entry, formats: ['es'] },
      rolldownOptions: { treeshake: false },
    },
  });
  const [{ output }] = result as unknown as [Rollup.RollupOutput];
  expect(output.length).toBe(1);
  return output[0];
}

interface Node {
  readonly type: string;
  readonly name?: string;
  readonly computed?: boolean;
  readonly [key: string]: unknown;
}

/** Names of Node's that the program uses as variables. A property `globalThis.Buffer` may be looked up: it may be absent. */
function foreignNames(code: string): string[] {
  const found = new Set<string>();
  const visit = (node: Node): void => {
    if (node.type === 'Identifier' && FOREIGN.has(node.name as string)) found.add(node.name as string);
    for (const [key, value] of Object.entries(node)) {
      if ((key === 'property' || key === 'key') && node.computed !== true) continue;
      for (const child of Array.isArray(value) ? value : [value]) {
        if (child !== null && typeof child === 'object' && 'type' in child) visit(child as Node);
      }
    }
  };
  visit(parseAst(code) as unknown as Node);
  return [...found];
}

/** The scenario's, made once. */
let scenarioBundle: Promise<Rollup.OutputChunk> | null = null;
function scenario(): Promise<Rollup.OutputChunk> {
  scenarioBundle ??= bundle('hosts/browser.ts');
  return scenarioBundle;
}

describe('the bundle', () => {
  test('consists of the built packages and the scenario', async () => {
    const { moduleIds } = await scenario();
    const places = new Set(moduleIds.map(id => relative(ROOT, id).replace(/(\/(?:dist|hosts)\/).*/, '$1')));
    expect([...places].sort()).toEqual(['interop/hosts/', 'packages/h2-core/dist/', 'packages/hpack/dist/']);
  });

  test('uses no name that only Node has', async () => {
    expect(foreignNames((await scenario()).code)).toEqual([]);
  });

  test('would not be made with such a name or module in it', async () => {
    for (const name of ['node:net', 'fs']) {
      const built = bundle('bad.js', { 'bad.js': `import '${name}';` });
      await expect(built).rejects.toThrow(`bad.js imports ${name}, which no browser has`);
    }
    const { code } = await bundle('bad.js', { 'bad.js': 'export const size = Buffer.byteLength(process.title);' });
    expect(foreignNames(code)).toEqual(['Buffer', 'process']);
    expect(foreignNames('globalThis.Buffer?.from; const o = { process: 1 }; o.process')).toEqual([]);
  });
});

describe.skipIf(!hasBrowser)('Chromium', () => {
  let browser: Browser | null = null;
  let outcomes: Record<string, Outcome[]> = {};
  const problems: string[] = [];

  beforeAll(async () => {
    const { code } = await scenario();
    browser = await launch();
    const page = await browser.newPage();
    page.on('pageerror', error => problems.push(error.message));
    page.on('console', message => problems.push(message.text()));
    await page.route('**/*', route => {
      const isProgram = route.request().url().endsWith('.js');
      return route.fulfill(
        isProgram
          ? { contentType: 'text/javascript', body: code }
          : { contentType: 'text/html', body: '<title>x</title>' },
      );
    });
    await page.goto('https://everywhere.example/');
    // As text: the test runner would rewrite the import.
    outcomes = await page.evaluate("import('/program.js').then(({ run }) => run())");
  });
  afterAll(() => browser?.close());

  testOutcomes(['pair() in memory', 'WHATWG streams'], () => outcomes);

  test('the page reports no error', () => expect(problems).toEqual([]));
});
