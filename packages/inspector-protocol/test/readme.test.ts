/** The README's program runs and prints what it says. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';

it('the program of the README', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const program = /```js\n([\s\S]*?)```/.exec(readme)![1]!;
  const expected = /^\/\/ prints: (.*)$/m.exec(program)![1]!;
  const folder = mkdtempSync(join(import.meta.dirname, '.readme-'));
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  try {
    const file = join(folder, 'program.ts');
    writeFileSync(file, program.replaceAll("'@glassway/inspector-protocol'", "'../../src/index.ts'"));
    await import(file);
    expect(log.mock.calls).toEqual([[expected]]);
  } finally {
    log.mockRestore();
    rmSync(folder, { recursive: true });
  }
});
