/** `--workers` as users run it: the built command, real processes, real signals. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { DevelopmentCa } from '@glassway/tls-alpn';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { freePort } from './support/free-port.ts';
import { startApp } from './support/gateway.ts';

const COMMAND = new URL('../bin/glassway.js', import.meta.url).pathname;
const TOKEN = 'a-token-of-sufficient-length';

let directory: string;
let app: Awaited<ReturnType<typeof startApp>>;
let child: ChildProcess | null = null;
let output = '';

beforeAll(async () => {
  if (!existsSync(new URL('../dist/main.js', import.meta.url))) throw new Error('run npm run build first');
  directory = await mkdtemp(join(tmpdir(), 'glassway-workers-'));
  await writeFile(join(directory, 'token'), `${TOKEN}\n`);
  app = await startApp((request, response) => {
    if (request.url !== '/slow') response.end('ok');
    else setTimeout(() => response.end('slow'), 600);
  });
});
afterEach(async () => {
  if (child !== null && child.exitCode === null && child.signalCode === null) {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
  child = null;
});
afterAll(async () => {
  await app.close();
  await rm(directory, { recursive: true, force: true });
});

async function run(...more: string[]): Promise<{ url: string; admin: string; process: ChildProcess }> {
  const [http, admin] = [await freePort(), await freePort()];
  const args = ['--to', app.url, '--http', `127.0.0.1:${http}`, '--workers', '2'];
  args.push('--admin', `127.0.0.1:${admin}`, '--admin-token-file', join(directory, 'token'));
  args.push(...(more.includes('--https') ? [] : ['--https', 'off']), ...more);
  output = '';
  const started = spawn(process.execPath, [COMMAND, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  child = started;
  for (const stream of [started.stdout, started.stderr]) {
    stream.on('data', chunk => {
      output += chunk;
    });
  }
  await vi.waitFor(() => expect(output).toContain('try it'), { timeout: 15_000 });
  const url = `http://127.0.0.1:${http}`;
  await vi.waitFor(async () => expect((await fetch(`http://127.0.0.1:${admin}/readyz`)).status).toBe(200), {
    timeout: 10_000,
  });
  return { url, admin: `http://127.0.0.1:${admin}`, process: started };
}

async function api(admin: string, name: string): Promise<never> {
  const response = await fetch(`${admin}/api/${name}`, { headers: { authorization: `Bearer ${TOKEN}` } });
  return (await response.json()) as never;
}

/** A request on a connection of its own. */
async function ask(url: string): Promise<string> {
  return (await fetch(url, { headers: { connection: 'close' } })).text();
}

interface State {
  readonly workers: readonly { readonly worker: number; readonly pid: number; readonly restarts: number }[];
}

describe('--workers 2', () => {
  it('share the connections, and the metrics are those of all', async () => {
    const { url, admin } = await run();
    for (let i = 0; i < 10; i++) expect(await ask(url)).toBe('ok');
    const text = await (await fetch(`${admin}/metrics`)).text();
    expect(text).toContain('glassway_requests_total{protocol="http/1.1",status="2xx"} 10\n');
    expect(text).toMatch(/^glassway_build_info\{.*\} 2$/m);
    for (const worker of [1, 2]) {
      expect(
        Number(new RegExp(`^process_cpu_seconds_total\\{worker="${worker}"\\} (.*)$`, 'm').exec(text)![1]),
      ).toBeGreaterThan(0);
    }
  });

  it('a session ticket of one worker is good with the others, also when the certificates were reloaded', async () => {
    const https = await freePort();
    const authority = await DevelopmentCa.open({ directory });
    const paths = { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') };
    const issue = async (): Promise<void> => {
      const { cert, key } = await authority.issue({ names: ['localhost'] });
      await writeFile(paths.cert, cert);
      await writeFile(paths.key, key);
    };
    await issue();
    const { process } = await run('--https', `127.0.0.1:${https}`, '--cert', paths.cert, '--key', paths.key);
    await issue();
    process.kill('SIGHUP');
    await vi.waitFor(() => expect(output.match(/settings reloaded, revision 2/g)).toHaveLength(2), { timeout: 10_000 });
    const options = { host: '127.0.0.1', port: https, servername: 'localhost', rejectUnauthorized: false };
    const first = connect(options);
    const [session] = (await once(first, 'session')) as [Buffer];
    first.destroy();
    // They are given connections in turns.
    for (let i = 0; i < 4; i++) {
      const socket = connect({ ...options, session });
      await once(socket, 'secureConnect');
      expect(socket.isSessionReused()).toBe(true);
      socket.destroy();
    }
  });

  it('a worker that dies is replaced, what it had counted stays, and the others serve meanwhile', async () => {
    const { url, admin } = await run();
    for (let i = 0; i < 6; i++) await ask(url);
    await (await fetch(`${admin}/metrics`)).text();
    const before: State = await api(admin, 'state');
    process.kill(before.workers[0]!.pid, 'SIGKILL');
    await vi.waitFor(() => expect(output).toContain('worker 1 ended (SIGKILL)'));
    for (let i = 0; i < 4; i++) expect(await ask(url)).toBe('ok');
    await vi.waitFor(async () => expect((await fetch(`${admin}/readyz`)).status).toBe(200), { timeout: 10_000 });
    const after: State = await api(admin, 'state');
    expect(after.workers[0]!.pid).not.toBe(before.workers[0]!.pid);
    expect(after.workers[0]!.restarts).toBe(1);
    const text = await (await fetch(`${admin}/metrics`)).text();
    expect(text).toContain('glassway_requests_total{protocol="http/1.1",status="2xx"} 10\n');
    expect(text).toContain('glassway_worker_restarts_total{worker="1"} 1\n');
  });

  it('SIGTERM finishes what is under way in every worker, and the exit code is 0', async () => {
    const { url, admin, process: primary } = await run();
    const slow = Array.from({ length: 4 }, () => ask(`${url}/slow`));
    await vi.waitFor(async () => {
      const open: readonly { worker: number; url: string }[] = await api(admin, 'requests');
      expect(new Set(open.map(({ worker }) => worker)).size).toBe(2);
      expect(open).toHaveLength(4);
    });
    const exit = once(primary, 'exit');
    primary.kill('SIGTERM');
    expect(await Promise.all(slow)).toEqual(['slow', 'slow', 'slow', 'slow']);
    expect((await exit)[0]).toBe(0);
  });

  it('a port that is taken is one error, not an endless number of restarts', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const args = ['--to', app.url, '--https', 'off', '--http', `127.0.0.1:${port}`, '--workers', '2'];
    const started = spawn(process.execPath, [COMMAND, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    child = started;
    let text = '';
    started.stderr.on('data', chunk => {
      text += chunk;
    });
    expect((await once(started, 'exit'))[0]).toBe(1);
    expect(text).toMatch(/port \d+ is taken/);
    expect(text).not.toContain('a new one starts');
    taken.close();
  });
});
