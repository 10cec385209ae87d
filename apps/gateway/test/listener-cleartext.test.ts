import { Server } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startListeners } from '../src/listener/listeners.ts';
import { frame, get, headers, PREFACE, settings, Type } from './support/h2-frames.ts';
import { itWith, run } from './support/peers.ts';
import { RawH2Client, rawClient } from './support/raw-client.ts';
import { type Behaviour, Harness } from './support/recorder.ts';
import { simulateTime } from './support/simulated-time.ts';

let harness: Harness;

afterEach(() => harness.stop());

const ok: Behaviour = exchange => exchange.answer(200, exchange.leg.facts.protocol);

/** Sends the parts so that the server reads each by itself: only when one has been acknowledged goes the next. */
async function sendInParts(client: RawH2Client, parts: readonly Uint8Array[]): Promise<void> {
  client.autoAck = false;
  for (const part of parts) {
    await new Promise<void>(resolve => client.socket.write(part, () => resolve()));
    await new Promise(setImmediate);
  }
}

async function rawH2(port: number): Promise<RawH2Client> {
  const { socket } = await rawClient(port);
  return new RawH2Client(socket);
}

describe('RFC 9113 3.3: prior knowledge on the port that also speaks HTTP/1.1', () => {
  const hello = Buffer.concat([PREFACE, settings(), headers(1, get('a', '/x'))]);

  it('is recognised wherever the preface is cut', async () => {
    harness = await Harness.start(ok);
    for (let at = 1; at <= PREFACE.length + 1; at++) {
      const client = await rawH2(harness.port);
      await sendInParts(client, [hello.subarray(0, at), hello.subarray(at)]);
      const response = await client.untilResponse(1);
      expect(`${at} ${client.status(1)} ${response.body}`).toBe(`${at} 200 h2c`);
      client.close();
    }
    expect(harness.exchanges).toHaveLength(PREFACE.length + 1);
  });

  it('is recognised octet by octet', async () => {
    harness = await Harness.start(ok);
    const client = await rawH2(harness.port);
    await sendInParts(
      client,
      Array.from(hello, octet => Uint8Array.of(octet)),
    );
    expect((await client.untilResponse(1)).body.toString()).toBe('h2c');
    client.close();
  });

  it('sends the server preface, and answers PING', async () => {
    harness = await Harness.start(ok);
    const client = await rawH2(harness.port);
    client.hello().send(frame(Type.PING, 0, 0, Buffer.from('12345678')));
    const pong = await client.untilFrame(Type.PING);
    expect(client.frames[0]).toMatchObject({ type: Type.SETTINGS, flags: 0, streamId: 0 });
    expect(pong).toMatchObject({ flags: 1, payload: Buffer.from('12345678') });
    client.close();
  });
});

describe('HTTP/1.1 on the port that also speaks HTTP/2', () => {
  const request = Buffer.from('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc');

  it('is recognised wherever the request is cut, and no octet is lost or doubled', async () => {
    harness = await Harness.start(exchange => {
      exchange.hooks.onBody = (_, end) => end && exchange.answer(200, `<${exchange.body}>`);
    });
    for (let at = 1; at < request.length; at++) {
      const client = await rawH2(harness.port);
      await sendInParts(client, [request.subarray(0, at), request.subarray(at)]);
      await client.untilText('<abc>');
      client.close();
    }
    expect(harness.exchanges).toHaveLength(request.length - 1);
  });

  it('is recognised octet by octet', async () => {
    harness = await Harness.start(ok);
    const client = await rawH2(harness.port);
    await sendInParts(
      client,
      Array.from(request, octet => Uint8Array.of(octet)),
    );
    await client.untilText('http/1.1');
    client.close();
  });

  it('gets a 400 when it begins like the preface and goes on otherwise', async () => {
    harness = await Harness.start(ok);
    for (let at = 1; at < PREFACE.length; at++) {
      const client = await rawClient(harness.port);
      const wrong = Buffer.concat([PREFACE.subarray(0, at), Buffer.from(PREFACE[at] === 0x58 ? 'Y' : 'X')]);
      client.send(Buffer.concat([wrong, Buffer.from('\r\n\r\n\r\n')]));
      expect(await client.untilEnd()).toMatch(/^HTTP\/1.1 400 /);
    }
    expect(harness.exchanges).toHaveLength(0);
  });
});

