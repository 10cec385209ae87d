import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { NO_TRACE } from '../src/trace/trace.ts';
import { createBackend } from '../src/upstream/backend.ts';
import { Recorder, request } from './upstream-kit.ts';

/** Its accept queue holds two connections. */
const SERVER = `require('node:http').createServer((q, r) => r.end('late'))
  .listen({ host: '127.0.0.1', port: 0, backlog: 1 }, function () { process.send(this.address().port) })`;

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});

it.skipIf(process.platform !== 'linux')('a local backend that does not get to accept is waited for', async () => {
  const server = spawn(process.execPath, ['-e', SERVER], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  undo.push(() => server.kill('SIGKILL'));
  const [port] = (await once(server, 'message')) as [number];
  server.kill('SIGSTOP');
  const queue: Socket[] = Array.from({ length: 6 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  undo.push(() => {
    for (const socket of queue) socket.destroy();
  });
  await Promise.all(queue.slice(0, 2).map(socket => once(socket, 'connect')));

  const backend = createBackend(`http://localhost:${port}`, {}, NO_TRACE);
  undo.push(() => backend.close(0));
  const exchange = Recorder.send(backend, request());
  // Past the time after which the platform would try the next address.
  await new Promise(resolve => setTimeout(resolve, 500));
  server.kill('SIGCONT');
  await exchange.finished();
  expect([exchange.error?.text, exchange.body]).toEqual([undefined, 'late']);
});
