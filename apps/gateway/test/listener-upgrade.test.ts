import { afterEach, describe, expect, it } from 'vitest';
import { get, headers, PREFACE, settings, settingsPayload, Type } from './support/h2-frames.ts';
import { itWith, run } from './support/peers.ts';
import { RawH2Client, rawClient } from './support/raw-client.ts';
import { type Behaviour, Harness } from './support/recorder.ts';
import { simulateTime } from './support/simulated-time.ts';

let harness: Harness;

afterEach(() => harness.stop());

const ok: Behaviour = exchange => exchange.answer(200, exchange.leg.facts.protocol);

const SETTINGS = settingsPayload([
  [0x3, 100],
  [0x4, 5],
]).toString('base64url');

function upgrade(change: { settings?: string[]; connection?: string; upgrade?: string; more?: string } = {}): string {
  const { settings = [SETTINGS], connection = 'Upgrade, HTTP2-Settings', upgrade = 'h2c', more = '' } = change;
  const lines = settings.map(value => `HTTP2-Settings: ${value}\r\n`).join('');
  return `GET /up?1 HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nConnection: ${connection}\r\nUpgrade: ${upgrade}\r\n${lines}${more}\r\n`;
}

const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: h2c\r\n\r\n';

async function client(octets: string, more: Uint8Array = Buffer.alloc(0)): Promise<RawH2Client> {
  const { socket } = await rawClient(harness.port);
  const upgraded = new RawH2Client(socket, SWITCHED.length);
  return upgraded.send(Buffer.concat([Buffer.from(octets, 'latin1'), more]));
}

describe('RFC 7540 3.2: Upgrade to h2c', () => {
  it('answers 101, then the request on stream 1 under the settings given', async () => {
    harness = await Harness.start(ok);
    const upgraded = await client(upgrade());
    upgraded.autoAck = false;
    await upgraded.untilFrame(Type.SETTINGS);
    upgraded.send(PREFACE);
    await upgraded.untilFrame(Type.DATA, ({ payload }) => payload.length === 5);
    expect(upgraded.text.startsWith(SWITCHED)).toBe(true);
    expect(upgraded.frames[0]).toMatchObject({ type: Type.SETTINGS, flags: 0 });
    // SETTINGS_INITIAL_WINDOW_SIZE 5 of the header holds before any frame of the client.
    expect(upgraded.response(1).body.toString()).toBe('h2c-u');
    const { request, leg } = await harness.request();
    expect(request).toMatchObject({ method: 'GET', scheme: 'http', authority: 'a', path: '/up?1', hasBody: false });
    expect(leg.facts).toMatchObject({ protocol: 'h2c-upgrade', streamId: 1 });
    upgraded.close();
  });

  // curl reads the 101 into a buffer of fixed size and gives up when more of a response than that comes along with it.
  it('says nothing but its SETTINGS until the preface shows that the client has seen the 101', async () => {
    harness = await Harness.start(ok);
    const upgraded = await client(upgrade());
    upgraded.autoAck = false;
    await upgraded.untilFrame(Type.SETTINGS);
    expect(harness.exchanges).toHaveLength(0);
    upgraded.send(Buffer.concat([PREFACE, settings()]));
    await upgraded.untilFrame(Type.DATA, ({ payload }) => payload.length === 5);
    upgraded.close();
  });

  it('a client that goes away before its preface leaves nothing behind', async () => {
    harness = await Harness.start(ok);
    const upgraded = await client(upgrade());
    await upgraded.untilFrame(Type.SETTINGS);
    upgraded.socket.destroy();
    await expect.poll(() => harness.listeners.connections).toBe(0);
    expect(harness.exchanges).toHaveLength(0);
  });

  it('goes on as an ordinary connection: preface in the same packet, next request on stream 3', async () => {
    harness = await Harness.start(ok);
    const upgraded = await client(
      upgrade({ settings: [''] }),
      Buffer.concat([PREFACE, settings(), headers(3, get('a', '/3'))]),
    );
    expect((await upgraded.untilResponse(1)).body.toString()).toBe('h2c-upgrade');
    expect((await upgraded.untilResponse(3)).body.toString()).toBe('h2c-upgrade');
    expect(harness.exchanges.map(({ request }) => request.path)).toEqual(['/up?1', '/3']);
    expect(harness.exchanges.map(({ finished }) => finished)).toEqual([1, 1]);
    upgraded.close();
  });

  it('waits for its turn behind pipelined requests', async () => {
    harness = await Harness.start(() => {});
    const { socket } = await rawClient(harness.port);
    const first = 'HTTP/1.1 200 OK\r\n';
    const both = new RawH2Client(socket, 1e9);
    both.send(`GET /1 HTTP/1.1\r\nHost: a\r\n\r\n${upgrade()}`).send(Buffer.concat([PREFACE, settings()]));
    (await harness.request(1)).answer(200, '');
    (await harness.request(2)).answer(200, '');
    const text = await both.untilText('101 Switching');
    expect(text.indexOf(first)).toBe(0);
    both.close();
  });

  it('is not closed by the idle timeout of the requests before it', async () => {
    using time = simulateTime();
    harness = await Harness.start(() => {}, { limits: { keepAliveTimeoutMs: 50 } });
    const { socket } = await rawClient(harness.port);
    const both = new RawH2Client(socket, 1e9);
    both.send(`GET /1 HTTP/1.1\r\nHost: a\r\n\r\n${upgrade()}`).send(Buffer.concat([PREFACE, settings()]));
    (await harness.request(1)).answer(200, '');
    const exchange = await harness.request(2);
    await time.pass(200);
    expect(exchange.aborted).toBe(null);
    both.close();
  });

  it('ends with the connection, told once', async () => {
    harness = await Harness.start(() => {});
    const upgraded = await client(upgrade(), Buffer.concat([PREFACE, settings()]));
    const exchange = await harness.request();
    upgraded.close();
    await harness.until('the abort', () => exchange.aborted !== null);
    await expect.poll(() => harness.listeners.connections).toBe(0);
  });
});

