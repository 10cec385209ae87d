/**
 * The exchange between real sockets: an independent HTTP/2 client (node:http2) before the gateway and a backend of raw
 * octets behind it, so that what is asserted is what is on the wire.
 */
import { once } from 'node:events';
import { constants } from 'node:http2';
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Gateway } from '../src/gateway.ts';
import { cleanups, client, gatewayTo, get, MIB, OK, Peer, rawBackend, response, start } from './exchange-rig.ts';

describe('what reaches the backend', () => {
  it.each([
    ['/a%2f..%2fadmin', '/admin'],
    ['/a/..;/admin?q=%2e', '/admin?q=%2e'],
    ['//admin', '/admin'],
  ])('D25: %s is forwarded as %s', async (sent, forwarded) => {
    const { backend, session } = await start();
    const stream = get(session, sent);
    const peer = await backend.peer();
    expect((await peer.head())[0]).toBe(`GET ${forwarded} HTTP/1.1`);
    peer.send(OK);
    expect((await response(stream)).body).toBe('ok');
  });

  it('D16, D26, D27: one host, no aliases, cookies joined, forwarded fields of ours only', async () => {
    const { backend, session } = await start();
    get(session, '/', {
      cookie: ['a=1', 'b=2', 'c=3'],
      x_forwarded_for: '203.0.113.1',
      'x-forwarded-for': '203.0.113.2',
      forwarded: 'for=203.0.113.3',
      te: 'trailers',
      'x-own': 'yes',
    });
    const head = (await (await backend.peer()).head()).map(line => line.toLowerCase());
    const values = (name: string): string[] =>
      head.filter(line => line.startsWith(`${name}:`)).map(line => line.slice(name.length + 1).trim());
    expect(values('host')).toEqual(['example.test']);
    expect(values('cookie')).toEqual(['a=1; b=2; c=3']);
    expect(values('x-forwarded-for')).toEqual(['127.0.0.1']);
    expect(values('forwarded')).toEqual(['for=127.0.0.1;host="example.test";proto=http']);
    expect(values('te')).toEqual(['trailers']);
    expect(values('x-own')).toEqual(['yes']);
    expect(head.join()).not.toMatch(/203\.0\.113|x_forwarded/);
  });

  it('D24: a body of GET is framed, not dropped', async () => {
    const { backend, session } = await start();
    const stream = get(session, '/', { ':method': 'GET' });
    stream.close();
    const other = session.request({ ':path': '/', ':method': 'GET' }, { endStream: false });
    other.end('octets');
    await expect.poll(async () => backend.peers.some(peer => peer.received.includes('octets'))).toBe(true);
    const peer = backend.peers.find(each => each.received.includes('octets'))!;
    expect(peer.received.toLowerCase()).toMatch(/transfer-encoding: chunked|content-length: 6/);
  });

  it('trailers of the request arrive, and those of the response come back', async () => {
    const { backend, session } = await start();
    const stream = session.request({ ':path': '/', ':method': 'POST', te: 'trailers' }, {
      waitForTrailers: true,
    } as never);
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '1' }));
    stream.end('body');
    const peer = await backend.peer();
    expect(await peer.until(received => received.includes('x-sum'))).toMatch(/4\r\nbody\r\n0\r\nx-sum: ?1\r\n\r\n$/);
    const trailers = once(stream, 'trailers');
    peer.send(
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\ngrpc-status: 0\r\ncontent-length: 9\r\n\r\n',
    );
    stream.resume();
    expect((await trailers)[0]).toMatchObject({ 'grpc-status': '0' });
    expect((await trailers)[0]).not.toHaveProperty('content-length');
  });

  it('a request that comes back through Via is a loop', async () => {
    let port = 0;
    const forwarder = createServer(socket => {
      const on = connectTcp(port, '127.0.0.1');
      for (const each of [socket, on]) each.on('error', () => {});
      socket.pipe(on).pipe(socket);
    });
    forwarder.listen(0, '127.0.0.1');
    await once(forwarder, 'listening');
    cleanups.push(() => forwarder.close());
    const gateway = await gatewayTo(`http://127.0.0.1:${(forwarder.address() as AddressInfo).port}`);
    port = gateway.http!.port;
    const answer = await response(get(client(gateway), '/'));
    expect(answer.status).toBe(508);
    expect(answer.body).toContain('loop_detected');
  });
});

