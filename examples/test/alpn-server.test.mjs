import { freePort } from '@glassway/interop/peers/free-port.mjs';
import { expect } from 'vitest';
import { run, scratch, start, testWithCurl } from './program.mjs';

testWithCurl('alpn-server: one port speaks HTTP/2 and HTTP/1.1, with a certificate that curl verifies', async () => {
  const port = await freePort();
  const { seen } = start('alpn-server.mjs', { PORT: String(port), XDG_DATA_HOME: scratch(), HOME: scratch() });
  const banner = await seen('\n');
  const trust = /trust (.+)\n/.exec(banner)[1];
  const url = `https://localhost:${port}/there`;
  for (const [flag, version] of [
    ['--http2', 'HTTP/2'],
    ['--http1.1', 'HTTP/1.1'],
    ['--no-alpn', 'HTTP/1.1'],
  ]) {
    const { output } = await run('curl', ['-sS', flag, '--cacert', trust, url]);
    expect(output).toBe(`hello /there over ${version}\n`);
  }
  await run('curl', ['-sS', '--insecure', '--max-time', '5', '--tls-max', '1.1', url]);
  await seen('refused: the client speaks no TLS version from 1.2 on');
});
