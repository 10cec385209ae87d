import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { lstat, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reason } from '../src/exchange/reason.ts';
import { Progress } from '../src/listener/http1-progress.ts';
import { DEFAULT_LISTENER_LIMITS, resolveListenerLimits } from '../src/listener/limits.ts';
import { Registry } from '../src/listener/registry.ts';
import { get, headers, Type } from './support/h2-frames.ts';
import { RawClient, rawClient, rawH2Client } from './support/raw-client.ts';
import { type Behaviour, Harness } from './support/recorder.ts';

describe('progress of an HTTP/1 client', () => {
  const limits = { ...DEFAULT_LISTENER_LIMITS, bodyTimeoutMs: 100, writeStallTimeoutMs: 100, minimumProgressBytes: 10 };
  const idle = { waitsForBody: false, bodyOctets: 0 };
  /** A socket as far as progress is seen on it: octets handed over in all, and those still waiting. */
  const socket = (bytesWritten: number, writableLength: number): Socket =>
    ({ bytesWritten, writableLength }) as unknown as Socket;

  it('a response that is taken octet by octet is a stall', () => {
    const progress = new Progress();
    for (let now = 0; now <= 100; now += 20) {
      expect(progress.check(idle, socket(1000 + now / 20, 500), limits, now)).toBe(null);
    }
    expect(progress.check(idle, socket(1006, 500), limits, 120)?.code).toBe('client_write_timeout');
  });

  it('a response that is taken at the least rate is none', () => {
    const progress = new Progress();
    for (let now = 0; now <= 1000; now += 100) {
      expect(progress.check(idle, socket(1000 + now / 10, 500), limits, now)).toBe(null);
    }
  });

  it('nothing waiting is none, however long it is so', () => {
    const progress = new Progress();
    for (let now = 0; now <= 1000; now += 100) expect(progress.check(idle, socket(1000, 0), limits, now)).toBe(null);
    // And the time begins anew when something waits.
    expect(progress.check(idle, socket(1000, 50), limits, 1050)).toBe(null);
  });

  it('another exchange on the connection begins with the whole time', () => {
    const progress = new Progress();
    const body = { waitsForBody: true, bodyOctets: 7 };
    progress.check(body, socket(0, 0), limits, 0);
    progress.restart();
    expect(progress.check(body, socket(0, 0), limits, 150)).toBe(null);
    expect(progress.check(body, socket(0, 0), limits, 251)?.code).toBe('client_body_timeout');
  });

  it('0 switches either off', () => {
    const progress = new Progress();
    const off = { ...limits, bodyTimeoutMs: 0, writeStallTimeoutMs: 0 };
    const body = { waitsForBody: true, bodyOctets: 7 };
    for (const now of [0, 1e6, 2e6]) expect(progress.check(body, socket(10, 5), off, now)).toBe(null);
  });
});

describe('the registry', () => {
  const from = { address: '192.0.2.1', port: 1 };
  const origin = { isLeaving: false };

  const none = { maxConnections: 0, maxConnectionsPerAddress: 0, maxConnectionAgeMs: 0 };

  it('holds the total', () => {
    const registry = new Registry({ ...none, maxConnections: 2 });
    const sockets = [new Socket(), new Socket(), new Socket()];
    expect(sockets.map(socket => registry.admit(socket, from))).toEqual([true, true, false]);
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false, false, true]);
    expect(registry.counts.refused).toBe(1);
    for (const socket of sockets) socket.destroy();
  });

  it('counts a /64 of IPv6 as one address, IPv4 as itself however it is written, and no unix socket', async () => {
    const registry = new Registry({ ...none, maxConnectionsPerAddress: 1 });
    const sockets: Socket[] = [];
    const admit = (address: string): boolean => {
      const socket = new Socket();
      sockets.push(socket);
      return registry.admit(socket, { address, port: 1 });
    };
    expect(admit('2001:db8:0:1::1')).toBe(true);
    for (const same of ['2001:db8:0:1::2', '2001:DB8::1:ffff:1:2:3', '2001:db8:0:1:8000::']) {
      expect(admit(same), same).toBe(false);
    }
    expect(admit('2001:db8::1')).toBe(true);
    expect(admit('2001:db8:0:2:1::')).toBe(true);
    expect(admit('192.0.2.1')).toBe(true);
    expect(admit('::ffff:192.0.2.1')).toBe(false);
    expect(admit('::ffff:192.0.2.2')).toBe(true);
    for (let i = 0; i < 3; i++) expect(admit('')).toBe(true);
    const closed = once(sockets[0]!, 'close');
    for (const socket of sockets) socket.destroy();
    await closed;
    expect(admit('2001:db8:0:1::3')).toBe(true);
    sockets.at(-1)!.destroy();
  });

  it('takes nobody in while draining', async () => {
    const registry = new Registry(none);
    expect(await registry.close(1000)).toEqual({ finished: 0, cut: [] });
    const late = new Socket();
    expect(registry.add(late, from, origin)).toBe(false);
    expect(late.destroyed).toBe(true);
  });

  it('asks a connection to leave that comes to speak while draining', async () => {
    const registry = new Registry(none);
    const socket = new Socket();
    registry.add(socket, from, origin);
    const asked: string[] = [];
    registry.assign(socket, {
      connectionId: 1,
      protocol: 'h2',
      openExchanges: 1,
      drain: () => void asked.push('early'),
    });
    const closed = registry.close(10_000);
    registry.assign(socket, {
      connectionId: 2,
      protocol: 'h2',
      openExchanges: 1,
      drain: () => {
        asked.push('late');
        socket.destroy();
      },
    });
    expect(await closed).toEqual({ finished: 1, cut: [] });
    expect(asked).toEqual(['early', 'late']);
  });
});

