/** Peers that other people wrote, each in the role it has. A peer that is not installed is skipped by name; CI has all. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import * as http2 from 'node:http2';
import { type AddressInfo, connect as dial } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { connect } from '../src/session/client.ts';
import type { Accepted } from '../src/session/server.ts';
import { inPath, withPeer } from './support/peers.ts';
import { listening, pattern } from './support/session.ts';

function hasPythonH2(): boolean {
  try {
    execFileSync('/usr/bin/python3', ['-c', 'import h2'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const withCurl = withPeer('curl', inPath('curl'));
const withNghttp = withPeer('nghttp', inPath('nghttp'));
const withNghttpd = withPeer('nghttpd', inPath('nghttpd'));
const withH2load = withPeer('h2load', inPath('h2load'));
const withPython = withPeer('python3-h2', hasPythonH2());

/** Runs a program to its end; gives what it printed, whatever its exit code. */
function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise(done => {
    execFile(program, args, { timeout: 15_000, maxBuffer: 64_000_000 }, (_, stdout, stderr) => done(stdout + stderr));
  });
}

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'h2-core-interop-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A server with a path for everything a peer may want to see. */
async function serve({ request, respond }: Accepted): Promise<void> {
  switch (request.path) {
    case '/echo':
      return respond.send({ headers: { 'x-method': request.method } }).pipeFrom(request.body);
    case '/large':
      return respond.send({}).pipeFrom(Array.from({ length: 64 }, (_, i) => pattern(65_536, i * 65_536)));
    case '/hints':
      respond.informational(103, { link: '</a.css>; rel=preload' });
      return respond.send({}).end('after hints');
    case '/trailers': {
      const body = respond.send({ headers: { trailer: 'x-sum' } });
      body.write('with trailers');
      return body.trailers({ 'x-sum': '42' });
    }
    case '/push': {
      const pushed = respond.canPush ? respond.push({ path: '/pushed' }) : null;
      respond.send({}).end('page');
      return pushed?.send({}).end('pushed body');
    }
    case '/reset':
      return respond.reset(11);
    case '/length': {
      const octets = await request.body.bytes();
      return respond.send({}).end(`${octets.length} ${(await request.body.trailers())?.get('x-end') ?? 'none'}`);
    }
    default:
      return respond.send({ status: 404 }, { endStream: true }).end();
  }
}

const serving = (): Promise<number> => listening(accepted => serve(accepted).catch(() => {}));

// Their clients ---------------------------------------------------------------------------------------------------------

withCurl('curl gets, posts, sees trailers and informational responses', async () => {
  const base = `http://127.0.0.1:${await serving()}`;
  const curl = (...args: string[]): Promise<string> => run('curl', ['-sS', '--http2-prior-knowledge', ...args]);
  expect(await curl('-d', 'grüße', `${base}/echo`)).toBe('grüße');
  const file = join(scratch(), 'body');
  writeFileSync(file, pattern(3_000_000));
  expect(await curl('-T', file, `${base}/length`)).toBe('3000000 none');
  expect(await curl('-i', `${base}/trailers`)).toMatch(/HTTP\/2 200.*with trailersx-sum: 42/s);
  expect(await curl('-i', `${base}/hints`)).toMatch(/HTTP\/2 103.*link: <\/a.css>.*HTTP\/2 200.*after hints/s);
  expect(await curl('-I', `${base}/large`)).toMatch(/^HTTP\/2 200/);
  expect(await curl(`${base}/reset`)).toMatch(/ENHANCE_YOUR_CALM/);
  expect((await curl('-o', '/dev/null', '-w', '%{size_download} %{http_version}', `${base}/large`)).trim()).toBe(
    '4194304 2',
  );
});

withNghttp('nghttp sees pushes, continues large bodies, sends trailers and asks first', async () => {
  const base = `http://127.0.0.1:${await serving()}`;
  const push = await run('nghttp', ['-v', `${base}/push`]);
  expect(push).toMatch(/recv PUSH_PROMISE frame/);
  expect(push).toContain('pushed body');
  const file = join(scratch(), 'body');
  writeFileSync(file, pattern(500_000));
  const post = await run('nghttp', ['-d', file, '--trailer', 'x-end: sent', '--expect-continue', `${base}/length`]);
  expect(post).toContain('500000 sent');
  const small = await run('nghttp', ['-w', '8', '-W', '10', '-n', '-s', `${base}/large`]);
  expect(small).toMatch(/200\s+4M/);
  const many = await run('nghttp', ['-m', '50', '-n', '-s', `${base}/hints`]);
  expect(many.match(/ 200 /g)?.length).toBe(50);
});

