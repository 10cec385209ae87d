/** `--workers 2` as users run it: the built command with real processes, and a viewer of its inspector. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type ClientHttp2Session, connect } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeMessage, SUBPROTOCOL } from '@glassway/inspector-protocol';
import { freePort } from '@glassway/interop/peers/free-port.mjs';
import { expect, vi } from 'vitest';
import WebSocket from 'ws';
import type { Viewer } from '../../src/trace/hub/viewer.ts';
import { RigViewer } from '../trace-rig.ts';
import { PATIENCE } from './patience.ts';

/** The built command. */
export const COMMAND: string = new URL('../../bin/glassway.js', import.meta.url).pathname;
const TOKEN = 'a-token-of-sufficient-length';

/** What the API says of the workers. */
export interface WorkersState {
  readonly configRevision: string;
  readonly workers: readonly {
    readonly worker: number;
    readonly pid: number;
    readonly restarts: number;
    readonly configRevision: string | null;
    readonly reloads: number | null;
  }[];
}

/** A gateway with two workers. */
export class WorkersGateway {
  readonly process: ChildProcess;
  readonly admin: string;
  /** Cleartext. */
  readonly url: string;
  readonly directory: string;
  output = '';
  #settled = false;

  private constructor(child: ChildProcess, admin: string, url: string, directory: string) {
    this.process = child;
    this.admin = admin;
    this.url = url;
    this.directory = directory;
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on('data', chunk => {
        this.output += chunk;
      });
    }
  }

  /** Starts it and waits until both workers listen. */
  static async start(...more: string[]): Promise<WorkersGateway> {
    const http = await freePort();
    const https = more.includes('--https') ? [] : ['--https', 'off'];
    const args = ['--http', `127.0.0.1:${http}`, '--workers', '2', ...https, ...more];
    return WorkersGateway.#launch(args, `http://127.0.0.1:${http}`);
  }

  /** The same of a file that says everything but where the admin listener is. */
  static ofFile(file: string): Promise<WorkersGateway> {
    return WorkersGateway.#launch(['--config', file], '');
  }

  static async #launch(args: string[], url: string): Promise<WorkersGateway> {
    if (!existsSync(new URL('../../dist/main.js', import.meta.url))) throw new Error('run npm run build first');
    const directory = await mkdtemp(join(tmpdir(), 'glassway-workers-'));
    await writeFile(join(directory, 'token'), `${TOKEN}\n`);
    const admin = await freePort();
    if (!args.includes('--inspector')) args.push('--inspector', 'off');
    args.push('--admin', `127.0.0.1:${admin}`, '--admin-token-file', join(directory, 'token'));
    const child = spawn(process.execPath, [COMMAND, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const started = new WorkersGateway(child, `http://127.0.0.1:${admin}`, url, directory);
    const failed = once(child, 'close').then(([code]) => {
      throw new Error(`exit code ${code}: ${started.output}`);
    });
    failed.catch(() => {});
    const listening = vi.waitFor(() => expect(started.output).toContain('try it'), { timeout: 120_000 });
    await Promise.race([failed, listening]).catch(async error => {
      await rm(directory, { recursive: true, force: true });
      throw error;
    });
    await started.ready();
    return started;
  }

  /** Until all workers listen. */
  async ready(): Promise<void> {
    await vi.waitFor(async () => expect((await fetch(`${this.admin}/readyz`)).status).toBe(200), { timeout: 120_000 });
  }

  /** A question to the admin API. */
  async api(name: string): Promise<never> {
    const response = await fetch(`${this.admin}/api/${name}`, { headers: { authorization: `Bearer ${TOKEN}` } });
    return (await response.json()) as never;
  }

  /** The inspector's address with its token, as printed. */
  get inspector(): string {
    return /http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]+/.exec(this.output)![0];
  }

  /** Runs another command of ours to its end; answers what it said. */
  async command(...args: string[]): Promise<string> {
    const child = spawn(process.execPath, [COMMAND, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    let text = '';
    child.stderr.on('data', chunk => {
      text += chunk;
    });
    // Later than its exit: all it said has been read.
    await once(child, 'close');
    return text;
  }

  /** Ends it as an operator would, and answers its exit code. */
  async stop(): Promise<number> {
    this.#settled = true;
    const exit = once(this.process, 'exit');
    this.process.kill('SIGTERM');
    return (await exit)[0];
  }

  /** Ends it, if it is still there, and removes what it left. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#settled && this.process.exitCode === null && this.process.signalCode === null) {
      const exit = once(this.process, 'exit');
      // Signals that come at once may become one.
      const again = setInterval(() => this.process.kill('SIGTERM'), 500);
      this.process.kill('SIGTERM');
      await exit;
      clearInterval(again);
    }
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** A viewer over a real socket. */
export async function liveViewer(url: string): Promise<{ readonly viewer: RigViewer; readonly socket: WebSocket }> {
  const { host, origin, hash } = new URL(url);
  const socket = new WebSocket(`ws://${host}/ws`, [SUBPROTOCOL], { origin });
  await once(socket, 'open');
  const viewer = new RigViewer({
    attach: port => {
      socket.on('message', (data: Buffer, isBinary) => port.send(isBinary ? new Uint8Array(data) : data.toString()));
      return { receive: (text: string) => socket.send(text) } as unknown as Viewer;
    },
  });
  socket.send(encodeMessage({ type: 'auth', token: hash.slice('#token='.length) }));
  await vi.waitFor(() => expect(viewer.all('hello')).toHaveLength(1), PATIENCE);
  viewer.send({ type: 'subscribe', id: 1, frames: {}, fields: {}, events: true, payloads: {}, backlog: 0 });
  await vi.waitFor(() => expect(viewer.all('snapshot')).toHaveLength(1), PATIENCE);
  return { viewer, socket };
}

/** Requests without a pause over several HTTP/2 connections, each of which is opened anew when it breaks. */
export class Load {
  done = 0;
  failed = 0;
  #stopped = false;
  readonly #sessions = new Set<ClientHttp2Session>();
  readonly #runs: Promise<void>[];

  constructor(url: string, connections: number, path = '/') {
    this.#runs = Array.from({ length: connections }, () => this.#run(url, path));
  }

  async #run(url: string, path: string): Promise<void> {
    while (!this.#stopped) {
      const session = connect(url, { rejectUnauthorized: false });
      session.on('error', () => {});
      this.#sessions.add(session);
      // A connection that is told to leave is left, which is no failure.
      while (!this.#stopped && !session.closed && !session.destroyed) {
        const isGood = await request(session, path);
        if (isGood) this.done++;
        else {
          this.failed++;
          break;
        }
      }
      this.#sessions.delete(session);
      session.close();
    }
  }

  /** Finishes the requests under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#runs);
    for (const session of this.#sessions) session.close();
  }
}

function request(session: ClientHttp2Session, path: string): Promise<boolean> {
  return new Promise(resolve => {
    const stream = session.request({ ':path': path, authorization: 'Bearer of-everybody' });
    let status = 0;
    stream.on('response', fields => {
      status = Number(fields[':status']);
    });
    stream.on('error', () => resolve(false));
    stream.on('close', () => resolve(status === 200));
    stream.resume();
  });
}
