import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseProxyHeader } from '../src/listener/proxy-protocol.ts';
import { get, headers, PREFACE, settings } from './support/h2-frames.ts';
import { type RawClient, RawH2Client, rawClient } from './support/raw-client.ts';
import { type Behaviour, Harness } from './support/recorder.ts';

const V1 = Buffer.from('PROXY TCP4 203.0.113.7 198.51.100.1 51234 443\r\n');

/** A version 2 header with these addresses and extensions. */
function v2(command: number, family: number, addresses: Uint8Array, extensions: Uint8Array = Buffer.alloc(0)): Buffer {
  const fixed = Buffer.from('0d0a0d0a000d0a515549540a00000000', 'hex');
  fixed[12] = command;
  fixed[13] = family;
  fixed.writeUInt16BE(addresses.length + extensions.length, 14);
  return Buffer.concat([fixed, addresses, extensions]);
}

const IPV4 = Buffer.from('cb007107c633640103e801bb', 'hex');
const IPV6 = Buffer.from(`${'20010db8000000000000000000000001'.repeat(2)}03e801bb`, 'hex');

describe('the header', () => {
  it.each([
    ['version 1, IPv4', V1, { address: '203.0.113.7', port: 51234 }],
    ['version 1, IPv6', Buffer.from('PROXY TCP6 2001:db8::1 ::1 1 65535\r\n'), { address: '2001:db8::1', port: 1 }],
    ['version 1, unknown', Buffer.from('PROXY UNKNOWN\r\n'), null],
    ['version 1, unknown with addresses', Buffer.from('PROXY UNKNOWN ff:: ff:: 1 1\r\n'), null],
    ['version 2, IPv4', v2(0x21, 0x11, IPV4), { address: '203.0.113.7', port: 1000 }],
    ['version 2, IPv6', v2(0x21, 0x21, IPV6), { address: '2001:db8::1', port: 1000 }],
    [
      'version 2 with extensions',
      v2(0x21, 0x11, IPV4, Buffer.from('040003aabbcc', 'hex')),
      { address: '203.0.113.7', port: 1000 },
    ],
    ['version 2, a health check', v2(0x20, 0x00, Buffer.alloc(0)), null],
    ['version 2, a unix socket', v2(0x21, 0x31, Buffer.alloc(216)), null],
  ] as const)('%s', (_, octets, client) => {
    expect(parseProxyHeader(Buffer.concat([octets, Buffer.from('GET')]))).toEqual({ length: octets.length, client });
    // Every beginning of it is waited with, however it is cut.
    for (let i = 0; i < octets.length; i++) expect(parseProxyHeader(octets.subarray(0, i))).toBe('more');
  });

  it.each([
    ['no header', Buffer.from('GET / HTTP/1.1\r\n')],
    ['a lower-case signature', Buffer.from('proxy TCP4')],
    ['an address of the other family', Buffer.from('PROXY TCP4 ::1 ::1 1 1\r\n')],
    ['no address', Buffer.from('PROXY TCP4 a b 1 1\r\n')],
    ['a port above 65535', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 65536 1\r\n')],
    ['a port with a zero before it', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 01 1\r\n')],
    ['too few parts', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n')],
    ['too many parts', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 1 1 1\r\n')],
    ['a protocol nobody knows', Buffer.from('PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n')],
    ['a line without end', Buffer.from(`PROXY TCP4 ${'1'.repeat(107)}`)],
    ['another signature', Buffer.from('0d0a0d0a000d0a515549540b', 'hex')],
    ['another version', v2(0x11, 0x11, IPV4)],
    ['another command', v2(0x22, 0x11, IPV4)],
    ['addresses cut short', v2(0x21, 0x11, IPV4.subarray(0, 11))],
    ['more extensions than anybody needs', v2(0x21, 0x11, IPV4, Buffer.alloc(4096))],
  ] as const)('%s is none', (_, octets) => {
    expect(parseProxyHeader(octets)).toBe('wrong');
  });

  it('never throws, and never takes more octets than there are', () => {
    const begin = fc.constantFrom(Buffer.alloc(0), Buffer.from('PROXY TCP6 '), v2(0x21, 0x21, IPV6).subarray(0, 14));
    fc.assert(
      fc.property(begin, fc.uint8Array({ maxLength: 80 }), (prefix, rest) => {
        const octets = Buffer.concat([prefix, rest]);
        const header = parseProxyHeader(octets);
        if (typeof header !== 'string') expect(header.length).toBeLessThanOrEqual(octets.length);
      }),
    );
  });
});

describe('the listeners', () => {
  let directory: string;
  let harness: Harness;
  const ok: Behaviour = exchange => exchange.answer(200, exchange.leg.facts.protocol);
  const start = async (more: object = {}): Promise<void> => {
    harness = await Harness.start(ok, { proxyProtocol: address => address === '127.0.0.1', ...more });
  };

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'glassway-proxy-protocol-'));
  });
  afterEach(() => harness.stop());
  afterAll(() => rm(directory, { recursive: true }));

  it('take the client from the header, wherever the octets are cut, for HTTP/1.1', async () => {
    await start();
    const octets = Buffer.concat([V1, Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')]);
    for (let at = 1; at < octets.length; at++) {
      const client = await rawClient(harness.port);
      client.send(octets.subarray(0, at));
      await new Promise(setImmediate);
      client.send(octets.subarray(at));
      await client.untilText('http/1.1');
      client.close();
    }
    const facts = harness.exchanges.map(({ leg }) => `${leg.facts.address} ${leg.facts.port}`);
    expect(new Set(facts)).toEqual(new Set(['203.0.113.7 51234']));
  });

  it('take the client from the header for HTTP/2', async () => {
    await start();
    const { socket } = await rawClient(harness.port);
    const client = new RawH2Client(socket);
    client.send(Buffer.concat([v2(0x21, 0x21, IPV6), PREFACE, settings(), headers(1, get('a'))]));
    expect((await client.untilResponse(1)).body.toString()).toBe('h2c');
    expect(harness.exchanges[0]!.leg.facts).toMatchObject({ address: '2001:db8::1', port: 1000 });
    client.close();
  });

  it('take the client from the header before a TLS handshake', async () => {
    await start({ https: { port: 0, developmentCaDirectory: directory } });
    const raw = connectTcp(harness.tlsPort, '127.0.0.1');
    raw.write(V1);
    const socket = connectTls({ socket: raw, ALPNProtocols: ['h2'], rejectUnauthorized: false });
    const client = new RawH2Client(socket).hello();
    client.send(headers(1, get('localhost', '/', 'https')));
    expect((await client.untilResponse(1)).body.toString()).toBe('h2');
    expect(harness.exchanges[0]!.leg.facts).toMatchObject({ address: '203.0.113.7', port: 51234, tls: true });
    client.close();
  });

  it('take a health check of the balancer for its own connection', async () => {
    await start();
    const client = await rawClient(harness.port);
    client.send(Buffer.concat([v2(0x20, 0, Buffer.alloc(0)), Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')]));
    await client.untilText('http/1.1');
    expect(harness.exchanges[0]!.leg.facts).toMatchObject({ address: '127.0.0.1', port: client.socket.localPort });
    client.close();
  });

  it('close a connection of the balancer without header, and one whose header does not come', async () => {
    await start({ limits: { negotiationTimeoutMs: 50 } });
    const without = await rawClient(harness.port);
    without.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await without.untilEnd()).toBe('');
    const silent = await rawClient(harness.port);
    expect(await silent.untilEnd()).toBe('');
    expect(harness.exchanges).toHaveLength(0);
  });

  it('do not believe anybody else', async () => {
    await start({ proxyProtocol: () => false });
    const client = await rawClient(harness.port);
    client.send(Buffer.concat([V1, Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')]));
    expect(await client.untilEnd()).toMatch(/^HTTP\/1.1 400 /);
    expect(harness.exchanges).toHaveLength(0);
  });

  it('count the limit of an address by client, not by balancer', async () => {
    await start({ limits: { maxConnectionsPerAddress: 1 } });
    const open = async (address: string): Promise<RawClient> => {
      const client = await rawClient(harness.port);
      return client.send(`PROXY TCP4 ${address} 1.1.1.1 1 1\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n`);
    };
    const first = await open('203.0.113.1');
    await first.untilText('http/1.1');
    const second = await open('203.0.113.2');
    await second.untilText('http/1.1');
    expect(await (await open('203.0.113.1')).untilEnd()).toBe('');
    first.close();
    second.close();
  });

  it('closing does not wait for a header', async () => {
    await start();
    const client = await rawClient(harness.port);
    client.send(V1.subarray(0, 10));
    await new Promise(setImmediate);
    await harness.listeners.close(5_000);
    await client.untilEnd();
  });
});
