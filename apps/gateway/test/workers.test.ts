/** `--workers` as users run it: the built command, real processes, real signals. */
import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { freePort } from '@glassway/interop/peers/free-port.mjs';
import { DevelopmentCa } from '@glassway/tls-alpn';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startApp } from './support/gateway.ts';
import { COMMAND, Load, WorkersGateway, type WorkersState } from './support/workers.ts';

/** The machine may be busy. */
const SOON = { timeout: 60_000, interval: 100 };
vi.setConfig({ testTimeout: 240_000 });

let app: Awaited<ReturnType<typeof startApp>>;
/** Answers to `/slow` that nobody has given yet. */
const held: ServerResponse[] = [];

beforeAll(async () => {
  app = await startApp((request, response) => {
    if (request.url !== '/slow') response.end('ok');
    else held.push(response);
  });
});
afterAll(() => app.close());

const run = (): Promise<WorkersGateway> => WorkersGateway.start('--to', app.url);

/** A request on a connection of its own. */
async function ask(url: string): Promise<string> {
  return (await fetch(url, { headers: { connection: 'close' } })).text();
}

/** The metrics once so many requests are counted: an answer may be read before its worker has finished with it. */
async function counted(admin: string, requests: number): Promise<string> {
  return vi.waitFor(async () => {
    const text = await (await fetch(`${admin}/metrics`)).text();
    expect(text).toContain(`glassway_requests_total{protocol="http/1.1",status="2xx"} ${requests}\n`);
    return text;
  }, SOON);
}

