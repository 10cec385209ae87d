import { readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const fenced = (language: string) =>
  new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(read('../README.md'))?.[1] ?? '';

test('the program in README.md runs and prints what README.md says', async () => {
  expect(fenced('ts')).toBe(read('readme/program.ts'));
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  await import('./readme/program.ts');
  const printed = log.mock.calls.map(([line]) => `${line}\n`).join('');
  log.mockRestore();
  expect(printed).toBe(fenced('text'));
});
