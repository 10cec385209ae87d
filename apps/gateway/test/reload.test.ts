/** Settings that change while the gateway serves, and features of the configuration against real peers. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import {
  createServer,
  request as httpRequest,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { connect as connectH2 } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DevelopmentCa } from '@glassway/tls-alpn';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { poolOf } from '../src/config/pool-settings.ts';
import { DEFAULT_SETTINGS, type Settings } from '../src/config/settings.ts';
import { reloader } from '../src/config/watch.ts';
import { type Gateway, startGateway } from '../src/gateway.ts';
import { Logger } from '../src/log.ts';
import { itWith } from './support/peers.ts';

const ANY_PORT = { host: '127.0.0.1', port: 0 };

let directory: string;
const servers: Server[] = [];
let gateway: Gateway | null = null;
let logged: string[] = [];
const logger = (): Logger => new Logger('debug', line => logged.push(line));

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'glassway-reload-'));
});
afterEach(async () => {
  await gateway?.close(0);
  gateway = null;
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  logged = [];
});
afterAll(() => rm(directory, { recursive: true }));

async function backend(answer: RequestListener, address: string | number = 0): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>(resolve =>
    typeof address === 'string' ? server.listen(address, resolve) : server.listen(address, '127.0.0.1', resolve),
  );
  return typeof address === 'string'
    ? `http://unix:${address}`
    : `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const named = (name: string): Promise<string> => backend((_, response) => response.end(name));

const settingsOf = (over: Partial<Settings>): Settings => ({
  ...DEFAULT_SETTINGS,
  http: ANY_PORT,
  https: null,
  inspector: null,
  ...over,
});

async function start(over: Partial<Settings>): Promise<Settings> {
  const settings = settingsOf(over);
  gateway = await startGateway(settings, { logger: logger(), developmentCaDirectory: directory });
  return settings;
}

async function get(path = '/', options: object = {}): Promise<{ status: number; body: string; headers: object }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port: gateway!.http?.port, path, agent: false, ...options },
      response => {
        let body = '';
        response.on('data', chunk => (body += chunk));
        response.on('end', () => resolve({ status: response.statusCode!, body, headers: response.headers }));
      },
    );
    request.on('error', reject);
    request.end();
  });
}

describe('reload', () => {
  it('routes and backends change for new requests; a stream under way ends with the backend it has', async () => {
    let release = (): void => {};
    const old = await backend((request, response) => {
      if (request.url === '/slow') response.write('be');
      else response.end('old');
      if (request.url === '/slow') release = () => void response.end('gun');
    });
    const settings = await start({ to: [old] });
    const slow = get('/slow');
    await expect.poll(() => gateway!.requests().length).toBe(1);
    expect((await get()).body).toBe('old');
    const next = await named('new');
    expect(
      await gateway!.reload({ ...settings, to: [next], routes: [{ path: '/x', respond: { status: 418 } }] }),
    ).toEqual({
      revision: 2,
      needRestart: [],
    });
    expect((await get()).body).toBe('new');
    expect((await get('/x')).status).toBe(418);
    release();
    expect((await slow).body).toBe('begun');
    expect(gateway!.revision).toBe(2);
  });

  it('what waits for its turn in a pool that is gone gets it', async () => {
    const held: ServerResponse[] = [];
    const app = await backend((request, response) => {
      if (request.url === '/held') held.push(response);
      else response.end(request.url);
    });
    const pool = { ...poolOf([app]), maxInFlight: 1 };
    const settings = await start({ backends: { before: pool }, routes: [{ to: ['before'] }] });
    const first = get('/held');
    await expect.poll(() => held.length).toBe(1);
    const second = get('/queued');
    await expect.poll(() => gateway!.requests().map(({ waits }) => waits)).toContain('its turn for before');
    await gateway!.reload({ ...settings, backends: { after: pool }, routes: [{ to: ['after'] }] });
    expect(await get('/new')).toMatchObject({ status: 200, body: '/new' });
    held[0]!.end('held');
    expect(await first).toMatchObject({ status: 200, body: 'held' });
    expect(await second).toMatchObject({ status: 200, body: '/queued' });
  });

  it('what cannot be used changes nothing', async () => {
    const settings = await start({ to: [await named('old')] });
    const bad = { ...poolOf(['https://a.test']), tls: { ...poolOf([]).tls, ca: join(directory, 'nowhere.pem') } };
    const next = {
      ...settings,
      to: ['http://127.0.0.1:1'],
      backends: { bad },
      routes: [{ path: '/bad', to: ['bad'] }],
    };
    await expect(gateway!.reload(next)).rejects.toThrow(/^backends.bad.tls.ca: cannot read .*nowhere.pem/);
    expect((await get()).body).toBe('old');
    expect(gateway!.revision).toBe(1);
  });

  it('limits change for new connections; what is read at start only is named', async () => {
    const settings = await start({ to: [await named('a')] });
    const limits = { ...settings.limits, maxHeaderBytes: 512 };
    expect(await gateway!.reload({ ...settings, limits, reasonHeader: 'x-why', logLevel: 'warn' })).toEqual({
      revision: 2,
      needRestart: ['reasonHeader', 'logLevel'],
    });
    // What waits for a restart is not in force, and is named as long as it waits.
    expect(gateway!.settings).toEqual({ ...settings, limits });
    const interval = { ...limits, checkIntervalMs: 77, negotiationTimeoutMs: 77 };
    expect(await gateway!.reload({ ...settings, limits: interval, reasonHeader: 'x-why' })).toEqual({
      revision: 3,
      needRestart: ['reasonHeader', 'limits.checkInterval', 'limits.negotiationTimeout'],
    });
    expect(gateway!.settings).toEqual({ ...settings, limits });
    expect((await get('/', { headers: { 'x-large': 'x'.repeat(1000) } })).status).toBe(431);
  });

  it('the file: a change is picked up, a mistake is told and changes nothing', async () => {
    const file = join(directory, 'watched.yaml');
    const [a, b] = [await named('a'), await named('b')];
    await writeFile(file, `to: ${a}`);
    await start({ to: [a] });
    const given = { configFile: file, overrides: [], needsBackends: true };
    const apply = (next: Settings): ReturnType<Gateway['reload']> =>
      gateway!.reload({ ...next, http: ANY_PORT, https: null, inspector: null });
    const reloads = reloader(given, `to: ${a}`, true, apply, logger(), 10);
    await new Promise(resolve => setTimeout(resolve, 50));
    expect(gateway!.revision).toBe(1);
    await writeFile(file, `to: ${b}`);
    await expect.poll(async () => (await get()).body).toBe('b');
    expect(logged.join('')).toContain('settings reloaded, revision 2');
    await writeFile(file, 'to: [\nnonsense: 1');
    await expect.poll(() => logged.join('')).toMatch(/watched.yaml:\d+:\d+: /);
    expect(logged.join('')).toContain('everything stays as it was');
    expect((await get()).body).toBe('b');
    reloads.stop();
    await writeFile(file, `to: ${a}`);
    await reloads.reload();
    expect((await get()).body).toBe('a');
  });

  it('the file: what was read on demand is not read again for having changed', async () => {
    const file = join(directory, 'demanded.yaml');
    await writeFile(file, 'to: http://127.0.0.1:1');
    let times = 0;
    const apply = (): ReturnType<Gateway['reload']> => Promise.resolve({ revision: ++times, needRestart: [] });
    const given = { configFile: file, overrides: [], needsBackends: true };
    const reloads = reloader(given, 'to: x', true, apply, logger(), 20);
    await reloads.reload();
    // Some looks later.
    await new Promise(resolve => setTimeout(resolve, 100));
    expect(times).toBe(1);
    reloads.stop();
  });

  it('the file: what is still being written is not used, what changed before the first look is', async () => {
    const file = join(directory, 'written.yaml');
    await writeFile(file, 'to: http://127.0.0.1:1');
    const used: string[] = [];
    let whenUsed = (): void => {};
    const apply = (next: Settings): ReturnType<Gateway['reload']> => {
      used.push(next.to.join());
      whenUsed();
      return Promise.resolve({ revision: used.length, needRestart: [] });
    };
    const next = (): Promise<void> =>
      new Promise(resolve => {
        whenUsed = resolve;
      });
    const first = next();
    const reloads = reloader(
      { configFile: file, overrides: [], needsBackends: true },
      'to: x',
      true,
      apply,
      logger(),
      500,
    );
    await first;
    expect(used).toEqual(['http://127.0.0.1:1']);
    const second = next();
    // Each of these would be good as it is.
    const writing = [2, 20, 202, 2020].map(port => `to: http://127.0.0.1:${port}`);
    for (const text of writing) {
      await writeFile(file, text);
      await new Promise(resolve => setTimeout(resolve, 3));
    }
    await second;
    expect(used).toEqual(['http://127.0.0.1:1', 'http://127.0.0.1:2020']);
    reloads.stop();
  });

  it('certificates: new handshakes get the new ones', async () => {
    const ca = await DevelopmentCa.open({ directory });
    const write = async (name: string, ...names: string[]): Promise<{ cert: string; key: string }> => {
      const { cert, key } = await ca.issue({ names });
      const paths = { cert: join(directory, `${name}.pem`), key: join(directory, `${name}.key`) };
      await writeFile(paths.cert, cert);
      await writeFile(paths.key, key);
      return paths;
    };
    const one = await write('one', 'one.test');
    const two = await write('two', 'two.test');
    const settings = await start({ to: [await named('a')], https: ANY_PORT, http: null, certificates: [one] });
    const nameOf = (servername: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const { port } = gateway!.https!;
        const session = connectH2(`https://127.0.0.1:${port}`, {
          ca: ca.rootCertificate,
          servername,
          checkServerIdentity: () => undefined,
        });
        session.on('error', reject);
        session.on('connect', () => {
          const socket = session.socket as unknown as { getPeerX509Certificate(): { subjectAltName: string } };
          resolve(socket.getPeerX509Certificate().subjectAltName);
          session.destroy();
        });
      });
    expect(await nameOf('two.test')).toBe('DNS:one.test');
    await gateway!.reload({ ...settings, certificates: [one, two] });
    expect(await nameOf('two.test')).toBe('DNS:two.test');
    expect(await nameOf('one.test')).toBe('DNS:one.test');
    await expect(
      gateway!.reload({ ...settings, certificates: [{ cert: '/nowhere', key: '/nowhere' }] }),
    ).rejects.toThrow(/nowhere/);
    expect(await nameOf('two.test')).toBe('DNS:two.test');
  });

  itWith('h2load', 'under load: several reloads, and no request fails', async () => {
    const [a, b] = [await named('a'), await named('b')];
    const settings = await start({ to: [a] });
    const url = `http://127.0.0.1:${gateway!.http!.port}/`;
    const load = new Promise<string>((resolve, reject) => {
      execFile('h2load', ['-c', '4', '-m', '10', '-n', '2000', url], { timeout: 60_000 }, (error, stdout) =>
        error ? reject(error) : resolve(stdout),
      );
    });
    let over = false;
    void load.finally(() => {
      over = true;
    });
    for (let i = 0; !over; i++) {
      const pool = {
        ...poolOf(i % 2 === 0 ? [b] : [a, b]),
        balance: i % 3 === 0 ? ('least-requests' as const) : ('round-robin' as const),
      };
      const limits = { ...settings.limits, maxPipelined: 10 + i };
      await gateway!.reload({
        ...settings,
        limits,
        backends: { pool },
        routes: [{ to: i % 4 === 3 ? [a] : ['pool'] }],
      });
      await new Promise(resolve => setTimeout(resolve, 20));
    }
    expect(await load).toMatch(/2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed, 0 errored/);
    expect(gateway!.revision).toBeGreaterThan(3);
  });
});

describe('pools', () => {
  it('a target that a check finds unhealthy gets no requests, and gets them again', async () => {
    let isUp = false;
    const a = await backend((request, response) => {
      response.statusCode = request.url === '/up' && !isUp ? 503 : 200;
      response.end('a');
    });
    const b = await named('b');
    const health = { path: '/up', host: null, intervalMs: 50, timeoutMs: 1000, healthyAfter: 1, unhealthyAfter: 1 };
    await start({ backends: { app: { ...poolOf([a, b]), health } }, routes: [{ to: ['app'] }] });
    await expect.poll(() => logged.join('')).toContain(`backend ${a} is unhealthy and gets no requests: status 503`);
    for (let i = 0; i < 4; i++) expect((await get()).body).toBe('b');
    isUp = true;
    await expect.poll(() => logged.join('')).toContain(`backend ${a} is healthy again`);
    expect(new Set([(await get()).body, (await get()).body])).toEqual(new Set(['a', 'b']));
  });

  it('a check that gets no answer, or no connection, fails', async () => {
    const silent = await backend(() => {});
    const health = { path: '/', host: 'x.test', intervalMs: 50, timeoutMs: 500, healthyAfter: 1, unhealthyAfter: 1 };
    const down = 'http://127.0.0.1:1';
    await start({ backends: { app: { ...poolOf([silent, down]), health } }, routes: [{ to: ['app'] }] });
    await expect
      .poll(() => logged.join(''))
      .toContain(`${silent} is unhealthy and gets no requests: no answer within 500 ms`);
    await expect.poll(() => logged.join('')).toContain(`${down} is unhealthy and gets no requests: backend_refused`);
  });

  it('a target that refuses connections is left out after a few failures', async () => {
    const down = 'http://127.0.0.1:1';
    const ejection = { failures: 2, forMs: 60_000 };
    await start({ backends: { app: { ...poolOf([down, await named('b')]), ejection } }, routes: [{ to: ['app'] }] });
    for (let i = 0; i < 8; i++) expect(await get()).toMatchObject({ status: 200, body: 'b' });
  });
});

describe('unix sockets', () => {
  it('for clients and for backends', async () => {
    const socketPath = join(directory, 'front.sock');
    const app = await backend(
      (request, response) => response.end(request.headers['x-forwarded-for'] ?? 'nobody'),
      join(directory, 'app.sock'),
    );
    await start({ to: [app], http: { path: socketPath } });
    expect(await get('/', { socketPath, host: undefined, port: undefined, headers: { host: 'x.test' } })).toMatchObject(
      { status: 200, body: 'nobody' },
    );
  });
});

describe('certificates of clients', () => {
  it('the subject of a verified one is forwarded; nobody else may say it', async () => {
    const ca = await DevelopmentCa.open({ directory });
    const { cert, key } = await ca.issue({ names: ['localhost'] });
    const paths = { cert: join(directory, 'm.pem'), key: join(directory, 'm.key') };
    await writeFile(paths.cert, cert);
    await writeFile(paths.key, key);
    const app = await backend((request, response) => response.end(JSON.stringify(request.headers)));
    const clientCertificates = { mode: 'optional' as const, ca: ca.rootCertificatePath, subjectField: 'x-subject' };
    await start({ to: [app], http: null, https: ANY_PORT, ...paths, clientCertificates });
    const ask = (credentials: object): Promise<Record<string, string>> =>
      new Promise((resolve, reject) => {
        const { port } = gateway!.https!;
        const headers = { 'x-subject': 'CN=forged', x_subject: 'CN=forged' };
        const options = {
          host: '127.0.0.1',
          port,
          ca: ca.rootCertificate,
          servername: 'localhost',
          headers,
          agent: false,
          ...credentials,
        };
        const request = httpsRequest(options, response => {
          let body = '';
          response.on('data', chunk => (body += chunk));
          response.on('end', () => resolve(JSON.parse(body)));
        });
        request.on('error', reject);
        request.end();
      });
    const ada = await ca.issueClient('ada, countess');
    expect(await ask(ada)).toMatchObject({ 'x-subject': 'CN=ada\\, countess,O=Glassway development CA' });
    const nobody = await ask({});
    expect(nobody['x-subject']).toBeUndefined();
    expect(nobody['x_subject']).toBeUndefined();
  });
});
