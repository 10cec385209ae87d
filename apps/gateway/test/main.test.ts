/** The whole gateway: real sockets in process, and the command as users run it. */
import { once } from 'node:events';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { banner } from '../src/banner.ts';
import { DEFAULT_SETTINGS, type Settings } from '../src/config/settings.ts';
import { type Demo, startDemo } from '../src/demo/demo.ts';
import { startTraffic } from '../src/demo/traffic.ts';
import { type Gateway, startGateway } from '../src/gateway.ts';
import { Logger } from '../src/log.ts';
import { explainStartFailure } from '../src/problems.ts';

const ANY_PORT = { host: '127.0.0.1', port: 0 };
const SILENT = new Logger('error', () => {});

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'glassway-'));
});

const settings = (over: Partial<Settings> = {}): Settings => ({
  ...DEFAULT_SETTINGS,
  https: null,
  http: ANY_PORT,
  inspector: null,
  ...over,
});

describe('the demo with traffic', () => {
  let demo: Demo;
  let gateway: Gateway;
  let log: string;

  beforeAll(async () => {
    log = join(directory, 'traffic.log');
    demo = await startDemo();
    gateway = await startGateway(
      settings({ https: ANY_PORT, accessLog: log, accessLogFormat: 'json', routes: demo.routes }),
      {
        logger: SILENT,
        developmentCaDirectory: directory,
      },
    );
  });
  afterAll(async () => {
    await gateway?.close(0);
    await demo?.close();
  });

  it('shows requests of every kind, and every one is accounted for', async () => {
    let seed = 7;
    const random = (): number => {
      seed = (seed * 48271) % 2147483647;
      return seed / 2147483647;
    };
    const traffic = startTraffic([{ ...gateway.https!, tls: { ca: gateway.rootCertificate } }, gateway.http!], {
      intervalMs: 8,
      stayMs: 150,
      random,
    });
    // A request that the backend refuses is sent again, and waits each time.
    const isRefused = async (): Promise<boolean> => (await readFile(log, 'utf8')).includes('backend_refused_stream');
    while (traffic.requests < 250 || !(await isRefused())) await new Promise(resolve => setTimeout(resolve, 50));
    traffic.stop();
    await gateway.close(2000);
    const lines = (await readFile(log, 'utf8'))
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line));
    expect(lines.length).toBeGreaterThanOrEqual(traffic.requests);
    const seen = (key: string): Set<unknown> => new Set(lines.map(line => line[key]));
    expect([...seen('protocol')].sort()).toEqual(['h2', 'h2c', 'http/1.1']);
    for (const status of [200, 404, 503]) expect(seen('status')).toContain(status);
    for (const reason of [undefined, 'client_reset', 'backend_refused_stream'])
      expect(seen('reason')).toContain(reason);
    for (const path of ['/', '/upload', '/demo.Echo/Chat', '/streams/firehose?mib=64'])
      expect(seen('path')).toContain(path);
    const uploads = lines.filter(line => line.path === '/upload' && line.status === 200);
    expect(Math.min(...uploads.map(line => line.bytesUp))).toBeGreaterThan(0);
  });
});

describe('HTTP/2 on both sides', () => {
  let demo: Demo;
  let gateway: Gateway;
  let session: ClientHttp2Session;

  beforeAll(async () => {
    demo = await startDemo();
    gateway = await startGateway(settings({ routes: demo.routes }), { logger: SILENT });
    session = connect(`http://127.0.0.1:${gateway.http!.port}`);
  });
  afterAll(async () => {
    session?.destroy();
    await gateway?.close(0);
    await demo?.close();
  });

  it('carries a gRPC-like conversation: messages in turns, trailers at the end', async () => {
    const fields = {
      ':method': 'POST',
      ':path': '/demo.Echo/Chat',
      'content-type': 'application/grpc',
      te: 'trailers',
    };
    const stream = session.request(fields);
    const trailers = once(stream, 'trailers');
    for (const message of ['one', 'two', 'three']) {
      stream.write(message);
      expect(String((await once(stream, 'data'))[0])).toBe(message);
    }
    stream.end();
    expect((await trailers)[0]).toMatchObject({ 'grpc-status': '0', 'x-echoed': '3' });
  });

  it('passes a body of many windows through unchanged', async () => {
    const body = Buffer.alloc(5_000_000, 'many windows ');
    const stream = session.request({ ':method': 'POST', ':path': '/demo.Echo/Chat' });
    stream.end(body);
    expect((await buffer(stream)).equals(body)).toBe(true);
  });

  it('tries a refused stream again, then says so', async () => {
    const stream = session.request({ ':path': '/streams/refuse' });
    const [head] = await once(stream, 'response');
    expect(head[':status']).toBe(503);
    expect(await text(stream)).toMatch(/^503 backend_refused_stream /);
  });

  it('passes a reset in the middle on as one', async () => {
    const stream = session.request({ ':path': '/streams/reset' });
    stream.resume();
    await once(stream, 'error');
    expect(stream.rstCode).toBe(constants.NGHTTP2_INTERNAL_ERROR);
  });

  it('answers a gRPC call that no backend takes with a gRPC status', async () => {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/streams/refuse',
      'content-type': 'application/grpc',
    });
    stream.end();
    const [head] = await once(stream, 'response');
    expect(head).toMatchObject({ ':status': 200, 'grpc-status': '14' });
    stream.resume();
  });
});

