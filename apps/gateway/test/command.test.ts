/** The built command as users run it. Needs `npx turbo run build --filter=@glassway/gateway`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '@glassway/interop/peers/free-port.mjs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';

const BIN = fileURLToPath(new URL('../bin/glassway.js', import.meta.url));
const ANY = ['--http', '0', '--https', 'off', '--inspector', 'off'];

let data: string;
const running: ChildProcess[] = [];
const servers: Server[] = [];

beforeAll(async () => {
  if (!existsSync(new URL('../dist/main.js', import.meta.url))) throw new Error('build first: npx turbo run build');
  data = await mkdtemp(join(tmpdir(), 'glassway-'));
});
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
  for (const server of servers.splice(0)) server.close();
});

class Run {
  readonly child: ChildProcess;
  out = '';
  err = '';
  readonly exited: Promise<number | null>;

  constructor(args: readonly string[], env: Record<string, string> = {}) {
    this.child = spawn(process.execPath, [BIN, ...args], {
      env: { PATH: process.env['PATH'], XDG_DATA_HOME: data, ...env },
    });
    running.push(this.child);
    this.child.stdout!.on('data', chunk => (this.out += chunk));
    this.child.stderr!.on('data', chunk => (this.err += chunk));
    this.exited = once(this.child, 'close').then(([code]) => code as number | null);
  }

  /** The first match in what was printed. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.out + this.err);
      if (match !== null) return match;
      if (this.child.exitCode !== null) throw new Error(`exited with ${this.child.exitCode}: ${this.out}${this.err}`);
      await Promise.race([once(this.child.stdout!, 'data'), once(this.child.stderr!, 'data'), this.exited]);
    }
  }
}

async function app(answer: (path: string) => Promise<string>): Promise<string> {
  const server = createServer(async (request, response) => response.end(await answer(request.url ?? '')));
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('glassway', () => {
  it('--version and --help exit with 0', async () => {
    const version = new Run(['--version']);
    expect(await version.exited).toBe(0);
    expect(version.out).toMatch(/^\d+\.\d+\.\d+\n$/);
    const help = new Run(['--help']);
    expect(await help.exited).toBe(0);
    expect(help.out).toContain('glassway --to http://localhost:3000');
  });

  it('bad usage exits with 2 and one line that says what to do', async () => {
    const run = new Run([]);
    expect(await run.exited).toBe(2);
    expect(run.err).toMatch(/^glassway: error: no backend given: .*--to http:\/\/localhost:3000.*\n$/);
  });

  it('a port that is taken exits with 1 and names the flag', async () => {
    const port = new URL(await app(async () => '')).port;
    const run = new Run(['--to', 'http://127.0.0.1:1', ...ANY, '--http', port]);
    expect(await run.exited).toBe(1);
    expect(run.err).toContain(`port ${port} is taken`);
    expect(run.err).toContain('--http');
  });

  it('serves, and on SIGTERM finishes what is under way before it exits with 0', async () => {
    let finish = (): void => {};
    const slow = new Promise<string>(resolve => {
      finish = () => resolve('slow answer');
    });
    let came = (): void => {};
    const slowCame = new Promise<void>(resolve => {
      came = resolve;
    });
    const to = await app(path => {
      if (path !== '/slow') return Promise.resolve('hello');
      came();
      return slow;
    });
    const run = new Run(['--to', to, ...ANY, '--access-log', '-']);
    const port = (await run.printed(/http:\/\/localhost:(\d+)/))[1]!;
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('hello');
    const pending = fetch(`http://127.0.0.1:${port}/slow`);
    await slowCame;
    run.child.kill('SIGTERM');
    await run.printed(/SIGTERM: finishing/);
    finish();
    expect(await (await pending).text()).toBe('slow answer');
    expect(await run.exited).toBe(0);
    const lines = run.out.trimEnd().split('\n');
    expect(lines.map(line => line.split(' ').slice(3, 6).join(' '))).toEqual([
      `GET http://127.0.0.1:${port}/ 200`,
      `GET http://127.0.0.1:${port}/slow 200`,
    ]);
  });

  it('says what each backend speaks, and what to do about one that is down', async () => {
    const up = await app(async () => '');
    const port = await freePort();
    const down = `http://127.0.0.1:${port}`;
    const run = new Run(['--to', up, '--to', down, ...ANY]);
    await run.printed(/try it/);
    expect(run.out).toMatch(new RegExp(`${up} +backend, speaks HTTP/1\\.1\\n`));
    expect(run.out).toMatch(
      new RegExp(`${down} +backend, 127\\.0\\.0\\.1:${port} refused \\(is the app running\\?\\)\\n`),
    );
  });

  it('a second signal cuts what is under way and exits with 1', async () => {
    let came = (): void => {};
    const arrived = new Promise<void>(resolve => {
      came = resolve;
    });
    const to = await app(() => {
      came();
      return new Promise(() => {});
    });
    const run = new Run(['--to', to, ...ANY]);
    const port = Number((await run.printed(/http:\/\/localhost:(\d+)/))[1]);
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await arrived;
    run.child.kill('SIGTERM');
    await run.printed(/SIGTERM: finishing/);
    run.child.kill('SIGTERM');
    expect(await run.exited).toBe(1);
    expect(run.err).toMatch(/cut 127\.0\.0\.1:\d+ .* 1 requests? under way/);
    socket.destroy();
  });

  it('a defect is reported and exits with 1', async () => {
    // Throws outside of everything, as a defect would, once the command is at work.
    const defect =
      "const t = setInterval(() => { if (process.listenerCount('uncaughtException')) { clearInterval(t); throw new Error('boom'); } }, 20)";
    const run = new Run(['--to', 'http://127.0.0.1:1', ...ANY], {
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(defect)}`,
    });
    expect(await run.exited).toBe(1);
    expect(run.err).toMatch(/^glassway: error: this is a defect of glassway, please report it: Error: boom\n +at /m);
  });

  it('survives readers of its output that go away', async () => {
    const to = await app(async () => 'hello');
    const run = new Run(['--to', to, ...ANY, '--access-log', '-']);
    const port = (await run.printed(/http:\/\/localhost:(\d+)/))[1]!;
    run.child.stdout!.destroy();
    for (let i = 0; i < 3; i++) {
      expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
      await new Promise(resolve => setTimeout(resolve, 150));
    }
    await run.printed(/the access log cannot be written to standard output \(EPIPE/);
    expect(run.err.match(/cannot be written/g)).toHaveLength(1);
    run.child.kill('SIGTERM');
    expect(await run.exited).toBe(0);
  });
});
