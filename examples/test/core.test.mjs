import { freePort } from '@glassway/interop/peers/free-port.mjs';
import { expect, test } from 'vitest';
import { run, start, testWithCurl } from './program.mjs';

const NODE = process.execPath;

test('server and client: what one asks the other answers, and both end in order', async () => {
  const port = await freePort();
  const { seen } = start('server.mjs', { PORT: String(port) });
  await seen('listening');
  const { code, output } = await run(NODE, ['client.mjs', `http://127.0.0.1:${port}`]);
  expect(output.split('\n')).toEqual([
    '200 hello /one',
    '200 hello /two',
    '200 hello /three',
    '200 text/plain',
    'hello /upload',
    'closed, 0 requests cut off',
    '',
  ]);
  expect(code).toBe(0);
});

testWithCurl('server: curl is answered over HTTP/2, and HTTP/1.1 does not end the program', async () => {
  const port = await freePort();
  const { seen } = start('server.mjs', { PORT: String(port) });
  await seen('listening');
  const url = `http://127.0.0.1:${port}/there`;
  await run('curl', ['-sS', '--http1.1', '--max-time', '5', url]);
  const { output } = await run('curl', ['-sS', '--http2-prior-knowledge', url]);
  expect(output).toBe('hello /there\n');
});

testWithCurl('server-fetch: bodies pass through streams of the Fetch standard', async () => {
  const port = await freePort();
  const { seen } = start('server-fetch.mjs', { PORT: String(port) });
  await seen('listening');
  const url = `http://127.0.0.1:${port}`;
  const curl = async (...args) => (await run('curl', ['-sS', '--http2-prior-knowledge', ...args])).output;
  expect(await curl(`${url}/`)).toBe('post something to /shout\n');
  expect(await curl('-d', 'shout this', `${url}/shout`)).toBe('SHOUT THIS');
  expect(await curl('-o', '/dev/null', '-w', '%{http_code}', `${url}/elsewhere`)).toBe('404');
});

test('hpack-roundtrip: the second request costs less than the first', async () => {
  const { code, output } = await run(NODE, ['hpack-roundtrip.mjs']);
  const sizes = [...output.matchAll(/as text, (\d+) compressed/g)].map(([, size]) => Number(size));
  expect(sizes.length).toBe(2);
  expect(sizes[1]).toBeLessThan(sizes[0]);
  expect(output).toContain('authorization: Bearer 7f3a  (never indexed, index 23)');
  expect(code).toBe(0);
});
