/** Other people's programs: where they are, and what they print. */
import { execFile, execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/** Clients on other people's libraries, which the interop tests have too. */
export const PEERS: string = new URL('../../../../interop/peers', import.meta.url).pathname;

/** Octets that tell their place, as the peers make them. */
export function pattern(length: number): Uint8Array {
  const octets = new Uint8Array(length);
  for (let i = 0; i < length; i++) octets[i] = (i * 31 + (i >>> 8)) & 0xff;
  return octets;
}

/** Full path of a program given by name or by path; null when it is not here. Servers are not on every user's path. */
export function which(name: string): string | null {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
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
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Ran> {
  return new Promise(resolve => {
    const settings = { maxBuffer: 64_000_000, timeout: 60_000, ...options, encoding: 'buffer' as const };
    const child = execFile(program, args, settings, (error, stdout, stderr) => {
      const output = `${stdout}${stderr}${error === null ? '' : `\n${error.message}`}`;
      resolve({ ok: error === null, output, octets: stdout });
    });
    // Some wait for what is typed.
    child.stdin?.end();
  });
}

/** Compiles Go sources without a module and without the network. Throws with what the compiler says. */
export async function buildGo(output: string, cwd: string, source: string): Promise<string> {
  const own = { GO111MODULE: 'off', GOFLAGS: '', GOTOOLCHAIN: 'local', GOPROXY: 'off' };
  const built = await run('go', ['build', '-o', output, source], { cwd, env: { ...process.env, ...own } });
  if (!built.ok) throw new Error(`go build failed:\n${built.output}`);
  return output;
}