describe('what comes back', () => {
  it('103 is relayed before the response', async () => {
    const { backend, session } = await start();
    const stream = get(session, '/');
    const hints = once(stream, 'headers');
    const peer = await backend.peer();
    await peer.head();
    peer.send(`HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n`);
    expect((await hints)[0]).toMatchObject({ ':status': 103, link: '</a>' });
    peer.send(OK);
    expect((await response(stream)).status).toBe(200);
  });

  it('HEAD keeps its content-length and has no body', async () => {
    const { backend, session } = await start();
    const stream = get(session, '/', { ':method': 'HEAD' });
    const peer = await backend.peer();
    await peer.head();
    peer.send('HTTP/1.1 200 OK\r\ncontent-length: 1234\r\nconnection: x-hop\r\nx-hop: 1\r\n\r\n');
    const answer = await response(stream);
    expect(answer.headers).toMatchObject({ ':status': 200, 'content-length': '1234' });
    expect(answer.headers).not.toHaveProperty('x-hop');
  });

  it('a backend that breaks off before its head is a 502, after it a reset', async () => {
    const { backend, session } = await start();
    const first = get(session, '/');
    const peer = await backend.peer();
    await peer.head();
    peer.socket.destroy();
    const answer = await response(first);
    expect(answer.status).toBe(502);
    expect(answer.body).toMatch(/^502 backend_(closed|reset) /);

    const second = get(session, '/');
    const other = await backend.peer(1);
    await other.head();
    other.send('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf');
    await once(second, 'response');
    second.resume();
    other.socket.destroy();
    await once(second, 'error');
    expect(second.rstCode).toBe(constants.NGHTTP2_INTERNAL_ERROR);
  });
});