describe('the inspector', () => {
  it('is at the address in the banner, with its token in the fragment, and ends with the gateway', async () => {
    const gateway = await startGateway(settings({ to: ['http://127.0.0.1:1'], inspector: ANY_PORT }), {
      logger: SILENT,
      inspectorPage: null,
    });
    const url = gateway.inspectorUrl!;
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{22,}$/);
    expect(banner(gateway, true, [])).toContain(`inspector   ${url}\n`);
    expect((await fetch(url)).headers.get('content-security-policy')).toContain("default-src 'none'");
    await gateway.close(0);
    await expect(fetch(url)).rejects.toThrow();
  });

  it('is never dialled by the data plane', async () => {
    const probe = createServer();
    await new Promise<void>(resolve => probe.listen(0, '127.0.0.1', resolve));
    const { port } = probe.address() as AddressInfo;
    await new Promise(resolve => probe.close(resolve));
    for (const host of ['127.0.0.1', 'localhost', '0.0.0.0', '[::ffff:127.0.0.1]']) {
      const wanted = settings({ to: [`http://${host}:${port}`], inspector: { host: '127.0.0.1', port } });
      const gateway = await startGateway(wanted, { logger: SILENT, inspectorPage: null });
      const response = await fetch(`http://127.0.0.1:${gateway.http!.port}/`);
      const answer = await response.text();
      await gateway.close(0);
      expect([host, response.status, answer.split(' ')[1]]).toEqual([host, 502, 'admin_target']);
    }
  });
});

describe('starting', () => {
  let taken: Server;
  afterEach(() => taken?.close());

  it('a port that is taken is named together with the flag to change', async () => {
    taken = createServer();
    await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    for (const [flag, over] of [
      ['--http', { http: { host: '127.0.0.1', port } }],
      ['--https', { https: { host: '127.0.0.1', port } }],
      ['--inspector', { inspector: { host: '127.0.0.1', port } }],
    ] as const) {
      const wanted = settings({ to: ['http://127.0.0.1:1'], ...over });
      const failure = await startGateway(wanted, { logger: SILENT, developmentCaDirectory: directory }).catch(
        error => error,
      );
      expect(explainStartFailure(failure, wanted)).toBe(
        `port ${port} is taken: stop what listens there, or choose another with ${flag} ADDRESS, or ${flag} off`,
      );
    }
  });

  it('an access log that cannot be written and a certificate that cannot be read are named', async () => {
    const log = settings({ to: ['http://127.0.0.1:1'], accessLog: '/nowhere/access.log' });
    const failure = await startGateway(log, { logger: SILENT }).catch(error => error);
    expect(explainStartFailure(failure, log)).toMatch(/\/nowhere\/access\.log.*--access-log/);
    const cert = settings({
      https: ANY_PORT,
      cert: '/nowhere/cert.pem',
      key: '/nowhere/key.pem',
    });
    const unread = await startGateway({ ...cert, to: ['http://127.0.0.1:1'] }, { logger: SILENT }).catch(
      error => error,
    );
    expect(explainStartFailure(unread, cert)).toMatch(/\/nowhere\/cert\.pem.*change --cert or --key/);
  });

  it('a development authority that cannot be kept is explained, with the ways round it', async () => {
    const file = join(directory, 'a-file');
    await writeFile(file, '');
    const wanted = settings({ to: ['http://127.0.0.1:1'], https: ANY_PORT, http: null });
    const failure = await startGateway(wanted, { logger: SILENT, developmentCaDirectory: join(file, 'ca') }).catch(
      error => error,
    );
    expect(explainStartFailure(failure, wanted)).toMatch(/a-file.*XDG_DATA_HOME.*--cert and --key.*--https off/);
  });

  it('a backend that is down is named in the answer', async () => {
    const free = createServer();
    await new Promise<void>(resolve => free.listen(0, '127.0.0.1', resolve));
    const { port } = free.address() as AddressInfo;
    await new Promise(resolve => free.close(resolve));
    const gateway = await startGateway(settings({ to: [`http://localhost:${port}`] }), { logger: SILENT });
    const response = await fetch(`http://127.0.0.1:${gateway.http!.port}/`);
    expect(response.status).toBe(502);
    const answer = await response.text();
    expect(answer.startsWith(`502 backend_refused 127.0.0.1:${port} and [::1]:${port} `)).toBe(true);
    expect(answer).toContain('(is the app running?)');
    await gateway.close(0);
  });
});
