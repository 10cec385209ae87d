import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'playwright/test';
import { command, installed, type RunningGateway, startGateway } from './support/gateway.ts';

let demo: RunningGateway;

test.beforeAll(async () => {
  demo = await startGateway('demo');
});
test.afterAll(async () => {
  expect(await demo.stop()).toBe(0);
});

const MIB = 1 << 20;

test.describe('clients', () => {
  for (const [name, flags, secure, version] of [
    ['HTTP/1.1', ['--http1.1'], false, '1.1'],
    ['HTTP/1.1 Upgrade to h2c', ['--http2'], false, '2'],
    ['h2c by prior knowledge', ['--http2-prior-knowledge'], false, '2'],
    ['h2 by ALPN', ['-k', '--http2'], true, '2'],
    ['HTTP/1.1 over TLS', ['-k', '--http1.1'], true, '1.1'],
  ] as const) {
    test(`curl: ${name}`, async () => {
      test.skip(!installed('curl'), 'curl is not installed');
      const url = `${secure ? demo.https : demo.http}/`;
      const output = await command('curl', '-sS', ...flags, '-w', '\n%{http_version} %{http_code}', url);
      expect(output.split('\n').at(-1)).toBe(`${version} 200`);
      expect(output).toContain('<!doctype html>');
    });
  }

  test('nghttp -v over TLS shows our SETTINGS and the page', async () => {
    test.skip(!installed('nghttp'), 'nghttp is not installed');
    const output = await command('nghttp', '-v', `${demo.https}/`);
    expect(output).toContain('The negotiated protocol: h2');
    expect(output).toContain('SETTINGS_MAX_CONCURRENT_STREAMS');
    expect(output).toMatch(/recv \(stream_id=\d+\) :status: 200/);
  });

  test('nghttp -u upgrades from HTTP/1.1', async () => {
    test.skip(!installed('nghttp'), 'nghttp is not installed');
    const output = await command('nghttp', '-v', '-u', `${demo.http}/`);
    expect(output).toContain('101 Switching Protocols');
    expect(output).toMatch(/recv \(stream_id=1\) :status: 200/);
  });

  test('h2load: 2,000 requests on one connection, as many at once as we allow', async () => {
    test.skip(!installed('h2load'), 'h2load is not installed');
    const output = await command('h2load', '-n', '2000', '-c', '1', '-m', '1000', `${demo.https}/`);
    expect(output).toContain('2000 succeeded, 0 failed, 0 errored, 0 timeout');
  });

  test('node:http2: 1,000 conversations open at the same time on one connection', async () => {
    const gateway = await startGateway('demo', '--max-concurrent-streams', '1000');
    const session = connect(gateway.https, { rejectUnauthorized: false });
    try {
      await once(session, 'remoteSettings');
      const streams = Array.from({ length: 1000 }, () =>
        session.request({ ':method': 'POST', ':path': '/demo.Echo/Chat', 'content-type': 'application/grpc' }),
      );
      // Every stream has said something and heard it back before any of them ends.
      await Promise.all(
        streams.map(async (stream, i) => {
          stream.write(`message ${i}`);
          const [echo] = (await once(stream, 'data')) as [Buffer];
          expect(echo.toString()).toBe(`message ${i}`);
        }),
      );
      await Promise.all(
        streams.map(async stream => {
          const trailers = once(stream, 'trailers');
          stream.end();
          stream.resume();
          expect((await trailers)[0]).toMatchObject({ 'grpc-status': '0' });
        }),
      );
    } finally {
      session.close();
      await gateway.stop();
    }
  });
});

test.describe('large bodies in constant memory', () => {
  test('100 MiB down', async () => {
    test.skip(!installed('curl'), 'curl is not installed');
    await command('curl', '-sSk', '-o', '/dev/null', `${demo.https}/download?mib=20`);
    const before = demo.memory();
    // 20 MB/s keeps the download running long enough for a leak to show, and the client the slow side.
    const download = command(
      'curl',
      '-sSk',
      '--limit-rate',
      '40M',
      '-o',
      '/dev/null',
      '-w',
      '%{size_download}',
      `${demo.https}/download?mib=100`,
    );
    let peak = before;
    const timer = setInterval(() => {
      peak = Math.max(peak, demo.memory());
    }, 50);
    try {
      expect(Number(await download)).toBe(100 * MIB);
    } finally {
      clearInterval(timer);
    }
    expect(peak - before).toBeLessThan(60 * MIB);
  });

  test('100 MiB up', async () => {
    test.skip(!installed('curl'), 'curl is not installed');
    const folder = mkdtempSync(join(tmpdir(), 'glassway-e2e-'));
    try {
      const file = join(folder, 'upload');
      const block = randomBytes(MIB);
      const body = Buffer.concat(Array.from({ length: 100 }, () => block));
      writeFileSync(file, body);
      await command('curl', '-sSk', '-o', '/dev/null', '-T', file, `${demo.https}/upload`);
      const before = demo.memory();
      const upload = command('curl', '-sSk', '-T', file, `${demo.https}/upload`);
      let peak = before;
      const timer = setInterval(() => {
        peak = Math.max(peak, demo.memory());
      }, 50);
      const answer = await upload.finally(() => clearInterval(timer));
      expect(answer).toContain(createHash('sha256').update(body).digest('hex'));
      expect(peak - before).toBeLessThan(60 * MIB);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

test.describe('a backend that dies in the middle of a response', () => {
  let backend: Server;
  let gateway: RunningGateway;

  test.beforeAll(async () => {
    backend = createServer(socket => {
      socket.on('error', () => {});
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nonly the beginning', () => socket.destroy());
      });
    });
    await new Promise<void>(resolve => backend.listen(0, '127.0.0.1', resolve));
    gateway = await startGateway('--to', `http://127.0.0.1:${(backend.address() as AddressInfo).port}`);
  });
  test.afterAll(async () => {
    backend.close();
    await gateway.stop();
  });

  test('gives RST_STREAM to the client and a reason in the access log', async () => {
    test.skip(!installed('nghttp'), 'nghttp is not installed');
    const output = await command('nghttp', '-v', `${gateway.https}/`).catch(error => String(error.stdout));
    expect(output).toContain('recv RST_STREAM frame');
    expect(output).toContain('INTERNAL_ERROR');
    await gateway.printed(/backend_closed/);
  });

  test('a backend that is not there: 502 with what to check', async () => {
    test.skip(!installed('curl'), 'curl is not installed');
    const { port } = backend.address() as AddressInfo;
    await new Promise(resolve => backend.close(resolve));
    const output = await command('curl', '-sSk', '-w', '\n%{http_code}', `${gateway.https}/`);
    expect(output).toContain('502');
    expect(output).toContain(`127.0.0.1:${port}`);
    expect(output).toContain('is the app running?');
  });
});
