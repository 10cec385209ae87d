/** A backend that is killed and comes back while requests keep coming: who fails, and what is said about it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { connect } from 'node:http2';
import { freePort } from '@glassway/interop/peers/free-port.mjs';
import { afterEach, describe, expect, it } from 'vitest';
import { TestGateway } from './support/gateway.ts';

/** Answers after 20 ms with a head, after 20 more with the body: at any moment requests of both kinds are open. */
const BACKEND = `
  const serve = (request, response) => setTimeout(() => {
    response.writeHead(200);
    response.write('head,');
    setTimeout(() => response.end('body'), 20);
  }, 20);
  const server = process.argv[2] === 'h2c' ? require('http2').createServer(serve) : require('http').createServer(serve);
  server.listen(Number(process.argv[1]), '127.0.0.1', () => process.stdout.write('up'));
`;
const CLIENTS = 16;

const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

async function startBackend(port: number, protocol: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', BACKEND, String(port), protocol], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.push(child);
  await once(child.stdout!, 'data');
  return child;
}

interface Outcome {
  /** 0: none came. */
  readonly status: number;
  readonly reason: string;
  readonly complete: boolean;
}

type Ask = () => Promise<Outcome>;

function http1Client(url: string): { ask: Ask; end: () => void } {
  const agent = new Agent({ keepAlive: true });
  const ask: Ask = () =>
    new Promise(resolve => {
      const sent = get(url, { agent }, response => {
        let body = '';
        const reason = String(response.headers['glassway-reason'] ?? '').split(';')[0]!;
        const done = (): void =>
          resolve({ status: response.statusCode ?? 0, reason, complete: response.complete && body !== 'head,' });
        response.on('data', chunk => {
          body += chunk;
        });
        response.on('close', done).on('error', () => {});
      });
      sent.on('error', () => resolve({ status: 0, reason: '', complete: false }));
    });
  return { ask, end: () => agent.destroy() };
}

function http2Client(url: string): { ask: Ask; end: () => void } {
  const session = connect(url);
  session.on('error', () => {});
  const ask: Ask = () =>
    new Promise(resolve => {
      const stream = session.request({ ':path': '/' });
      let status = 0;
      let reason = '';
      let ended = false;
      stream.on('response', headers => {
        status = Number(headers[':status']);
        reason = String(headers['glassway-reason'] ?? '').split(';')[0]!;
      });
      stream.on('end', () => {
        ended = true;
      });
      stream.on('error', () => {});
      stream.on('close', () => resolve({ status, reason, complete: ended && stream.rstCode === 0 }));
      stream.resume();
    });
  return { ask, end: () => session.destroy() };
}

describe.each([
  ['HTTP/1.1', 'http'],
  ['HTTP/2', 'h2c'],
])('a backend that speaks %s, killed and restarted under load', (_name, scheme) => {
  it.each([
    ['HTTP/1.1', http1Client],
    ['HTTP/2', http2Client],
  ])(
    '%s clients: what fails says why, what had no response is answered, and all is well afterwards',
    async (_protocol, clientOf) => {
      const port = await freePort();
      const under = await TestGateway.start([`${scheme}://127.0.0.1:${port}`], { reasonHeader: 'glassway-reason' });
      let backend = await startBackend(port, scheme);
      const outcomes: Outcome[] = [];
      let stopped = false;
      const clients = Array.from({ length: CLIENTS }, () => clientOf(under.url));
      const until = async (count: number): Promise<void> => {
        while (outcomes.length < count) await new Promise(resolve => setImmediate(resolve));
      };
      const loops = clients.map(async ({ ask }) => {
        while (!stopped) outcomes.push(await ask());
      });

      await until(100);
      const before = outcomes.length;
      backend.kill('SIGKILL');
      await once(backend, 'exit');
      await until(before + 60);
      backend = await startBackend(port, scheme);
      // Those under way now were sent before it was back.
      const down = outcomes.length;
      await until(down + CLIENTS * 3);
      const settled = outcomes.length;
      await until(settled + 100);
      stopped = true;
      await Promise.all(loops);

      const failed = outcomes.filter(({ status, complete }) => status !== 200 || !complete);
      expect(failed.length).toBeGreaterThan(0);
      expect(outcomes.slice(0, before).every(({ status, complete }) => status === 200 && complete)).toBe(true);
      expect(outcomes.slice(settled).filter(outcome => failed.includes(outcome))).toEqual([]);
      // A response that had begun was cut off; on HTTP/1.1 by a TCP reset, which may overtake its head (status 0).
      const cutOff = failed.filter(({ status }) => status === 200 || status === 0);
      for (const { status, reason, complete } of failed.filter(outcome => !cutOff.includes(outcome))) {
        expect(reason).toMatch(/^backend_(refused|closed|reset|going_away|unreachable)$/);
        expect({ status, complete }).toEqual({ status: 502, complete: true });
      }
      // Each failure, and nothing else, has its reason in the log.
      await under.gateway.close(1000);
      const lines = (await under.lines()).filter(line => line['event'] === undefined);
      const reasoned = lines.filter(line => line['reason'] !== undefined);
      expect(reasoned).toHaveLength(failed.length);
      expect(reasoned.filter(line => line['status'] === 200)).toHaveLength(cutOff.length);
      for (const line of reasoned) expect(line['reason']).toMatch(/^backend_/);
      for (const { ask: _ask, end } of clients) end();
      await under.stop();
    },
  );
});