withH2load('h2load finds no failure, with bodies both ways, padding off and small windows', async () => {
  const base = `http://127.0.0.1:${await serving()}`;
  const file = join(scratch(), 'body');
  writeFileSync(file, pattern(20_000));
  const posts = await run('h2load', ['-n', '300', '-c', '3', '-m', '20', '-d', file, `${base}/echo`]);
  expect(posts).toMatch(/300 succeeded, 0 failed, 0 errored/);
  const gets = await run('h2load', ['-n', '20', '-c', '2', '-m', '10', '-w', '10', '-W', '12', `${base}/large`]);
  expect(gets).toMatch(/20 succeeded, 0 failed, 0 errored/);
});

withPython('python3-h2 as the client: exact events, with flow control, trailers and a reset of its own', async () => {
  const script = join(scratch(), 'client.py');
  writeFileSync(
    script,
    `
import socket, sys
from h2.connection import H2Connection
from h2.config import H2Configuration
import h2.events as e

sock = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
sock.settimeout(10)
conn = H2Connection(H2Configuration(client_side=True, header_encoding='utf-8'))
conn.initiate_connection()

def head(method, path):
    return [(':method', method), (':scheme', 'http'), (':authority', 'a.example'), (':path', path)]

conn.send_headers(1, head('POST', '/length'))
conn.send_data(1, b'x' * 10, pad_length=7)
conn.send_headers(1, [('x-end', 'py')], end_stream=True)
conn.send_headers(3, head('GET', '/large'), end_stream=True)
conn.send_headers(5, head('GET', '/trailers'), end_stream=True)
conn.send_headers(7, head('POST', '/echo'))
conn.reset_stream(7, error_code=8)
conn.ping(b'12345678')
octets, out, ended, ponged = {1: 0, 3: 0, 5: 0}, [], 0, False
while ended < 3 or not ponged:
    sock.sendall(conn.data_to_send())
    data = sock.recv(65536)
    if not data:
        sys.exit('the server closed: %r' % out)
    for event in conn.receive_data(data):
        if isinstance(event, e.DataReceived):
            octets[event.stream_id] += len(event.data)
            if event.stream_id == 1:
                out.append(event.data.decode())
            conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, e.TrailersReceived):
            out.append(repr(sorted(event.headers)))
        elif isinstance(event, e.StreamEnded):
            ended += 1
        elif isinstance(event, e.PingAckReceived):
            ponged = True
        elif isinstance(event, (e.StreamReset, e.ConnectionTerminated)):
            sys.exit('unexpected %r' % event)
conn.close_connection()
sock.sendall(conn.data_to_send())
print(sorted(out), octets[3], octets[5])
`,
  );
  const output = await run('/usr/bin/python3', [script, String(await serving())]);
  expect(output.trim()).toBe(`['10 py', "[('x-sum', '42')]"] 4194304 13`);
});

test('node:http2 as the client: bodies, trailers, informational responses, pushes, resets, goaway', async () => {
  const session = http2.connect(`http://127.0.0.1:${await serving()}`);
  onTestFinished(() => session.destroy());
  const collect = async (stream: http2.ClientHttp2Stream): Promise<Buffer> => {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    return Buffer.concat(chunks);
  };
  const echo = session.request({ ':method': 'POST', ':path': '/echo' });
  echo.end(Buffer.from(pattern(2_000_000)));
  expect(Buffer.compare(await collect(echo), pattern(2_000_000))).toBe(0);

  const trailing = session.request({ ':path': '/trailers' });
  const trailers = new Promise<http2.IncomingHttpHeaders>(done => trailing.on('trailers', done));
  expect((await collect(trailing)).toString()).toBe('with trailers');
  expect((await trailers)['x-sum']).toBe('42');

  const hinted = session.request({ ':path': '/hints' });
  const hints = new Promise<http2.IncomingHttpHeaders>(done => hinted.on('headers', done));
  expect((await hints)['link']).toBe('</a.css>; rel=preload');
  await collect(hinted);

  const pushed = new Promise<string>(done =>
    session.on('stream', async (stream, headers) => done(`${headers[':path']} ${await collect(stream)}`)),
  );
  await collect(session.request({ ':path': '/push' }));
  expect(await pushed).toBe('/pushed pushed body');

  const reset = session.request({ ':path': '/reset' });
  reset.on('error', () => {});
  await new Promise(done => reset.on('close', done));
  expect(reset.rstCode).toBe(11);
  await new Promise<void>(done => session.close(done));
});

