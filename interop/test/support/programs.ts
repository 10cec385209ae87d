/** The programs that other people wrote, and how they are run. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { accessSync, chmodSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { pattern } from '../../hosts/check.ts';
import { atEnd } from './at-end.ts';

/** A missing peer fails the tests where this is true, and skips them otherwise. */
export const isOnCi = process.env['CI'] === 'true';

/** Directory of the peers that are programs of ours on other people's libraries. */
export const PEERS: string = resolve(import.meta.dirname, '../../peers');

/** Directories that hold servers but are not on an ordinary user's path. */
const SERVER_DIRECTORIES = ['/usr/sbin', '/usr/local/sbin'];

/** Full path of a program given by name or by path; null when it is not here. */
export function which(name: string): string | null {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), ...SERVER_DIRECTORIES];
  const files = isAbsolute(name) ? [name] : directories.map(directory => join(directory, name));
  return files.find(isExecutable) ?? null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A Python that has the h2 library, or null. */
export const python: string | null =
  ['python3', '/usr/bin/python3'].find(program => {
    try {
      execFileSync(program, ['-c', 'import h2'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  }) ?? null;

/** What a program printed. */
export interface Ran {
  readonly ok: boolean;
  readonly output: string;
  /** Standard output as it came. */
  readonly octets: Buffer;
}

/** Runs a program to its end; never rejects. */
export function run(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; timeout?: number } = {},
): Promise<Ran> {
  return new Promise(done => {
    const settings = { maxBuffer: 64_000_000, timeout: 60_000, ...options, encoding: 'buffer' as const };
    execFile(program, args, settings, (error, stdout, stderr) => {
      const output = `${stdout}${stderr}${error === null ? '' : `\n${error.message}`}`;
      done({ ok: error === null, output, octets: stdout });
    });
  });
}

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
