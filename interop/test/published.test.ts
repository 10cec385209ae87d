/** The packages as npm would publish them: in order, installed into an empty project, imported, and typed. */
import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { PEERS, run } from '../peers/programs.ts';
import { type Consumer, consumer, doorsOf, manifestOf, PUBLISHED } from './support/consumer.ts';
import { onDemand } from './support/on-demand.ts';

const TSC = resolve(import.meta.dirname, '../../node_modules/typescript/bin/tsc');
/** Doors behind which Node is needed. */
const NODE_ONLY = ['@glassway/h2-core/node', '@glassway/tls-alpn', '@glassway/gateway'];
const DOORS = PUBLISHED.flatMap(doorsOf);
const PURE = DOORS.filter(door => !NODE_ONLY.includes(door));

let project: Consumer;
beforeAll(async () => {
  project = await consumer();
});

describe.each(PUBLISHED)('package.json of %s', directory => {
  const manifest = manifestOf(directory);

  test('has what npm and bundlers look for', () => {
    const { version, license, engines, sideEffects } = manifest;
    expect({ version, license, engines, sideEffects }).toEqual({
      version: manifestOf('.').version,
      license: 'MIT',
      engines: { node: '>=20.19' },
      sideEffects: false,
    });
  });

  test('names exact versions', () => {
    for (const range of Object.values(manifest.dependencies ?? {})) expect(range).toMatch(/^\d+\.\d+\.\d+$/);
  });
});

// They bring a compiler of their own, 39 MB together.
const tools = await onDemand({
  packages: ['publint@0.3.25', '@arethetypeswrong/core@0.18.5'],
  scripts: [],
  works: async nodeModules =>
    (await run(process.execPath, [join(nodeModules, 'publint/src/cli.js'), '--version'])).ok &&
    existsSync(join(nodeModules, '@arethetypeswrong/core/dist/index.js')),
});
const { nodeModules } = tools;
if (nodeModules === null) console.log(`skipped: ${tools.reason}`);

describe.skipIf(nodeModules === null)('archives', () => {
  test.each(PUBLISHED)('publint has nothing to say of %s', async directory => {
    const args = ['run', '--strict', '--level', 'suggestion', project.archives.get(directory) as string];
    const { ok, output } = await run(process.execPath, [join(`${nodeModules}`, 'publint/src/cli.js'), ...args]);
    expect(output).toContain('All good!');
    expect(ok).toBe(true);
  });

  test('are the types wrong? No, for those who import', async () => {
    const module = join(`${nodeModules}`, '@arethetypeswrong/core/dist/index.js');
    const archives = PUBLISHED.map(directory => project.archives.get(directory) as string);
    const { output } = await run(process.execPath, [join(PEERS, 'types-check.mjs'), module, ...archives]);
    expect(output.trim().split('\n')).toEqual(PUBLISHED.map(() => '[]'));
  });
});

test.each(DOORS)('%s is imported by Node and gives something', async door => {
  const program = `import * as it from '${door}'; console.log(import.meta.resolve('${door}'), Object.keys(it).length);`;
  const { ok, output } = await run(process.execPath, ['--input-type=module', '-e', program], {
    cwd: project.directory,
  });
  expect(ok, output).toBe(true);
  // As published, which in this repository would be its sources.
  expect(output).toMatch(/\/project\/node_modules\/@glassway\/[\w-]+\/dist\/\S+\.js [1-9]\d*\n$/);
});

test('the command runs', async () => {
  const command = join(project.directory, 'node_modules/@glassway/gateway/bin/glassway.js');
  const { ok, output } = await run(process.execPath, [command, '--version'], { cwd: project.directory });
  expect([ok, output]).toEqual([true, `${manifestOf('apps/gateway').version}\n`]);
});

