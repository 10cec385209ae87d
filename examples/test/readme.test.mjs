import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { EXAMPLES, run, scratch } from './program.mjs';

/** The first program of a package's README, in a file from which the packages can be imported. */
function firstProgram(name) {
  const readme = readFileSync(resolve(EXAMPLES, '../packages', name, 'README.md'), 'utf8');
  const file = join(EXAMPLES, `.readme-${name}.mjs`);
  writeFileSync(file, /```js\n(.+?)```/s.exec(readme)[1]);
  onTestFinished(() => rmSync(file, { force: true }));
  const printed = /```\n\n((?: {4}.+\n)+)/.exec(readme)[1].replaceAll(/^ {4}/gm, '');
  return { file, printed };
}

test('README of tls-alpn: its first program prints what it says', async () => {
  const { file, printed } = firstProgram('tls-alpn');
  const { code, output } = await run(process.execPath, [file, scratch()]);
  expect(output).toBe(printed);
  expect(code).toBe(0);
});