// Their servers ---------------------------------------------------------------------------------------------------------

test('node:http2 as the server: bodies, trailers, informational responses, pushes, resets, goaway', async () => {
  const server = http2.createServer();
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    switch (headers[':path']) {
      case '/echo':
        stream.respond();
        stream.pipe(stream);
        break;
      case '/trailers':
        stream.respond({}, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '42' }));
        stream.end('with trailers');
        break;
      case '/hints':
        stream.additionalHeaders({ ':status': 103, link: '</a.css>' });
        stream.respond();
        stream.end();
        break;
      case '/push':
        stream.pushStream({ ':path': '/pushed' }, (_, pushed) => {
          pushed.respond();
          pushed.end('pushed body');
        });
        stream.respond();
        stream.end('page');
        break;
      default:
        stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
    }
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => void server.close());
  const client = await connect(dial((server.address() as AddressInfo).port, '127.0.0.1'), {
    authority: '127.0.0.1',
    enablePush: true,
  });
  const echo = await client.request({ method: 'POST', path: '/echo' }, pattern(2_000_000)).response;
  expect(Buffer.compare(await echo.body.bytes(), pattern(2_000_000))).toBe(0);

  const { body } = await client.request({ path: '/trailers' }).response;
  expect(await body.text()).toBe('with trailers');
  expect((await body.trailers())?.get('x-sum')).toBe('42');

  const seen: string[] = [];
  for await (const { status, headers } of client.request({ path: '/hints' }).informational) {
    seen.push(`${status} ${headers.get('link')}`);
  }
  expect(seen).toEqual(['103 </a.css>']);

  for await (const { path, response } of client.request({ path: '/push' }).pushes) {
    seen.push(`${path} ${await (await response).body.text()}`);
  }
  expect(seen[1]).toBe('/pushed pushed body');

  await expect(client.request({ path: '/none' }).response).rejects.toMatchObject({ retryable: true, code: 7 });
  expect(await client.ping()).toBeGreaterThan(0);
  expect((await client.shutdown()).cut).toEqual([]);
});

withNghttpd('nghttpd as the server: many streams, its push, its trailers', async () => {
  const root = scratch();
  writeFileSync(join(root, 'file'), pattern(300_000));
  writeFileSync(join(root, 'style'), 'body{}');
  // nghttpd takes no port 0: one is borrowed.
  const probe = http2.createServer().listen(0, '127.0.0.1');
  await new Promise(done => probe.once('listening', done));
  const { port } = probe.address() as AddressInfo;
  await new Promise<void>(done => probe.close(() => done()));
  const args = ['--no-tls', '-a', '127.0.0.1', '-d', root, '-p', '/file=/style', '--trailer', 'x-sum: 42', `${port}`];
  const daemon = spawn('nghttpd', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void daemon.kill());
  const dialled = async (): Promise<ReturnType<typeof dial>> => {
    for (;;) {
      const socket = dial(port, '127.0.0.1');
      if (await new Promise(done => socket.once('connect', () => done(true)).once('error', () => done(false))))
        return socket;
    }
  };
  const client = await connect(await dialled(), { authority: '127.0.0.1', enablePush: true });
  const bodies = await Promise.all(
    Array.from({ length: 100 }, async () => {
      const { body } = await client.request({ path: '/file' }).response;
      const octets = await body.bytes();
      return `${Buffer.compare(octets, pattern(300_000))} ${(await body.trailers())?.get('x-sum')}`;
    }),
  );
  expect(new Set(bodies)).toEqual(new Set(['0 42']));
  const exchange = client.request({ path: '/file' });
  const pushed: string[] = [];
  for await (const { path, response } of exchange.pushes) pushed.push(`${path} ${await (await response).body.text()}`);
  expect(pushed).toEqual(['/style body{}']);
  expect((await client.request({ path: '/none' }).response).status).toBe(404);
  await client.shutdown();
});
