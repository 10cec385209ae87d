/** What the tests need to run other people's programs, besides what `peers/programs.ts` has. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pattern } from '../../hosts/check.ts';
import { atEnd } from './at-end.ts';

/** A missing peer fails the tests where this is true, and skips them otherwise. */
export const isOnCi = process.env['CI'] === 'true';

/** A program that keeps running until the file's tests have ended. */
export interface Running {
  readonly child: ChildProcess;
  /** Waits until what it printed matches. */
  printed(wanted: RegExp): Promise<RegExpExecArray>;
}

/** Starts a program; it is killed when the file's tests are over. */
export function start(program: string, args: readonly string[], options: { cwd?: string } = {}): Running {
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let ended = false;
  const looks = new Set<() => void>();
  const lookAll = (): void => {
    for (const look of looks) look();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', chunk => {
      output += chunk;
      lookAll();
    });
  }
  child.on('error', error => {
    output += error.message;
  });
  child.on('close', () => {
    ended = true;
    lookAll();
  });
  atEnd(() => void child.kill('SIGKILL'));
  const printed = (wanted: RegExp): Promise<RegExpExecArray> =>
    new Promise((done, fail) => {
      const look = (): void => {
        const match = wanted.exec(output);
        if (match !== null) done(match);
        else if (ended) fail(new Error(`${program} ended before it printed ${wanted}:\n${output}`));
        else return;
        looks.delete(look);
      };
      looks.add(look);
      look();
    });
  return { child, printed };
}

/** A directory that servers of other users can read too; it is removed when the file's tests are over. */
export function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'glassway-interop-'));
  chmodSync(directory, 0o755);
  atEnd(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A file of so many octets of the pattern. */
export function fileOf(length: number): string {
  const file = join(scratch(), 'body');
  writeFileSync(file, pattern(length));
  return file;
}
