import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Drain } from '../src/drain.ts';
import type { ExchangeState } from '../src/exchange/exchange-state.ts';
import { Logger } from '../src/log.ts';
import { startApp, TestGateway } from './support/gateway.ts';
import { get, headers, Type } from './support/h2-frames.ts';
import { PATIENCE } from './support/patience.ts';
import { itWith } from './support/peers.ts';
import { rawClient, rawH2Client } from './support/raw-client.ts';

const REQUEST: ExchangeState = {
  connection: 3,
  stream: 5,
  client: '192.0.2.7:50000',
  protocol: 'h2',
  method: 'GET',
  url: 'https://a.test/slow',
  backend: 'http://b',
  ageMs: 12_345,
  waits: 'the response of the backend',
  bytesUp: 0,
  bytesDown: 0,
};

describe('the steps, in simulated time', () => {
  afterEach(() => void vi.useRealTimers());

  function begin(delayMs: number, timeoutMs: number) {
    vi.useFakeTimers();
    const log: string[] = [];
    const closed: number[] = [];
    let end: (cut: []) => void = () => {};
    const gateway = {
      close: (ms: number) => {
        closed.push(ms);
        return new Promise<never>(resolve => {
          end = cut => resolve({ finished: 1, cut } as never);
        });
      },
      requests: () => [REQUEST],
      connections: () => [{ connection: 3, peer: '192.0.2.7:50000', protocol: 'h2', openExchanges: 1 }],
    };
    const drain = new Drain(gateway, { delayMs, timeoutMs }, new Logger('info', line => void log.push(line)));
    return { drain, log, closed, end: () => end([]) };
  }

  it('not ready at once, accepting until the delay is over, then closing', async () => {
    const { drain, closed, end } = begin(5000, 10_000);
    expect(drain.isReady).toBe(true);
    drain.begin('SIGTERM');
    expect(drain.isReady).toBe(false);
    vi.advanceTimersByTime(4999);
    expect(closed).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(closed).toEqual([11_000]);
    end();
    expect(await drain.finished).toBe(true);
  });

  it('says how it goes, who holds it up, and cuts at the deadline', () => {
    const { drain, log, closed } = begin(0, 6000);
    drain.begin('SIGTERM');
    vi.advanceTimersByTime(5999);
    expect(log.slice(1, 3)).toEqual([
      'glassway: stopping: 1 connection, 1 request under way, 5.0 s left\n',
      'glassway: stopping: 1 connection, 1 request under way, 4.0 s left\n',
    ]);
    expect(log.filter(line => line.includes('held up'))).toEqual([
      'glassway: warning: held up by GET https://a.test/slow from 192.0.2.7:50000 (h2, connection 3, stream 5): ' +
        'since 12 s, waiting for the response of the backend\n',
    ]);
    vi.advanceTimersByTime(1);
    expect(log.some(line => line.includes('cutting off 1 request'))).toBe(true);
    expect(closed.at(-1)).toBe(0);
  });

  it('a second signal is now, in the delay too', () => {
    const { drain, closed } = begin(60_000, 60_000);
    drain.begin('SIGTERM');
    drain.begin('SIGTERM');
    expect(closed.at(-1)).toBe(0);
  });
});

it('RFC 9113 6.8: GOAWAY in two steps, the request under way is finished, and the blocker is known by name', async () => {
  const waiting: ServerResponse[] = [];
  const app = await startApp((_request, response) => void waiting.push(response));
  const under = await TestGateway.start([app.url]);
  const client = await rawH2Client(under.port);
  client.send(headers(1, get('a.test', '/slow')));
  await vi.waitFor(() => expect(waiting).toHaveLength(1), PATIENCE);
  const closing = under.gateway.close(10_000);
  const first = await client.untilFrame(Type.GOAWAY);
  expect(first.payload.readUInt32BE(0)).toBe(2 ** 31 - 1);
  expect(under.gateway.requests()).toMatchObject([
    { method: 'GET', url: 'http://a.test/slow', stream: 1, waits: 'the response of the backend' },
  ]);
  const ping = await client.untilFrame(Type.PING);
  client.send(Buffer.concat([Buffer.from([0, 0, 8, 6, 1, 0, 0, 0, 0]), ping.payload]));
  await client.untilFrame(Type.GOAWAY, ({ payload }) => payload.readUInt32BE(0) === 1);
  waiting[0]!.end('late');
  await client.until('the response', () => client.response(1).ended);
  expect(client.response(1).body.toString()).toBe('late');
  expect(await closing).toMatchObject({ cut: [] });
  await under.stop();
  await app.close();
});

describe('under load', () => {
  itWith('h2load', 'no request fails while the gateway stops', async () => {
    const app = await startApp((_request, response) => response.end('x'.repeat(100)));
    const under = await TestGateway.start([app.url]);
    let answered = 0;
    app.server.on('request', () => answered++);
    const load = spawn('h2load', ['-D', '3', '-c', '4', '-m', '8', `${under.url}/`]);
    let out = '';
    load.stdout.on('data', chunk => {
      out += chunk;
    });
    await vi.waitFor(() => expect(answered).toBeGreaterThan(50), { ...PATIENCE, interval: 5 });
    const report = await under.gateway.close(5000);
    await once(load, 'close');
    expect(report.cut).toEqual([]);
    expect(out).toMatch(/ 0 failed, 0 errored, 0 timeout/);
    const lines = await under.lines();
    expect(lines.filter(line => line['status'] !== undefined && line['status'] !== 200)).toEqual([]);
    expect(lines.filter(line => line['reason'] !== undefined && line['event'] === undefined)).toEqual([]);
    await under.stop();
    await app.close();
  });

  it('HTTP/1.1: connections whose request is still on its way are served, and told that it was the last', async () => {
    const app = await startApp((_request, response) => void setTimeout(() => response.end('ok'), 20));
    const under = await TestGateway.start([app.url]);
    const clients = await Promise.all(Array.from({ length: 20 }, () => rawClient(under.port)));
    await vi.waitFor(() => expect(under.gateway.connections()).toHaveLength(20), PATIENCE);
    const closing = under.gateway.close(5000);
    for (const [i, client] of clients.entries()) client.send(`GET /${i} HTTP/1.1\r\nhost: a\r\n\r\n`);
    for (const client of clients) {
      await client.until('the end', () => client.ended);
      expect(client.text).toMatch(/^HTTP\/1.1 200 OK\r\n[\s\S]*connection: close\r\n[\s\S]*ok/i);
    }
    expect((await closing).cut).toEqual([]);
    await under.stop();
    await app.close();
  });
});