describe('before the protocol is known', () => {
  it('a silent socket is closed after negotiationTimeout', async () => {
    harness = await Harness.start(ok, { limits: { negotiationTimeoutMs: 50 } });
    const client = await rawClient(harness.port);
    expect(await client.untilEnd()).toBe('');
  });

  it('a socket that stops in the preface is closed after negotiationTimeout', async () => {
    harness = await Harness.start(ok, { limits: { negotiationTimeoutMs: 50 } });
    const client = await rawClient(harness.port);
    client.send(PREFACE.subarray(0, 23));
    expect(await client.untilEnd()).toBe('');
  });

  it('the timeout ends with the decision', async () => {
    using time = simulateTime();
    harness = await Harness.start(() => {}, { limits: { negotiationTimeoutMs: 50 } });
    const client = await rawClient(harness.port);
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const exchange = await harness.request();
    await time.pass(120);
    exchange.answer(200, 'late');
    await client.untilText('late');
    client.close();
  });

  it('a client that ends or resets its side leaves nothing behind', async () => {
    harness = await Harness.start(ok);
    const ending = await rawClient(harness.port);
    ending.send(PREFACE.subarray(0, 5));
    ending.socket.end();
    await ending.untilEnd();
    const resetting = await rawClient(harness.port);
    resetting.send(PREFACE.subarray(0, 5));
    resetting.socket.resetAndDestroy();
    await expect.poll(() => harness.listeners.connections).toBe(0);
  });

  it('draining closes it', async () => {
    harness = await Harness.start(ok);
    const client = await rawClient(harness.port);
    client.send(PREFACE.subarray(0, 5));
    await new Promise(setImmediate);
    expect(await harness.listeners.close(5_000)).toMatchObject({ cut: [] });
    await client.untilEnd();
  });
});

describe('listening', () => {
  it('on a port in use fails with the address and the reason, and leaves nothing open', async () => {
    harness = await Harness.start(ok);
    const { port } = harness;
    await expect(Harness.start(ok, { http: { port } })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: something else listens there`,
    );
  });

  it('refuses a limit that is no number of at least 0, by its name', async () => {
    harness = await Harness.start(ok);
    await expect(Harness.start(ok, { limits: { bodyTimeoutMs: -1 } })).rejects.toThrow(/bodyTimeoutMs .* not -1/);
  });
});

describe('peers', () => {
  itWith('curl', 'curl --http2-prior-knowledge', async () => {
    harness = await Harness.start(ok);
    const url = `http://127.0.0.1:${harness.port}/x?y`;
    expect(await run('curl', '-si', '--http2-prior-knowledge', url)).toMatch(/^HTTP\/2 200 .*h2c$/s);
    expect(harness.exchanges[0]!.request).toMatchObject({ path: '/x?y', scheme: 'http', fields: expect.anything() });
    expect(harness.exchanges[0]!.finished).toBe(1);
  });

  itWith('nghttp', 'nghttp -v', async () => {
    harness = await Harness.start(ok);
    const output = await run('nghttp', '-v', `http://127.0.0.1:${harness.port}/`);
    expect(output).toMatch(/:status: 200/);
    expect(output).toMatch(/h2c/);
  });
});

describe('the listener itself', () => {
  it('outlives a connection that cannot be accepted, and says so', async () => {
    const listen = vi.spyOn(Server.prototype, 'listen');
    const failures: Error[] = [];
    const listeners = await startListeners({ http: { onError: error => failures.push(error) }, accept: () => {} });
    const server = listen.mock.contexts[0] as Server;
    listen.mockRestore();
    const failure = Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' });
    server.emit('error', failure);
    expect(failures).toEqual([failure]);
    expect(server.listening).toBe(true);
    await listeners.close(0);
  });
});
