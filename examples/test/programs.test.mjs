import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EXAMPLES, freePort, hasCurl, listening, run, start } from './program.mjs';

const has = file => existsSync(join(EXAMPLES, file));
const CURL_H2 = ['-sS', '--http2-prior-knowledge', '-w', '\n%{http_version} %{response_code}'];

async function serve() {
  const port = await freePort();
  start('server.mjs', { PORT: String(port) });
  await listening(port);
  return port;
}

describe.runIf(has('server.mjs'))('server', () => {
  test.skipIf(!hasCurl())('curl gets an answer over HTTP/2, again and again on one connection', async () => {
    const port = await serve();
    const urls = ['/one', '/two'].map(path => `http://127.0.0.1:${port}${path}`);
    const { output } = await run('curl', [...CURL_H2, ...urls]);
    expect(output.match(/^2 200$/gm) ?? output.match(/2 200/g), output).toHaveLength(2);
    expect(output).toContain('/one');
    expect(output).toContain('/two');
  });
});

describe.runIf(has('client.mjs'))('client', () => {
  test('asks the server and prints its answer', async () => {
    const port = await serve();
    const { code, output } = await run(process.execPath, ['client.mjs'], { PORT: String(port) });
    expect(output).toContain('200');
    expect(code, output).toBe(0);
  });

  test('says so when nobody listens', async () => {
    const { code, output } = await run(process.execPath, ['client.mjs'], { PORT: String(await freePort()) });
    expect(code).not.toBe(0);
    expect(output).toContain('ECONNREFUSED');
  });
});

describe.runIf(has('hpack-roundtrip.mjs'))('hpack-roundtrip', () => {
  test('prints the same every time', async () => {
    const first = await run(process.execPath, ['hpack-roundtrip.mjs']);
    expect(first.code, first.output).toBe(0);
    expect(first.output).not.toBe('');
    expect(await run(process.execPath, ['hpack-roundtrip.mjs'])).toEqual(first);
  });
});

test('every program has a test', () => {
  const tests = readdirSync(import.meta.dirname).map(file => readFileSync(join(import.meta.dirname, file), 'utf8'));
  const programs = readdirSync(EXAMPLES).filter(file => /^[a-z].*\.m?[jt]s$/.test(file) && !file.includes('.config.'));
  expect(programs.filter(file => !tests.some(text => text.includes(`'${file}'`)))).toEqual([]);
});
