import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as dial } from 'node:net';
import { join, resolve } from 'node:path';
import { connect } from '@glassway/h2-core/client';
import { freePort } from '@glassway/interop/peers/free-port.mjs';
import { expect, onTestFinished, test } from 'vitest';
import { EXAMPLES, run, scratch, start } from './program.mjs';

/**
 * The first program of a README, or of one of its chapters, in a file from which the packages can be imported, and what it is
 * said to print.
 */
function firstProgram(readme, change = program => program, chapter = '') {
  const whole = readFileSync(resolve(EXAMPLES, '..', readme), 'utf8');
  const text = whole.slice(whole.indexOf(chapter));
  const file = join(EXAMPLES, `.readme-${`${readme}${chapter}`.replaceAll(/[^a-zA-Z.]/g, '-')}.mjs`);
  writeFileSync(file, change(/```js\n(.+?)```/s.exec(text)[1]));
  onTestFinished(() => rmSync(file, { force: true }));
  const printed = /```\n\n((?: {4}.+\n)+)/.exec(text)?.[1].replaceAll(/^ {4}/gm, '');
  return { file, printed };
}

test.each([
  ['packages/h2-core/README.md', () => []],
  ['packages/tls-alpn/README.md', () => [scratch()]],
])('%s: its first program prints what it says', async (readme, args) => {
  const { file, printed } = firstProgram(readme);
  const { code, output } = await run(process.execPath, [file, ...args()]);
  expect(output).toBe(printed);
  expect(code).toBe(0);
});

test('packages/h2-core/README.md: so does the program about tests', async () => {
  const { file, printed } = firstProgram('packages/h2-core/README.md', undefined, '## Tests of HTTP/2 software');
  const { code, output } = await run(process.execPath, [file]);
  expect(output).toBe(printed);
  expect(code).toBe(0);
});

test('README.md: its server answers', async () => {
  const port = await freePort();
  // The program says nothing when it listens.
  const { file } = firstProgram('README.md', program =>
    program.replace("listen(5928, '127.0.0.1')", `listen(${port}, '127.0.0.1', () => console.log('listening'))`),
  );
  await start(file).seen('listening');
  const client = await connect(dial(port, '127.0.0.1'), { authority: `127.0.0.1:${port}` });
  const { status, body } = await client.request({ path: '/world' }).response;
  expect([status, await body.text()]).toEqual([200, 'hello /world\n']);
  await client.shutdown();
});

/** The programs of a text, each with what it is said to print. */
function programs(text) {
  const all = readFileSync(resolve(EXAMPLES, '..', text), 'utf8').matchAll(/```js\n(.+?)```\n\n((?: {4}[^\n]+\n)+)/gs);
  return [...all].map(([, program, printed], i) => [i + 1, program, printed.replaceAll(/^ {4}/gm, '')]);
}

test.each(programs('docs/coming-from-rust-h2.md'))(
  'docs/coming-from-rust-h2.md: program %i prints what it says',
  async (i, program, printed) => {
    const file = join(EXAMPLES, `.from-rust-${i}.mjs`);
    writeFileSync(file, program);
    onTestFinished(() => rmSync(file, { force: true }));
    const { code, output } = await run(process.execPath, [file]);
    expect(output).toBe(printed);
    expect(code).toBe(0);
  },
);
