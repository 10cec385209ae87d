import { readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const fenced = (language: string): string =>
  new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(read('../README.md'))?.[1] ?? '';

test('the program in README.md runs and prints what README.md says', async () => {
  expect(fenced('ts')).toBe(read('readme/program.ts'));
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  await import('./readme/program.ts');
  const printed = log.mock.calls.map(line => `${line.join(' ')}\n`).join('');
  log.mockRestore();
  expect(printed).toBe(fenced('text'));
});

test('README.md names every flag of the command', async () => {
  const { parseCommandLine } = await import('../src/config/command-line.ts');
  const help: string[] = [];
  await parseCommandLine(['run', '--help'], { env: {}, version: '', print: text => void help.push(text) });
  const flags = new Set(help.join('').match(/--[a-z-]+/g));
  flags.delete('--help');
  for (const flag of flags) expect(read('../README.md')).toContain(flag);
});
