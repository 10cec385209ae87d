/**
 * Requests and connections that are over leave nothing behind in the whole gateway, in front of an HTTP/1.1 backend. With
 * GLASSWAY_MEMORY=1 a million requests and a hundred thousand connections; in the suite a part of that.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect as dial } from 'node:net';
import { type ClientConnection, connect } from '@glassway/h2-core/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
// @boundaries-ignore how memory is looked at is no part of the published package
import { leftBehind, PART, repetitions, SLACK } from '../../../packages/h2-core/test/support/heap.ts';
import { DEFAULT_SETTINGS } from '../src/config/settings.ts';
import { type Gateway, startGateway } from '../src/gateway.ts';
import { Logger } from '../src/log.ts';

const backend = createServer((request, response) => {
  request.resume().once('end', () => response.end('hello from the backend\n'));
});
const HOURS = { timeout: PART !== 0 ? 7_200_000 : 60_000 };
let gateway: Gateway;

beforeAll(async () => {
  backend.listen(0, '127.0.0.1');
  await once(backend, 'listening');
  const to = [`http://127.0.0.1:${(backend.address() as AddressInfo).port}`];
  gateway = await startGateway(
    { ...DEFAULT_SETTINGS, to, http: { host: '127.0.0.1', port: 0 }, https: null, inspector: null },
    { logger: new Logger('error', () => {}), reportFailures: false },
  );
});
afterAll(async () => {
  await gateway?.close(0);
  backend.closeAllConnections();
  backend.close();
});

function client(): Promise<ClientConnection> {
  return connect(dial(gateway.http!.port, '127.0.0.1'), { authority: 'localhost' });
}

async function post(on: ClientConnection): Promise<void> {
  const exchange = on.request({ method: 'POST', path: '/' }, 'a body');
  const { status, body } = await exchange.response;
  expect([status, await body.text()]).toEqual([200, 'hello from the backend\n']);
}

test('requests, ten at a time, on one connection', HOURS, async () => {
  const on = await client();
  const left = await leftBehind(repetitions(1000, 1_000_000), async count => {
    for (let i = 0; i < count; i += 10) await Promise.all(Array.from({ length: 10 }, () => post(on)));
  });
  await on.shutdown();
  if (PART !== 0) process.stdout.write(`${expect.getState().currentTestName}: ${left} octets\n`);
  expect(left).toBeLessThan(SLACK);
});

test('connections, ended in order or broken off with a request under way', HOURS, async () => {
  const left = await leftBehind(repetitions(200, 100_000), async count => {
    for (let i = 0; i < count; i++) {
      const on = await client();
      await post(on);
      if (i % 2 === 0) {
        await on.shutdown();
      } else {
        on.request({ path: '/' }).response.catch(() => {});
        on.destroy();
      }
      await on.closed;
    }
  });
  if (PART !== 0) process.stdout.write(`${expect.getState().currentTestName}: ${left} octets\n`);
  expect(left).toBeLessThan(SLACK);
});