describe('a connection asked to leave', () => {
  let harness: Harness;
  const ok: Behaviour = exchange => exchange.answer(200, 'hello', ['content-length', '5']);
  afterEach(() => harness.stop());

  it('for its age: HTTP/2 by GOAWAY, HTTP/1 once it is idle', async () => {
    harness = await Harness.start(ok, { limits: { maxConnectionAgeMs: 50 } });
    const h2 = await rawH2Client(harness.port);
    expect(await h2.untilGoAway()).toMatchObject({ lastStreamId: 0x7fffffff, code: 0 });
    h2.close();
    const h1 = await rawClient(harness.port);
    h1.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await h1.untilEnd()).toMatch(/^HTTP\/1.1 200 .*hello$/s);
  });

  it('for the number of its requests', async () => {
    harness = await Harness.start(ok, { limits: { maxRequestsPerConnection: 2 } });
    const h1 = await rawClient(harness.port);
    h1.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await h1.untilText('hello')).not.toMatch(/connection: close/i);
    h1.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const text = await h1.untilEnd();
    expect(text.match(/200 OK/g)).toHaveLength(2);
    expect(text.match(/connection: close/gi)).toHaveLength(1);
    const h2 = await rawH2Client(harness.port);
    h2.send(headers(1, get('a')));
    await h2.untilResponse(1);
    expect(h2.frames.some(({ type }) => type === Type.GOAWAY)).toBe(false);
    h2.send(headers(3, get('a')));
    await h2.untilResponse(3);
    await h2.untilGoAway();
    h2.close();
  });
});

it('a unix socket is a listener like any other', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'glassway-unix-'));
  const path = join(directory, 'socket');
  const open: Behaviour = ({ leg }) => leg.respond({ status: 200, fields: [], sensitive: null }, false);
  const harness = await Harness.start(open, { http: { path } });
  expect(harness.listeners.http).toEqual({ path });
  const client = new RawClient(connect({ path }));
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await client.untilText('200 OK');
  const { leg } = await harness.request();
  expect(leg.facts).toMatchObject({ address: '', port: 0 });
  leg.reset(reason('backend_reset', 'gone'));
  await client.untilEnd();
  await harness.stop();
  await rm(directory, { recursive: true });
});

describe('the file of a unix socket', () => {
  let directory: string;
  let path: string;
  let harness: Harness | null;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'glassway-unix-'));
    path = join(directory, 'socket');
    harness = null;
  });
  afterEach(async () => {
    await harness?.stop();
    await rm(directory, { recursive: true });
  });
  const ok: Behaviour = exchange => exchange.answer(200, 'hello', ['content-length', '5']);

  it('that a killed process has left behind is no hindrance', async () => {
    const listen = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', listen]);
    expect((await lstat(path)).isSocket()).toBe(true);
    harness = await Harness.start(ok, { http: { path } });
    const client = new RawClient(connect({ path }));
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.untilText('hello');
    client.close();
  });

  it('that somebody listens on, or that is no socket, stays', async () => {
    const other = createServer(socket => socket.on('error', () => {}).end('other')).listen(path);
    await once(other, 'listening');
    await expect(Harness.start(ok, { http: { path } })).rejects.toThrow(/something else listens there/);
    expect(await new RawClient(connect({ path })).untilEnd()).toBe('other');
    other.close();
    await once(other, 'close');
    await writeFile(path, 'mine');
    await expect(Harness.start(ok, { http: { path } })).rejects.toThrow(/cannot listen/);
    expect(await readFile(path, 'utf8')).toBe('mine');
  });
});

it.each([
  ['keepAliveTimeoutMs', -1],
  ['maxHeaderBytes', Number.NaN],
  ['bodyTimeoutMs', Number.POSITIVE_INFINITY],
] as const)('a limit that is no number of at least 0 is refused by name: %s', (name, value) => {
  expect(() => resolveListenerLimits({ [name]: value })).toThrow(new RegExp(`^${name} `));
});
