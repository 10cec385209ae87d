import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '..', '..');
/** The command, to be run by Node. */
export const BIN = join(ROOT, 'apps', 'gateway', 'bin', 'glassway.js');

/** A gateway process as a user starts it, on ports of its own. */
export interface RunningGateway {
  readonly pid: number;
  /** Base addresses without a slash at the end. */
  readonly https: string;
  readonly http: string;
  /** With the token in the fragment. */
  readonly inspector: string;
  /** Everything printed so far, the access log included. */
  output(): string;
  /** Resident memory, octets. */
  memory(): number;
  /** Waits until the output matches. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  stop(): Promise<number | null>;
}

/** Starts `glassway ARGS...`; answers once the banner is there. */
export async function startGateway(...args: string[]): Promise<RunningGateway> {
  const ports = ['--https', '127.0.0.1:0', '--http', '127.0.0.1:0', '--inspector', '127.0.0.1:0'];
  const child: ChildProcess = spawn(process.execPath, [BIN, ...args, ...ports, '--access-log', '-'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const watchers = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', chunk => {
      text += chunk;
      for (const watcher of watchers) watcher();
    });
  }
  const exited = new Promise<number | null>(resolve => child.once('exit', code => resolve(code)));
  const printed = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(text);
        if (match === null) return;
        clearTimeout(timer);
        watchers.delete(look);
        resolve(match);
      };
      const timer = setTimeout(() => reject(new Error(`${pattern} was not printed in a minute:\n${text}`)), 60_000);
      watchers.add(look);
      void exited.then(code => reject(new Error(`glassway ended with ${code}:\n${text}`)));
      look();
    });
  const inspector = await printed(/inspector\s+(http:\S+)/);
  const https = /(https:\/\/\S+)/.exec(text)?.[1] ?? '';
  const http = /(http:\/\/\S+)\s+http\/1\.1/.exec(text)?.[1] ?? '';
  return {
    pid: child.pid ?? 0,
    https,
    http,
    inspector: inspector[1] ?? '',
    output: () => text,
    memory: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) * 1024,
    printed,
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

const run = promisify(execFile);

/** Runs a program to its end and answers both of its outputs; throws when it fails or is not installed. */
export async function command(program: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await run(program, args, { maxBuffer: 64 * 1024 * 1024, timeout: 150_000 });
  return stdout + stderr;
}

/** True when a program is there; under CI=true a missing one is an error. */
export function installed(program: string): boolean {
  const there = spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
  if (!there && process.env['CI'] === 'true') throw new Error(`${program} is not installed`);
  return there;
}
