import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { type Admin, type Operations, startAdmin } from '../src/admin/admin.ts';
import { family } from '../src/telemetry/families.ts';

const TOKEN = 'a-token-of-sufficient-length';

let admin: Admin;
afterEach(() => admin.close());

async function start(over: Partial<Operations> = {}): Promise<string[]> {
  const calls: string[] = [];
  const operations: Operations = {
    isReady: true,
    metrics: () => [family('a_total', 'counter', 'A.', 1)],
    state: () => ({ ready: true }),
    connections: () => [{ connection: 7 }],
    requests: () => [],
    config: () => ({ to: [] }),
    drain: () => void calls.push('drain'),
    reload: null,
    ...over,
  };
  admin = await startAdmin({ host: '127.0.0.1', port: 0, token: TOKEN, names: ['gateway.internal'] }, operations);
  return calls;
}

function ask(
  path: string,
  { method = 'GET', token = '', host = `127.0.0.1:${admin.port}` } = {},
): Promise<{ status: number; body: string }> {
  const headers = { host, ...(token === '' ? {} : { authorization: `Bearer ${token}` }) };
  return new Promise((resolve, reject) => {
    const sent = request({ port: admin.port, host: '127.0.0.1', path, method, headers, agent: false }, response => {
      let body = '';
      response.setEncoding('utf8').on('data', chunk => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.on('error', reject).end();
  });
}

describe('the admin listener', () => {
  it('tells balancers whether it lives and is ready, without a token', async () => {
    await start();
    expect(await ask('/livez')).toEqual({ status: 200, body: 'ok\n' });
    expect(await ask('/readyz')).toEqual({ status: 200, body: 'ready\n' });
  });

  it('is alive and not ready while it stops', async () => {
    await start({ isReady: false });
    expect((await ask('/livez')).status).toBe(200);
    expect((await ask('/readyz')).status).toBe(503);
  });

  it('gives metrics without a token', async () => {
    await start();
    expect((await ask('/metrics')).body).toContain('\na_total 1\n');
  });

  it.each(['state', 'connections', 'requests', 'config', 'nothing'])(
    'asks for the token before /api/%s',
    async name => {
      await start();
      expect((await ask(`/api/${name}`)).status).toBe(401);
      expect((await ask(`/api/${name}`, { token: `${TOKEN}x` })).status).toBe(401);
      expect((await ask(`/api/${name}`, { token: TOKEN })).status).toBe(name === 'nothing' ? 404 : 200);
    },
  );

  it('does nothing by GET, and nothing without the token', async () => {
    const calls = await start();
    expect((await ask('/api/drain', { token: TOKEN })).status).toBe(405);
    expect((await ask('/api/drain', { method: 'POST' })).status).toBe(401);
    expect(calls).toEqual([]);
    expect((await ask('/api/drain', { method: 'POST', token: TOKEN })).status).toBe(202);
    expect(calls).toEqual(['drain']);
  });

  it('reloads where there is a file', async () => {
    await start();
    expect((await ask('/api/reload', { method: 'POST', token: TOKEN })).status).toBe(409);
    await admin.close();
    await start({ reload: () => Promise.resolve({ applied: true }) });
    expect(JSON.parse((await ask('/api/reload', { method: 'POST', token: TOKEN })).body)).toEqual({ applied: true });
  });

  it('answers to addresses and known names only: a page can make a browser ask by any other', async () => {
    await start();
    expect((await ask('/readyz', { host: 'evil.example' })).status).toBe(403);
    expect((await ask('/metrics', { host: 'evil.example:9090' })).status).toBe(403);
    for (const host of ['localhost:1', '10.1.2.3', '[::1]:9', 'gateway.internal', 'Gateway.Internal:80']) {
      expect((await ask('/readyz', { host })).status, host).toBe(200);
    }
  });
});