describe('whatever a backend answers', () => {
  const octet = fc.constantFrom(
    'a',
    'Z',
    '0',
    '-',
    '_',
    ':',
    ' ',
    '\t',
    ';',
    ',',
    '"',
    '\0',
    '\x7f',
    '\x80',
    '\xff',
    '\r',
    '\n',
    '\\',
  );
  const line = fc.array(octet, { maxLength: 8 }).map(octets => octets.join(''));
  const name = fc.constantFrom(
    'x-a',
    'Content-Type',
    'TE',
    'Connection',
    'Keep-Alive',
    'Host',
    'Via',
    'Upgrade',
    'Set-Cookie',
    ':status',
    'Trailer',
    'Proxy-Connection',
  );

  it('property: the client gets it clean or gets a 502, and the gateway goes on', async () => {
    const { backend, session } = await start();
    let served = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            line,
            fc.tuple(name, line).map(pair => pair.join(':')),
          ),
          { maxLength: 4 },
        ),
        async lines => {
          const stream = get(session, '/');
          const done = response(stream);
          let peer = await backend.peer(served);
          if (peer.isClosed) peer = await backend.peer(++served);
          await peer.until(received => received.endsWith('\r\n\r\n'));
          peer.send(
            `HTTP/1.1 200 OK\r\n${lines.map(each => `${each}\r\n`).join('')}content-length: 2\r\nconnection: close\r\n\r\nok`,
          );
          peer.socket.end();
          served++;
          const answer = await done;
          if (answer.status === 200) {
            expect(Object.keys(answer.headers).join()).not.toMatch(/connection|keep-alive|upgrade|[A-Z]/);
          } else {
            expect(answer.status).toBe(502);
            expect(answer.body).toMatch(/^502 backend_/);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('cancellation and early answers', () => {
  it('a client that resets its stream frees the backend', async () => {
    const { backend, session } = await start();
    const stream = get(session, '/');
    stream.on('error', () => {});
    const peer = await backend.peer();
    await peer.head();
    stream.close(constants.NGHTTP2_CANCEL);
    await peer.closed();
  });

  it('D30: after a complete answer the upload is declined with NO_ERROR and the backend connection is not used again', async () => {
    const { backend, session } = await start();
    const stream = session.request({ ':path': '/', ':method': 'POST' });
    stream.write('the beginning');
    const peer = await backend.peer();
    await peer.until(received => received.includes('the beginning'));
    // More than the client's window lets through at once.
    const why = 'too much '.repeat(20_000);
    peer.send(`HTTP/1.1 413 Content Too Large\r\ncontent-length: ${why.length}\r\n\r\n${why}`);
    const answer = await response(stream);
    expect([answer.status, answer.body.length]).toEqual([413, why.length]);
    if (!stream.closed) await once(stream, 'close');
    expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
    await peer.closed();
    const next = get(session, '/next');
    const fresh = await backend.peer(1);
    expect((await fresh.head())[0]).toBe('GET /next HTTP/1.1');
    fresh.send(OK);
    expect((await response(next)).status).toBe(200);
  });

  it('D21: a final answer to expect: 100-continue leaves no half-sent request behind', async () => {
    const { backend, session } = await start();
    const stream = session.request({ ':path': '/', ':method': 'PUT', expect: '100-continue', 'content-length': '5' });
    const peer = await backend.peer();
    expect((await peer.head()).map(line => line.toLowerCase())).toContain('expect: 100-continue');
    peer.send('HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n');
    expect((await once(stream, 'response'))[0][':status']).toBe(401);
    stream.resume();
    await peer.closed();
    expect(peer.received.endsWith('\r\n\r\n')).toBe(true);
  });

  it('a backend that is down is passed over for one that is up', async () => {
    const backend = await rawBackend();
    const down = createServer();
    down.listen(0, '127.0.0.1');
    await once(down, 'listening');
    const { port } = down.address() as AddressInfo;
    await new Promise(resolve => down.close(resolve));
    const session = client(await gatewayTo(`http://127.0.0.1:${port}`, backend.url));
    for (let i = 0; i < 4; i++) {
      const stream = session.request({ ':path': `/${i}`, ':method': 'POST' });
      stream.end(`body ${i}`);
      const peer = await backend.peer();
      await peer.until(received => received.includes(`body ${i}`));
      peer.send(OK);
      expect((await response(stream)).status).toBe(200);
    }
  });
});

describe('HTTP/1.1 clients', () => {
  /** Sends octets to the gateway and answers a peer that collects what comes back. */
  async function rawClient(gateway: Gateway, octets: string): Promise<Peer> {
    const socket = connectTcp(gateway.http!.port, '127.0.0.1');
    cleanups.push(() => socket.destroy());
    const peer = new Peer(socket);
    await once(socket, 'connect');
    peer.send(octets);
    return peer;
  }

  it('what Connection names stays here, and te: trailers goes on', async () => {
    const { backend, gateway } = await start();
    const head =
      'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: X-Hop, te\r\nX-Hop: 1\r\nTE: gzip, trailers\r\nX-End: 2\r\n\r\n';
    const asked = await rawClient(gateway, head);
    const peer = await backend.peer();
    const lines = (await peer.head()).map(line => line.toLowerCase().replace(': ', ':'));
    expect(lines).toContain('host:a.test');
    expect(lines).toContain('te:trailers');
    expect(lines).toContain('x-end:2');
    expect(lines.join()).not.toContain('x-hop');
    peer.send(OK);
    expect(await asked.until(received => received.endsWith('ok'))).toMatch(/^HTTP\/1\.1 200 /);
  });

  it.each(['host', 'content-length', 'cookie', 'authorization'])('Connection naming %s is a 400', async name => {
    const { backend, gateway } = await start();
    const asked = await rawClient(gateway, `GET / HTTP/1.1\r\nHost: a.test\r\nConnection: ${name}\r\n\r\n`);
    await asked.until(received => received.startsWith('HTTP/1.1 400 '));
    expect(backend.peers).toEqual([]);
  });

  it('D30: an answer before the end of the upload leaves, and the backend connection is not used again', async () => {
    const { backend, gateway } = await start();
    const asked = await rawClient(
      gateway,
      'POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000\r\n\r\nthe beginning',
    );
    const peer = await backend.peer();
    await peer.until(received => received.includes('the beginning'));
    peer.send('HTTP/1.1 413 Content Too Large\r\ncontent-length: 8\r\n\r\ntoo much');
    expect(await asked.until(received => received.endsWith('too much'))).toMatch(/^HTTP\/1\.1 413 /);
    await peer.closed();
  });

  it('a client that leaves frees the backend', async () => {
    const { backend, gateway } = await start();
    const asked = await rawClient(gateway, 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n');
    const peer = await backend.peer();
    await peer.head();
    asked.socket.destroy();
    await peer.closed();
  });
});

describe('backpressure from end to end', () => {
  /** Resolves when the number has not changed for a while. */
  async function settled(read: () => number): Promise<number> {
    for (let last = -1; ; ) {
      const value = read();
      if (value === last && value > 0) return value;
      last = value;
      await new Promise(resolve => setTimeout(resolve, 150));
    }
  }

  it('down: a client that does not read stops the backend; when it reads, everything arrives', async () => {
    const { backend, session } = await start();
    const stream = get(session, '/');
    const peer = await backend.peer();
    await peer.head();
    const total = 48 * MIB;
    peer.send(`HTTP/1.1 200 OK\r\ncontent-length: ${total}\r\n\r\n`);
    const chunk = Buffer.alloc(64 * 1024, 'x');
    let sent = 0;
    const pump = (): void => {
      while (sent < total && peer.socket.write(chunk)) sent += chunk.length;
      if (sent < total) sent += chunk.length;
    };
    peer.socket.on('drain', pump);
    pump();
    await once(stream, 'response');
    const stopped = await settled(() => peer.socket.bytesWritten - peer.socket.writableLength);
    // Kernel buffers of both sockets take the largest part.
    expect(stopped).toBeLessThan(16 * MIB);
    let got = 0;
    for await (const piece of stream) got += (piece as Buffer).length;
    expect(got).toBe(total);
  });

  it('up: a backend that does not read stops the client', async () => {
    const { backend, session } = await start();
    const stream = session.request({ ':path': '/', ':method': 'POST' });
    const peer = await backend.peer();
    await peer.head();
    peer.socket.pause();
    const total = 48 * MIB;
    let written = 0;
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const pump = (): void => {
      while (written < total) {
        written += chunk.length;
        if (!stream.write(chunk)) return;
      }
      stream.end();
    };
    stream.on('drain', pump);
    pump();
    expect(await settled(() => written)).toBeLessThan(16 * MIB);
    peer.socket.removeAllListeners('data');
    let got = 0;
    peer.socket.on('data', piece => {
      got += piece.length;
      if (got > total && piece.toString('latin1').endsWith('\r\n0\r\n\r\n')) peer.send(OK);
    });
    peer.socket.resume();
    expect((await response(stream)).status).toBe(200);
  });
});
