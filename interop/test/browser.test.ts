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

/** A bundle, and the names of Node's in its modules, also in what the bundler left out. */
interface Bundle {
  readonly code: string;
  readonly moduleIds: readonly string[];
  readonly foreign: readonly string[];
}

/** Bundles a program. */
async function bundle(entry: string, modules: Readonly<Record<string, string>> = {}): Promise<Bundle> {
  const foreign: string[] = [];
  const look: Plugin = {
    name: 'look-at-names',
    transform: (code, id) => {
      // Not the bundler's own.
      if (id.endsWith('.js') && !id.startsWith('\0'))
        foreign.push(...foreignNames(code).map(name => `${name} in ${relative(ROOT, id)}`));
    },
  };
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
    plugins: [refuseBuiltins, made, look],
    build: {
      write: false,
      minify: false,
      target: 'es2023',
      lib: { entry, formats: ['es'] },
    },
  });
  const [{ output }] = result as unknown as [Rollup.RollupOutput];
  expect(output.length).toBe(1);
  const [{ code, moduleIds }] = output;
  return { code, moduleIds, foreign };
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
let scenarioBundle: Promise<Bundle> | null = null;
function scenario(): Promise<Bundle> {
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
    const { code, foreign } = await scenario();
    expect([...foreign, ...foreignNames(code)]).toEqual([]);
  });

  test('would not be made with such a name or module in it', async () => {
    for (const name of ['node:net', 'fs']) {
      const built = bundle('bad.js', { 'bad.js': `import '${name}';` });
      await expect(built).rejects.toThrow(`bad.js imports ${name}, which no browser has`);
    }
    const { foreign } = await bundle('bad.js', {
      'bad.js': "export * from 'worse.js';",
      'worse.js': 'const notEvenUsed = () => Buffer.byteLength(process.title);',
    });
    expect(foreign.map(text => text.split(' ')[0])).toEqual(['Buffer', 'process']);
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
