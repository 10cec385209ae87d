import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { capture } from '../lib/command.mjs';
import { inRoot, readJson, toolPath, workspaceDirectories } from '../lib/workspace.mjs';
import { tree } from './support.mjs';

/** The repository's real settings around packages that hold nothing but the door given here. */
function repository(sources, dependencies = {}) {
  const root = tree({ 'README.md': '' });
  for (const file of ['package.json', 'package-lock.json', 'turbo.json', 'tsconfig.base.json']) {
    cpSync(inRoot(file), join(root, file));
  }
  for (const directory of workspaceDirectories()) {
    mkdirSync(join(root, directory), { recursive: true });
    for (const file of ['turbo.json', 'tsconfig.json']) {
      if (existsSync(inRoot(directory, file))) cpSync(inRoot(directory, file), join(root, directory, file));
    }
    const manifest = readJson(inRoot(directory, 'package.json'));
    manifest.dependencies = { ...manifest.dependencies, ...dependencies[directory] };
    writeFileSync(join(root, directory, 'package.json'), JSON.stringify(manifest));
  }
  for (const [path, text] of Object.entries(sources)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  symlinkSync(inRoot('node_modules'), join(root, 'node_modules'));
  return root;
}

function boundaries(root) {
  const env = { TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' };
  return capture(process.execPath, [toolPath('turbo'), 'boundaries', '--no-color'], { cwd: root, env });
}

const importOf = name => `import * as it from '${name}';\nexport const kept: unknown = it;\n`;

describe('turbo boundaries hold the floors', () => {
  test('imports that go down pass', async () => {
    const root = repository({
      'packages/h2-core/src/index.ts': importOf('@glassway/hpack'),
      'apps/gateway/src/index.ts':
        importOf('@glassway/h2-core') + importOf('@glassway/tls-alpn').replaceAll('it', 'tls'),
      'apps/inspector/src/main.ts': importOf('@glassway/inspector-protocol'),
    });
    const { code, output } = await boundaries(root);
    expect(output).toContain('no issues found');
    expect(code).toBe(0);
  });

  test.each([
    ['packages/hpack', '@glassway/h2-core', 'floor 0 imports floor 1'],
    ['packages/hpack', '@glassway/tls-alpn', 'floor 0 imports floor 2'],
    ['packages/h2-core', '@glassway/inspector-protocol', 'the core imports the inspector'],
    ['packages/h2-core', '@glassway/gateway', 'the core imports the gateway'],
    ['packages/tls-alpn', '@glassway/h2-core', 'TLS imports HTTP'],
    ['packages/inspector-protocol', '@glassway/hpack', 'the wire format imports the core'],
    ['apps/inspector', '@glassway/tls-alpn', 'the page imports a package that needs a host'],
    ['apps/inspector', '@glassway/gateway', 'the page imports the gateway'],
  ])('%s -> %s fails (%s), declared or not', async (directory, name) => {
    const sources = { [`${directory}/src/index.ts`]: importOf(name) };
    const undeclared = await boundaries(repository(sources));
    expect(undeclared.code, undeclared.output).not.toBe(0);
    expect(undeclared.output).toContain(name);
    const declared = await boundaries(repository(sources, { [directory]: { [name]: '0.1.0' } }));
    expect(declared.code, declared.output).not.toBe(0);
  });

  test('a relative import that leaves its package fails', async () => {
    const root = repository({
      'packages/hpack/src/index.ts': "export { Connection } from '../../h2-core/src/index.ts';\n",
      'packages/h2-core/src/index.ts': 'export const Connection: number = 1;\n',
    });
    const { code, output } = await boundaries(root);
    expect(code, output).not.toBe(0);
  });
});

/** Compiles the sources of one package with the repository's settings; resolves to what tsc printed. */
async function compile(name, sources) {
  const root = repository(
    Object.fromEntries(Object.entries(sources).map(([file, text]) => [`packages/${name}/src/${file}.ts`, text])),
  );
  const config = join(root, 'packages', name, 'tsconfig.json');
  return (await capture(process.execPath, [toolPath('tsc'), '-p', config, '--noEmit', '--pretty', 'false'])).output;
}

describe('pure packages cannot reach a host', () => {
  const HOST = {
    builtin: "import 'node:fs';\n",
    buffer: 'export const octets: unknown = Buffer.alloc(1);\n',
    timer: 'setTimeout(() => {}, 1);\n',
    output: "console.log('x');\n",
    page: 'export const page: unknown = document;\n',
  };

  test.each(['hpack', 'h2-core', 'inspector-protocol'])('packages/%s', async name => {
    const output = await compile(name, { ...HOST, pure: 'export const octets: Uint8Array = new Uint8Array(1);\n' });
    for (const file of Object.keys(HOST)) expect(output).toMatch(new RegExp(`src/${file}\\.ts\\(1,\\d+\\): error TS`));
    expect(output).not.toContain('pure.ts');
  });
});

test('every workspace has a place in the floors', () => {
  for (const directory of workspaceDirectories()) {
    const { tags } = JSON.parse(readFileSync(inRoot(directory, 'turbo.json'), 'utf8'));
    expect(tags, directory).not.toHaveLength(0);
  }
});