describe('an Upgrade that does not qualify is served as HTTP/1.1', () => {
  const declined: readonly [name: string, request: string, protocol?: string][] = [
    ['two HTTP2-Settings', upgrade({ settings: [SETTINGS, SETTINGS] })],
    ['no HTTP2-Settings', upgrade({ settings: [] })],
    ['HTTP2-Settings not named by Connection', upgrade({ connection: 'Upgrade' })],
    ['Upgrade not named by Connection', upgrade({ connection: 'HTTP2-Settings, keep-alive' })],
    ['settings with padding', upgrade({ settings: ['AAMAAABkAA=='] })],
    ['settings not a multiple of six octets', upgrade({ settings: ['AAMAAAB'] })],
    ['settings with characters of plain base64', upgrade({ settings: ['AAMAAAB+'] })],
    ['h2 instead of h2c', upgrade({ upgrade: 'h2' })],
    ['websocket', upgrade({ upgrade: 'websocket' })],
  ];
  for (const [name, octets] of declined) {
    it(name, async () => {
      harness = await Harness.start(ok);
      const plain = await client(octets);
      await plain.untilText('http/1.1');
      expect(plain.text).toMatch(/^HTTP\/1.1 200 OK/);
      expect(harness.exchanges).toHaveLength(1);
      plain.close();
    });
  }

  it('a request with a body, which arrives whole, and the connection goes on', async () => {
    harness = await Harness.start(exchange => {
      exchange.hooks.onBody = (_, end) => end && exchange.answer(200, `<${exchange.body}>`);
      if (exchange.complete) exchange.answer(200, '<none>');
    });
    const head = upgrade({ more: 'Content-Length: 6\r\n' }).replace('GET', 'POST');
    const plain = await client(`${head}abc`);
    const exchange = await harness.request();
    await harness.until('the first half', () => exchange.body.length === 3);
    plain.send('defGET /next HTTP/1.1\r\nHost: a\r\n\r\n');
    await plain.untilText('<none>');
    expect(plain.text).toContain('<abcdef>');
    expect(plain.text).not.toContain('101');
    plain.close();
  });

  it('a request with a chunked body', async () => {
    harness = await Harness.start(exchange => {
      exchange.hooks.onBody = (_, end) => end && exchange.answer(200, `<${exchange.body}>`);
    });
    const head = upgrade({ more: 'Transfer-Encoding: chunked\r\n' }).replace('GET', 'POST');
    const plain = await client(`${head}3\r\nabc\r\n0\r\n\r\n`);
    await plain.untilText('<abc>');
    plain.close();
  });

  it('again and again on one connection', async () => {
    harness = await Harness.start(ok);
    const plain = await client(upgrade({ settings: [] }).repeat(3));
    await plain.until('three responses', () => plain.text.split('http/1.1').length === 4);
    expect(harness.exchanges.map(({ leg }) => leg.facts.streamId)).toEqual([1, 2, 3]);
    plain.close();
  });

  it('without leaving anything behind on the socket', async () => {
    harness = await Harness.start(ok);
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    const plain = await client('');
    for (let i = 1; i <= 30; i++) {
      plain.send(upgrade({ settings: [] }));
      await plain.until(`response ${i}`, () => plain.text.split('http/1.1').length === i + 1);
    }
    plain.close();
    await new Promise(setImmediate); // warnings are emitted in a later turn
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  it('HTTP/1.0', async () => {
    harness = await Harness.start(ok);
    const plain = await client(upgrade().replace('HTTP/1.1', 'HTTP/1.0'));
    expect(await plain.untilEnd()).toMatch(/200 OK.*http\/1.0$/s);
  });

  it('when switched off', async () => {
    harness = await Harness.start(ok, { limits: { upgradeH2c: false } });
    const plain = await client(upgrade());
    await plain.untilText('http/1.1');
    plain.close();
  });
});

it('an Upgrade on a request that is refused gets the 400, not the 101', async () => {
  harness = await Harness.start(ok);
  const plain = await client(upgrade({ more: 'Host: b\r\n' }));
  expect(await plain.untilEnd()).toMatch(/^HTTP\/1.1 400 .*more than one host/s);
  expect(harness.exchanges).toHaveLength(0);
});

it('a SETTINGS value out of range ends the new connection with its error', async () => {
  harness = await Harness.start(ok);
  const bad = settingsPayload([[0x5, 1]]).toString('base64url');
  const upgraded = await client(upgrade({ settings: [bad] }));
  expect((await upgraded.untilGoAway()).code).toBe(1);
  expect(harness.exchanges).toHaveLength(0);
  await upgraded.untilEnd();
});

describe('peers', () => {
  itWith('curl', 'curl --http2', async () => {
    harness = await Harness.start(ok);
    const output = await run('curl', '-si', '--http2', `http://127.0.0.1:${harness.port}/`);
    expect(output).toMatch(/^HTTP\/1.1 101 .*HTTP\/2 200 .*h2c-upgrade$/s);
  });

  itWith('curl', 'curl --http2 with a body stays on HTTP/1.1', async () => {
    harness = await Harness.start(exchange => {
      exchange.hooks.onBody = (_, end) => end && exchange.answer(200, `${exchange.body.length}`);
    });
    const url = `http://127.0.0.1:${harness.port}/`;
    const output = await run('curl', '-si', '--http2', '--data-binary', 'x'.repeat(50_000), url);
    expect(output).toMatch(/^HTTP\/1.1 200 .*50000$/s);
  });

  itWith('nghttp', 'nghttp -u', async () => {
    harness = await Harness.start(ok);
    const output = await run('nghttp', '-uv', `http://127.0.0.1:${harness.port}/`);
    expect(output).toMatch(/HTTP Upgrade success/);
    expect(output).toMatch(/:status: 200/);
  });
});
