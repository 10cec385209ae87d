import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { inject } from 'vitest';
import {
  type AcceptedSocket,
  DevelopmentCa,
  KEY_FILE,
  type ListenOptions,
  listen,
  SecureContexts,
  type TlsListener,
} from '../src/index.ts';

/** Things to undo after a test, last first. */
export class Cleanup {
  readonly #tasks: (() => unknown)[] = [];

  add(task: () => unknown): void {
    this.#tasks.push(task);
  }

  async run(): Promise<void> {
    for (let task = this.#tasks.pop(); task !== undefined; task = this.#tasks.pop()) await task();
  }
}

/** An empty directory that the cleanup removes. */
export async function scratch(cleanup: Cleanup): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'glassway-tls-'));
  cleanup.add(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

let shared: Promise<DevelopmentCa> | null = null;

/** The authority of all tests. */
export function sharedCa(): Promise<DevelopmentCa> {
  shared ??= DevelopmentCa.open({ directory: inject('caDirectory') });
  return shared;
}

/** A directory of its own with the shared authority's root in it. */
export async function copyOfSharedCa(cleanup: Cleanup): Promise<string> {
  const directory = await scratch(cleanup);
  await copyFile(join((await sharedCa()).directory, KEY_FILE), join(directory, KEY_FILE));
  return directory;
}

/** A listener on a free loopback port that answers every connection with what it knows about it. */
export async function echoListener(
  cleanup: Cleanup,
  options: Partial<ListenOptions> = {},
): Promise<{ listener: TlsListener; port: number; ca: DevelopmentCa }> {
  const ca = await sharedCa();
  const contexts = options.contexts ?? (await SecureContexts.load({ onDemand: ca.credentialsFor }));
  const listener = await listen({ ...options, contexts }, ({ socket, ...rest }) => {
    socket.end(`${JSON.stringify(rest)}\n`);
  });
  cleanup.add(() => listener.close());
  return { listener, port: 'port' in listener.address ? listener.address.port : 0, ca };
}

/** Runs a program to its end; never rejects. */
export function run(
  program: string,
  args: readonly string[],
  input = '',
): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise(resolve => {
    const child = execFile(program, args, { timeout: 10_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), output: stdout + stderr });
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** Whether a program that tests talk to is here. On CI it has to be. */
export function hasPeer(program: string): boolean {
  const found = (process.env['PATH'] ?? '').split(delimiter).some(directory => existsSync(join(directory, program)));
  if (!found && process.env['CI'] === 'true')
    throw new Error(`${program} is missing; CI runs no test suite without it`);
  return found;
}

/** What `echoListener` wrote back, from the middle of a program's output. */
export function echoOf(output: string): Pick<AcceptedSocket, 'protocol' | 'servername' | 'tls'> {
  const line = output.split('\n').find(each => each.startsWith('{"protocol"'));
  if (line === undefined) throw new Error(`no echo in: ${output}`);
  return JSON.parse(line);
}

/** Waits for a condition that no event announces; the test's own timeout bounds it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(done => setTimeout(done, 5));
}
