import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { SecureContexts } from '@glassway/tls-alpn';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ConnectionFacts, Trace } from '../src/trace/trace.ts';
import { NO_TRACE } from '../src/trace/trace.ts';
import { get, headers, INADEQUATE_SECURITY } from './support/h2-frames.ts';
import { itWith, run } from './support/peers.ts';
import { rawClient, rawTlsClient } from './support/raw-client.ts';
import { type Behaviour, Harness } from './support/recorder.ts';

let directory: string;
let harness: Harness;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'glassway-listener-'));
});
afterEach(() => harness.stop());
afterAll(() => rm(directory, { recursive: true }));

const ok: Behaviour = exchange => exchange.answer(200, exchange.leg.facts.protocol);

async function start(more: object = {}, trace: Trace = NO_TRACE): Promise<number> {
  harness = await Harness.start(ok, { https: { port: 0, developmentCaDirectory: directory, ...more }, trace });
  return harness.tlsPort;
}

describe('RFC 9113 3.2: ALPN decides', () => {
  it('h2', async () => {
    const client = await rawTlsClient(await start(), ['h2', 'http/1.1']);
    expect((client.socket as TLSSocket).alpnProtocol).toBe('h2');
    client.hello().send(headers(1, get('localhost', '/x', 'https')));
    expect((await client.untilResponse(1)).body.toString()).toBe('h2');
    expect(harness.exchanges[0]!.request).toMatchObject({ scheme: 'https', path: '/x' });
    expect(harness.exchanges[0]!.leg.facts).toMatchObject({ protocol: 'h2', tls: true });
    client.close();
  });

  it('http/1.1', async () => {
    const client = await rawTlsClient(await start(), ['http/1.1']);
    client.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await client.untilText('http/1.1');
    expect(harness.exchanges[0]!.request.scheme).toBe('https');
    client.close();
  });

  it('a client without ALPN gets http/1.1', async () => {
    const client = await rawTlsClient(await start(), []);
    client.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await client.untilText('http/1.1');
    client.close();
  });

  it('a client that wants neither is refused with no_application_protocol', async () => {
    await expect(rawTlsClient(await start(), ['h3'])).rejects.toThrow(/no application protocol/i);
  });
});

describe('limits of connections', () => {
  const silent = async (port: number): Promise<{ socket: Socket; closed: Promise<unknown> }> => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    const closed = once(socket, 'close');
    await once(socket, 'connect');
    return { socket, closed };
  };

  it.each(['maxConnections', 'maxConnectionsPerAddress'])('%s counts handshakes that are not begun', async limit => {
    harness = await Harness.start(ok, {
      https: { port: 0, developmentCaDirectory: directory },
      limits: { [limit]: 2 },
    });
    const places = [await silent(harness.tlsPort), await silent(harness.tlsPort)];
    await (await silent(harness.tlsPort)).closed;
    expect(harness.listeners.counts).toMatchObject({ accepted: 0, refused: 1 });
    for (const { socket, closed } of places) {
      socket.destroy();
      await closed;
    }
    // Their places are free once the server has seen the end.
    let client: Awaited<ReturnType<typeof rawTlsClient>> | null = null;
    while (client === null) client = await rawTlsClient(harness.tlsPort, ['http/1.1']).catch(() => null);
    client.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await client.untilText('http/1.1');
    // A connection that is through with its handshake counts once.
    const other = await silent(harness.tlsPort);
    await (await silent(harness.tlsPort)).closed;
    other.socket.destroy();
    client.close();
  });
});

it('RFC 7540 3.2: there is no Upgrade to h2c inside TLS', async () => {
  const client = await rawTlsClient(await start(), ['http/1.1']);
  const connection = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n';
  client.send(`GET / HTTP/1.1\r\nHost: localhost\r\n${connection}\r\n`);
  expect(await client.untilText('http/1.1')).toMatch(/^HTTP\/1.1 200/);
  client.close();
});

it('without certificates the development authority makes one per server name', async () => {
  const port = await start();
  const client = await rawTlsClient(port, ['h2'], {
    servername: 'shop.test',
    ca: harness.listeners.developmentCa?.rootCertificate,
    rejectUnauthorized: true,
  });
  expect((client.socket as TLSSocket).getPeerCertificate().subjectaltname).toBe('DNS:shop.test');
  client.close();
});

