/** Other people's HTTP programs, used as judges. A missing one skips its tests by name, but not in CI. */
import { execFile } from 'node:child_process';
import { which } from '@glassway/interop/peers/programs.ts';
import { it } from 'vitest';

/** Like vitest's `it`, for a test that needs `program`. */
export function itWith(program: string, name: string, test: () => Promise<void>): void {
  if (which(program) !== null) it(name, test);
  else if (process.env['CI'] === 'true') {
    it(name, () => {
      throw new Error(`${program} is not installed, and CI must not skip "${name}"`);
    });
  } else it.skip(`${name} (${program} is not installed)`, test);
}

/** What a program printed. Standard output and error together, as most of these mix them. */
export function run(program: string, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { timeout: 10_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout + stderr);
      else reject(new Error(`${program} ${args.join(' ')} failed: ${error.message}\n${stdout}${stderr}`));
    });
  });
}
