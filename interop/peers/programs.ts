/** Other people's programs, for the tests of every package: where they are, and what they print. */
import { execFile, execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/** Directory of the peers that are programs of ours on other people's libraries. */
export const PEERS: string = import.meta.dirname;

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
    const child = execFile(program, args, settings, (error, stdout, stderr) => {
      const output = `${stdout}${stderr}${error === null ? '' : `\n${error.message}`}`;
      done({ ok: error === null, output, octets: stdout });
    });
    // Some wait for what is typed.
    child.stdin?.end();
  });
}

/** The environment in which Go fetches nothing and needs no module. */
export const GO_OFFLINE: NodeJS.ProcessEnv = {
  ...process.env,
  GO111MODULE: 'off',
  GOFLAGS: '',
  GOTOOLCHAIN: 'local',
  GOPROXY: 'off',
};

/** Compiles Go sources of `cwd`. Throws with what the compiler says. */
export async function buildGo(
  program: string,
  cwd: string,
  source: string,
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  const built = await run('go', ['build', '-o', program, source], { cwd, env: { ...GO_OFFLINE, ...env } });
  if (!built.ok) throw new Error(`go build failed:\n${built.output}`);
  return program;
}