describe('RFC 9110 15.5.20: a request for a name the certificate does not cover', () => {
  let refusal = '';
  const ask = async (authority: string, strictAuthority: boolean): Promise<string[]> => {
    const limits = { strictAuthority };
    harness = await Harness.start(ok, { https: { port: 0, developmentCaDirectory: directory }, limits });
    const h2 = await rawTlsClient(harness.tlsPort, ['h2'], { servername: 'localhost' });
    h2.hello().send(headers(1, get(authority, '/', 'https')));
    await h2.untilResponse(1);
    const h1 = await rawTlsClient(harness.tlsPort, ['http/1.1'], { servername: 'localhost' });
    h1.send(`GET / HTTP/1.1\r\nHost: ${authority}\r\nConnection: close\r\n\r\n`);
    const answer = await h1.untilEnd();
    h2.close();
    refusal = h2.response(1).body.toString();
    return [h2.status(1), answer.slice(9, 12)];
  };

  it.each(['other.test', 'localhost.test:443', '10.0.0.1', '[::2]'])(
    '%s gets 421 when that is strict',
    async authority => {
      expect(await ask(authority, true)).toEqual(['421', '421']);
      expect(refusal).toMatch('421 misdirected_request');
      expect(harness.exchanges).toHaveLength(0);
    },
  );
  it.each(['localhost', 'LOCALHOST:8443', '127.0.0.1:1', '[::1]'])('%s is covered', async authority => {
    expect(await ask(authority, true)).toEqual(['200', '200']);
  });
  it('anything goes when it is not', async () => {
    expect(await ask('other.test', false)).toEqual(['200', '200']);
  });
});

it('RFC 9113 9.2.2: a suite of Appendix A ends the connection with INADEQUATE_SECURITY', async () => {
  await start();
  const { developmentCa } = harness.listeners;
  await harness.stop();
  const contexts = await SecureContexts.load({ onDemand: developmentCa!.credentialsFor, ciphers: 'compatible' });
  const port = await start({ contexts });
  const old = { ciphers: 'ECDHE-ECDSA-AES128-SHA', maxVersion: 'TLSv1.2' };
  const client = await rawTlsClient(port, ['h2'], old);
  client.hello().send(headers(1, get('localhost', '/', 'https')));
  const { code, debug } = await client.untilGoAway();
  expect(code).toBe(INADEQUATE_SECURITY);
  expect(debug).toContain('TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA');
  await client.untilEnd();
  expect(harness.exchanges).toHaveLength(0);
  // HTTP/1.1 has no such rule.
  const plain = await rawTlsClient(port, ['http/1.1'], old);
  plain.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await plain.untilText('http/1.1');
  plain.close();
});

it('the trace learns how each connection was negotiated and when it ended', async () => {
  const opened: ConnectionFacts[] = [];
  const closed: number[] = [];
  const trace: Trace = {
    ...NO_TRACE,
    connectionOpened: facts => opened.push(facts),
    connectionClosed: id => void closed.push(id),
  };
  const client = await rawTlsClient(await start({}, trace), ['h2'], { servername: 'localhost' });
  client.hello().send(headers(1, get('localhost', '/', 'https')));
  await client.untilResponse(1);
  expect(opened).toMatchObject([
    {
      leg: 0,
      protocol: 'h2',
      negotiation: 'alpn',
      peer: `127.0.0.1:${client.socket.localPort}`,
      local: `127.0.0.1:${harness.tlsPort}`,
      tls: { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256', servername: 'localhost' },
    },
  ]);
  client.close();
  await expect.poll(() => closed).toEqual([1]);
});

it('draining lets HTTP/2 over TLS finish', async () => {
  const client = await rawTlsClient(await start(), ['h2']);
  client.hello().send(headers(1, get('localhost', '/', 'https')));
  await client.untilResponse(1);
  const closed = harness.listeners.close(5_000);
  await client.untilGoAway();
  await client.untilEnd();
  client.socket.end();
  expect(await closed).toEqual({ finished: 1, cut: [] });
});

describe('peers', () => {
  itWith('curl', 'curl --http2 over TLS, trusting the development authority', async () => {
    const url = `https://localhost:${await start()}/`;
    const ca = harness.listeners.developmentCa!.rootCertificatePath;
    const output = await run(
      'curl',
      '-si',
      '--http2',
      '--resolve',
      `localhost:${harness.tlsPort}:127.0.0.1`,
      '--cacert',
      ca,
      url,
    );
    expect(output).toMatch(/^HTTP\/2 200 .*h2$/s);
  });

  itWith('curl', 'curl -k --http1.1 over TLS', async () => {
    const output = await run('curl', '-ski', '--http1.1', `https://127.0.0.1:${await start()}/`);
    expect(output).toMatch(/^HTTP\/1.1 200 .*http\/1.1$/s);
  });

  itWith('nghttp', 'nghttp -v over TLS', async () => {
    const output = await run('nghttp', '-vy', `https://127.0.0.1:${await start()}/`);
    expect(output).toMatch(/The negotiated protocol: h2/);
    expect(output).toMatch(/:status: 200/);
  });
});

describe('who does not speak TLS', () => {
  it('plain HTTP is told so in plain HTTP', async () => {
    const client = await rawClient(await start());
    expect(await client.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n').untilEnd()).toMatch(
      /^HTTP\/1\.1 400 [\s\S]*\r\n\r\n400 tls_expected this port speaks TLS \(use https:\/\/\)\n$/,
    );
    expect(harness.exchanges).toEqual([]);
  });

  it('anything else is closed without a word', async () => {
    const client = await rawClient(await start());
    expect(await client.send(Buffer.from('\0\x01\x02 no protocol at all')).untilEnd()).not.toContain('HTTP');
  });
});
