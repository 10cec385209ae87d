import { connect as dial } from 'node:net';
import { connect } from '@glassway/h2-core/client';
import { freePort } from '@glassway/interop/peers/free-port.mjs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { start } from './program.mjs';

/** The program, and a client of it. */
async function running() {
  const port = await freePort();
  const { seen } = start('server-hono.mjs', { PORT: String(port) });
  await seen('listening');
  const client = await connect(dial(port, '127.0.0.1'), { authority: `127.0.0.1:${port}` });
  onTestFinished(() => client.destroy());
  return { client, seen };
}

describe('server-hono', () => {
  test('routes, parameters, JSON, and what is not there', async () => {
    const { client } = await running();
    const { status, headers, body } = await client.request({ path: '/hello/you' }).response;
    expect([status, headers.get('content-type'), await body.text()]).toEqual([
      200,
      'application/json',
      '{"hello":"you"}',
    ]);
    expect((await client.request({ path: '/elsewhere' }).response).status).toBe(404);
    const head = await client.request({ method: 'HEAD', path: '/hello/you' }).response;
    expect([head.status, await head.body.text()]).toEqual([200, '']);
  });

  test('103 before the response', async () => {
    const { client } = await running();
    const exchange = client.request({ path: '/page' });
    const hints = [];
    for await (const { status, headers } of exchange.informational) hints.push(status, headers.get('link'));
    expect(hints).toEqual([103, '</style.css>; rel=preload; as=style']);
    expect(await (await exchange.response).body.text()).toContain('<title>hono</title>');
  });

  test('a body is answered while it is sent, and trailers end the answer', async () => {
    const { client } = await running();
    const exchange = client.request({ method: 'PUT', path: '/count', endStream: false });
    exchange.body.write(new Uint8Array(1000));
    const { body } = await exchange.response;
    const text = async () => new TextDecoder().decode((await body.next()).value);
    expect(await text()).toBe('1000\n');
    // More than the windows, so that the program's reading is what lets it through.
    const sent = exchange.body.pipeFrom(Array.from({ length: 50 }, () => new Uint8Array(100_000)));
    const rest = (await body.text()).trim().split('\n');
    await sent;
    expect(rest.at(-1)).toBe('5001000');
    expect((await body.trailers()).get('x-pieces')).toBe(String(rest.length + 1));
  });

  test('a reset tells the program, and the connection goes on', async () => {
    const { client, seen } = await running();
    const exchange = client.request({ path: '/ticks' });
    const { body } = await exchange.response;
    await body.next();
    exchange.abort();
    await seen('nobody listens any more');
    expect((await client.request({ path: '/hello/again' }).response).status).toBe(200);
  });
});