/** What a program in TypeScript says of the packages, beside importing everything. */
const USES = {
  pure: `
import { Connection, type Handler } from '@glassway/h2-core';
import { connect, pair, type ClientResponse } from '@glassway/h2-core/client';
import { handshake } from '@glassway/h2-core/server';
import { Decoder, type Field } from '@glassway/hpack';
const handler: Handler = { onRequest: (stream, { path }) => core.respond(stream, 200, ['x-path', path], true) };
const core: Connection = new Connection({ role: 'server', handler });
const [near, far] = pair();
void handshake(near).then(async connection => {
  for await (const { request, respond } of connection) respond.send({}).end(request.headers.get('x') ?? request.path);
});
export const response: Promise<ClientResponse> = connect(far).then(client => client.request({ path: '/' }).response);
export const fields: Field[] = [];
new Decoder().decode(new Uint8Array(), { onField: (name: string, value: string) => fields.push({ name, value }) });
// @ts-expect-error a path is text
void connect(far).then(client => client.request({ path: 1 }));
`,
  web: `
import { connect } from '@glassway/h2-core/client';
import { serve } from '@glassway/h2-core/fetch';
const up = new TransformStream<Uint8Array, Uint8Array>();
const down = new TransformStream<Uint8Array, Uint8Array>();
void serve({ readable: up.readable, writable: down.writable }, async (request: Request) => {
  request.signal.addEventListener('abort', () => {});
  return new Response(request.body, { status: 201 });
});
void connect({ readable: down.readable, writable: up.writable }).then(async client => {
  const { body } = await client.request({ method: 'POST' }, new Blob(['x']).stream()).response;
  const stream: ReadableStream<Uint8Array> = body.toReadableStream();
  return new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).text();
});
`,
  node: `
import { createServer } from 'node:net';
import { duplexPair, Readable } from 'node:stream';
import { handshake } from '@glassway/h2-core/client';
import { attach } from '@glassway/h2-core/node';
import { Connection } from '@glassway/h2-core';
import { handshake as accept } from '@glassway/h2-core/server';
import { dial, listen, SecureContexts, DevelopmentCa } from '@glassway/tls-alpn';
createServer(socket => attach(socket, new Connection({ role: 'server', handler: {} })));
const [near, far] = duplexPair();
void accept(near);
void handshake(far).then(client => client.request({}, Readable.from(['a'])));
export const served = DevelopmentCa.open().then(async ca => {
  const contexts = await SecureContexts.load({ onDemand: ca.credentialsFor });
  return listen({ contexts }, ({ socket }) => void accept(socket));
});
export const dialled = dial('https://localhost').then(({ socket }) => handshake(socket));
`,
};

describe('types', () => {
  const RESOLUTIONS = {
    nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
    bundler: { module: 'esnext', moduleResolution: 'bundler' },
  };
  const PROGRAMS = {
    'in no host at all': { doors: PURE, use: [USES.pure], lib: ['es2023'] },
    'in a browser': {
      doors: PURE,
      use: [USES.pure, USES.web],
      lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable'],
    },
    // What a door of Node's needs it names itself: `types` is empty.
    'in Node': { doors: DOORS, use: [USES.pure, USES.node], lib: ['es2023'] },
  };

  describe.each(Object.entries(RESOLUTIONS))('moduleResolution %s', (resolution, how) => {
    test.each(Object.entries(PROGRAMS))('%s', async (host, { doors, use, lib }) => {
      const name = `${resolution}-${host.replaceAll(' ', '-')}`;
      const imports = doors.map((door, i) => `import * as door${i} from '${door}';\nexport { door${i} };\n`).join('');
      const files = [imports, ...use].map((text, i) => {
        const file = `${name}-${i}.ts`;
        writeFileSync(join(project.directory, file), text);
        return file;
      });
      const compilerOptions = {
        ...how,
        lib,
        types: [],
        target: 'es2023',
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        skipLibCheck: false,
        noEmit: true,
      };
      const config = join(project.directory, `tsconfig.${name}.json`);
      writeFileSync(config, JSON.stringify({ compilerOptions, files }));
      const { output } = await run(process.execPath, [TSC, '-p', config, '--pretty', 'false']);
      expect(output).toBe('');
    });
  });
});