describe('--workers 2', () => {
  it('share the connections, and the metrics are those of all', async () => {
    await using gateway = await run();
    const { url, admin } = gateway;
    for (let i = 0; i < 10; i++) expect(await ask(url)).toBe('ok');
    const text = await counted(admin, 10);
    expect(text).toMatch(/^glassway_build_info\{.*\} 2$/m);
    for (const worker of [1, 2]) {
      expect(
        Number(new RegExp(`^process_cpu_seconds_total\\{worker="${worker}"\\} (.*)$`, 'm').exec(text)![1]),
      ).toBeGreaterThan(0);
    }
  });

  it('a session ticket of one worker is good with the others, also when the certificates were reloaded', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'glassway-tickets-'));
    const https = await freePort();
    const authority = await DevelopmentCa.open({ directory });
    const paths = { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') };
    const issue = async (): Promise<void> => {
      const { cert, key } = await authority.issue({ names: ['localhost'] });
      await writeFile(paths.cert, cert);
      await writeFile(paths.key, key);
    };
    await issue();
    const listener = ['--https', `127.0.0.1:${https}`, '--cert', paths.cert, '--key', paths.key];
    await using gateway = await WorkersGateway.start('--to', app.url, ...listener);
    await issue();
    gateway.process.kill('SIGHUP');
    await vi.waitFor(() => expect(gateway.output.match(/settings reloaded, revision 2/g)).toHaveLength(2), SOON);
    const options = { host: '127.0.0.1', port: https, servername: 'localhost', rejectUnauthorized: false };
    const first = connectTls(options);
    const [session] = (await once(first, 'session')) as [Buffer];
    first.destroy();
    // They are given connections in turns.
    for (let i = 0; i < 4; i++) {
      const socket = connectTls({ ...options, session });
      await once(socket, 'secureConnect');
      expect(socket.isSessionReused()).toBe(true);
      socket.destroy();
    }
    await rm(directory, { recursive: true });
  });

  it('a worker that dies is replaced, what it had counted stays, and the others serve meanwhile', async () => {
    await using gateway = await run();
    const { url, admin } = gateway;
    for (let i = 0; i < 6; i++) await ask(url);
    await counted(admin, 6);
    const before: WorkersState = await gateway.api('state');
    process.kill(before.workers[0]!.pid, 'SIGKILL');
    await vi.waitFor(() => expect(gateway.output).toContain('worker 1 ended (SIGKILL)'), SOON);
    for (let i = 0; i < 4; i++) expect(await ask(url)).toBe('ok');
    await gateway.ready();
    const after: WorkersState = await gateway.api('state');
    expect(after.workers[0]!.pid).not.toBe(before.workers[0]!.pid);
    expect(after.workers[0]!.restarts).toBe(1);
    const text = await counted(admin, 10);
    expect(text).toContain('glassway_worker_restarts_total{worker="1"} 1\n');
  });

  it('a connection that was handed to a worker which dies before it takes it is closed, so that its client comes again', async () => {
    await using gateway = await run();
    const { workers }: WorkersState = await gateway.api('state');
    process.kill(workers[0]!.pid, 'SIGSTOP');
    let served = 0;
    const asked = Array.from({ length: 4 }, () => ask(gateway.url).finally(() => served++));
    const all = Promise.allSettled(asked);
    // Connections are given in turns: one of the first two was handed to the worker that stands still.
    await vi.waitFor(() => expect(served).toBe(3), SOON);
    process.kill(workers[0]!.pid, 'SIGKILL');
    expect((await all).map(({ status }) => status).sort()).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected']);
  });

  it('SIGTERM finishes what is under way in every worker, and the exit code is 0', async () => {
    await using gateway = await run();
    const slow = Array.from({ length: 4 }, () => ask(`${gateway.url}/slow`));
    await vi.waitFor(async () => {
      const open: readonly { worker: number; url: string }[] = await gateway.api('requests');
      expect(new Set(open.map(({ worker }) => worker)).size).toBe(2);
      expect(open).toHaveLength(4);
    }, SOON);
    const exit = gateway.stop();
    // Each worker was told.
    await vi.waitFor(() => expect(gateway.output.match(/finishing the requests under way/g)).toHaveLength(2), SOON);
    for (const response of held.splice(0)) response.end('slow');
    expect(await Promise.all(slow)).toEqual(['slow', 'slow', 'slow', 'slow']);
    expect(await exit).toBe(0);
  });

  it('when the first process is killed, the workers finish what is under way and end', async () => {
    await using gateway = await run();
    const slow = [ask(`${gateway.url}/slow`), ask(`${gateway.url}/slow`)];
    await vi.waitFor(async () => expect(await gateway.api('requests')).toHaveLength(2), SOON);
    const { workers }: WorkersState = await gateway.api('state');
    gateway.process.kill('SIGKILL');
    const told = /the primary process is gone: finishing the requests under way/g;
    await vi.waitFor(() => expect(gateway.output.match(told)).toHaveLength(2), SOON);
    for (const response of held.splice(0)) response.end('slow');
    expect(await Promise.all(slow)).toEqual(['slow', 'slow']);
    for (const { pid } of workers) await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow(/ESRCH/), SOON);
  });

  it('a reload moves the listeners of all, and the API shows what is in force then', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'glassway-moves-'));
    const file = join(directory, 'glassway.json');
    const [before, after] = [await freePort(), await freePort()];
    const configure = (http: string, more: object = {}): Promise<void> =>
      writeFile(file, JSON.stringify({ http, https: 'off', to: app.url, workers: 2, watch: false, ...more }));
    await configure(`127.0.0.1:${before}`);
    await using gateway = await WorkersGateway.ofFile(file);
    const first: WorkersState = await gateway.api('state');
    expect(first.workers.map(({ configRevision }) => configRevision)).toEqual(Array(2).fill(first.configRevision));
    const reload = async (revision: number): Promise<void> => {
      gateway.process.kill('SIGHUP');
      const done = new RegExp(`settings reloaded, revision ${revision}`, 'g');
      await vi.waitFor(() => expect(gateway.output.match(done)).toHaveLength(2), SOON);
    };

    await configure(`127.0.0.1:${after}`, { routes: [{ path: '/new', respond: { body: 'new' } }] });
    await reload(2);
    for (let i = 0; i < 4; i++) expect(await ask(`http://127.0.0.1:${after}/new`)).toBe('new');
    await expect(ask(`http://127.0.0.1:${before}/`)).rejects.toThrow();
    const second: WorkersState = await gateway.api('state');
    expect(second.configRevision).not.toBe(first.configRevision);
    expect(second.workers.map(({ reloads }) => reloads)).toEqual([2, 2]);
    const metrics = await (await fetch(`${gateway.admin}/metrics`)).text();
    expect(metrics).toMatch(new RegExp(`^glassway_build_info\\{.*config="${second.configRevision}"\\} 2$`, 'm'));
    expect(await gateway.api('config')).toMatchObject({
      http: `127.0.0.1:${after}`,
      routes: [{ path: '/new' }],
      workers: 2,
      admin: new URL(gateway.admin).host,
    });

    // What none of them can change without the other is said, and not shown as in force.
    await configure(`127.0.0.2:${after}`, { workers: 3 });
    await reload(3);
    expect(gateway.output.match(/revision 3; a restart is needed for http, workers$/gm)).toHaveLength(2);
    expect(await gateway.api('config')).toMatchObject({ http: `127.0.0.1:${after}`, workers: 2 });
    expect(await ask(`http://127.0.0.1:${after}/`)).toBe('ok');

    // Nor does one that takes another's place.
    process.kill(second.workers[0]!.pid, 'SIGKILL');
    await vi.waitFor(() => expect(gateway.output).toContain('worker 1 ended (SIGKILL)'), SOON);
    await gateway.ready();
    for (let i = 0; i < 4; i++) expect(await ask(`http://127.0.0.1:${after}/`)).toBe('ok');
    await expect(ask(`http://127.0.0.2:${after}/`)).rejects.toThrow();
    expect(await gateway.api('config')).toMatchObject({ http: `127.0.0.1:${after}` });
    await rm(directory, { recursive: true });
  });

  it('a port that is taken is one error, not an endless number of restarts', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const args = ['--to', app.url, '--https', 'off', '--http', `127.0.0.1:${port}`, '--workers', '2'];
    const started = spawn(process.execPath, [COMMAND, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    started.stderr.on('data', chunk => {
      text += chunk;
    });
    expect((await once(started, 'close'))[0]).toBe(1);
    expect(text).toMatch(/port \d+ is taken/);
    expect(text).not.toContain('a new one starts');
    taken.close();
  });

  it('routes and certificates that change under load reach all workers, and no request fails', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'glassway-reload-'));
    const port = await freePort();
    const ca = await DevelopmentCa.open({ directory });
    const config = join(directory, 'glassway.json');
    const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
    const configure = async (round: number): Promise<string> => {
      const issued = await ca.issue({ names: ['localhost'] });
      await writeFile(key, issued.key);
      await writeFile(cert, issued.cert);
      const routes = [
        { path: '/round', respond: { body: `${round}` } },
        { prefix: round % 2 === 0 ? '/' : '/app', to: app.url },
      ];
      await writeFile(config, JSON.stringify({ https: `127.0.0.1:${port}`, cert, key, routes, to: app.url }));
      return new X509Certificate(issued.cert).fingerprint256;
    };
    await configure(0);
    const gateway = await WorkersGateway.start('--config', config, '--https', `127.0.0.1:${port}`);
    const loads = [new Load(`https://localhost:${port}`, 3), new Load(gateway.url, 3, '/app/x')];
    try {
      for (let round = 1; round <= 3; round++) {
        const now = loads.map(({ done }) => done);
        await vi.waitFor(() => expect(loads.every(({ done }, i) => done > now[i]! + 20)).toBe(true), SOON);
        const issued = await configure(round);
        gateway.process.kill('SIGHUP');
        // Connections go to the workers in turns.
        await vi.waitFor(async () => {
          for (let i = 0; i < 4; i++) expect(await ask(`${gateway.url}/round`)).toBe(`${round}`);
          for (let i = 0; i < 4; i++) expect(await certificateOf(port)).toBe(issued);
        }, SOON);
      }
      await Promise.all(loads.map(load => load.stop()));
      expect(loads.map(({ failed }) => failed)).toEqual([0, 0]);
      expect(gateway.output).not.toContain('ended');
    } finally {
      await Promise.all(loads.map(load => load.stop()));
      await gateway[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    }
  });
});

/** The fingerprint of the certificate that a new connection is shown. */
async function certificateOf(port: number): Promise<string> {
  const socket = connectTls({ host: '127.0.0.1', port, servername: 'localhost', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}
