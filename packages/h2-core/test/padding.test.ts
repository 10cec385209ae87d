// RFC 9113 6.1, 6.2, 6.6, 10.7: what we pad, and that padding stays within frame sizes and windows.
import { execFile } from 'node:child_process';
import http2 from 'node:http2';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { type FrameType, type PaddingStrategy, resolveOptions, type Tap, UsageError } from '../src/index.ts';
import { client, Endpoint, get, server } from './support/endpoint.ts';
import { concat, F, GET, headers, type RawFrame, settings, T, windowUpdate } from './support/frames.ts';
import { inPath, withPeer } from './support/peers.ts';
import { inMemory, listening, next, pattern } from './support/session.ts';

/** Data and pad length of a frame; -1: not padded. Checks that padding is zeros (RFC 9113 6.1). */
function unpad(f: RawFrame): { data: Uint8Array; padding: number } {
  if ((f.flags & F.PADDED) === 0) return { data: f.payload, padding: -1 };
  const padding = f.payload[0] as number;
  const end = f.payload.length - padding;
  expect(f.payload.slice(end)).toEqual(new Uint8Array(padding));
  return { data: f.payload.slice(1, end), padding };
}

const sizes = (frames: RawFrame[]): string[] =>
  frames.map(f => `${Object.keys(T)[f.type]} ${f.payload.length} ${unpad(f).padding}`);

test.each(['all', { multipleOf: 1 }, { multipleOf: 257 }, { multipleOf: 2.5 }, {}, 7, null])(
  'a strategy that is none is refused by name: %j',
  bad => {
    const padding = bad as unknown as PaddingStrategy;
    expect(() => resolveOptions('client', { padding }, false)).toThrow(/option padding is .+; it must be 'none'/);
    expect(() => server({ padding })).toThrow(UsageError);
  },
);

test('nothing is padded unless asked', () => {
  const t = server();
  t.receive(headers(1, GET));
  t.connection.respond(t.stream(1), 200, [], false);
  t.connection.write(t.stream(1), new Uint8Array(10), true);
  expect(sizes(t.frames())).toEqual(['HEADERS 1 -1', 'DATA 10 -1']);
});

test('a server fills DATA, HEADERS, PUSH_PROMISE and trailers up to a multiple', () => {
  // FRM-08
  const t = server({ padding: { multipleOf: 64 } });
  t.receive(headers(1, GET));
  const promised = t.connection.push(t.stream(1), get('/pushed'));
  t.connection.respond(promised, 204, [], true);
  t.connection.respond(t.stream(1), 200, ['x-a', '1'], false);
  t.connection.write(t.stream(1), new Uint8Array(63), false);
  t.connection.write(t.stream(1), new Uint8Array(64), false);
  t.connection.write(t.stream(1), pattern(5000), false);
  t.connection.trailers(t.stream(1), ['x-sum', '1']);
  const frames = t.frames();
  expect(frames.map(f => f.payload.length % 64)).toEqual([0, 0, 0, 0, 0, 0, 0]);
  expect(frames.map(f => f.type)).toEqual([T.PUSH_PROMISE, T.HEADERS, T.HEADERS, T.DATA, T.DATA, T.DATA, T.HEADERS]);
  expect(unpad(frames[3] as RawFrame).padding).toBe(0);
  expect(unpad(frames[4] as RawFrame).padding).toBe(-1);
  expect(unpad(frames[5] as RawFrame).data).toEqual(pattern(5000));
});

test('a client does so for requests, and both read what the other pads', async () => {
  const options = { padding: { multipleOf: 128 }, enablePush: true };
  const { server: near, client: far } = await inMemory({ padding: () => 9999 }, options);
  const exchange = far.request({ path: '/', method: 'POST' }, pattern(100_000));
  const { request, respond } = await next(near);
  const pushed = respond.push({ path: '/p' });
  pushed.send({}).end('pushed');
  const body = respond.send({ headers: { 'x-a': 'b' } });
  await body.pipeFrom(request.body, { end: false });
  body.trailers({ 'x-sum': '1' });
  const { body: answer, headers: fields } = await exchange.response;
  expect(fields.get('x-a')).toBe('b');
  expect(await answer.bytes()).toEqual(pattern(100_000));
  expect((await answer.trailers())?.get('x-sum')).toBe('1');
  for await (const { path, response } of exchange.pushes) {
    expect([path, await (await response).body.text()]).toEqual(['/p', 'pushed']);
    break;
  }
  expect(far.unreleasedBytes + near.unreleasedBytes).toBe(0);
});

test('a function decides frame by frame; what it answers beyond the limits is brought within', () => {
  const asked: [number, number, number][] = [];
  let answer = 0;
  const t = client({
    padding: (length: number, limit: number, type: number) => {
      asked.push([length, limit, type satisfies number as FrameType]);
      return answer;
    },
  });
  const stream = t.connection.request({ ...get(), method: 'POST' }, false);
  for (const wanted of [0, 11, 12.4, Number.NaN, Number.POSITIVE_INFINITY]) {
    answer = wanted;
    t.connection.write(stream, new Uint8Array(10), false);
  }
  answer = 100_000;
  t.connection.write(stream, new Uint8Array(16_384), false);
  const frames = t.frames();
  // Not at all, the pad length alone, one octet, not at all, all there is (twice), and no room.
  expect(sizes(frames.slice(1))).toEqual([
    'DATA 10 -1',
    'DATA 11 0',
    'DATA 12 1',
    'DATA 10 -1',
    'DATA 266 255',
    'DATA 16384 -1',
  ]);
  expect(asked[1]).toEqual([10, 266, T.DATA]);
  expect(asked[0]?.[2]).toBe(T.HEADERS);
});

test('a field section in several frames is not padded, one just below the frame size only as far as it goes', () => {
  const t = server({ padding: (_length, limit) => limit });
  t.receive(headers(1, GET), headers(3, GET));
  const long = (count: number): string[] => ['x-long', '\u00ff'.repeat(count)];
  t.connection.respond(t.stream(1), 200, long(16_300), true);
  const [one] = t.frames();
  expect(one?.payload.length).toBe(16_384);
  t.connection.respond(t.stream(3), 200, long(17_000), true);
  expect(t.frames().map(f => [f.type, f.flags & F.PADDED])).toEqual([
    [T.HEADERS, 0],
    [T.CONTINUATION, 0],
  ]);
});

test('an empty END_STREAM is padded while there is window, and leaves all the same when there is none', () => {
  // SWN-03
  const t = server({ padding: (_length, limit) => limit }, 4, 20);
  t.receive(headers(1, GET), headers(3, GET));
  for (const id of [1, 3]) t.connection.respond(t.stream(id), 200, [], false);
  t.connection.write(t.stream(1), new Uint8Array(0), true);
  t.connection.write(t.stream(3), new Uint8Array(20), false);
  t.connection.write(t.stream(3), new Uint8Array(0), true);
  expect(sizes(t.frames()).slice(2)).toEqual(['DATA 20 19', 'DATA 20 -1', 'DATA 0 -1']);
  expect(t.connection.sendWindow).toBe(65_535 - 40);
});

/** The peer of a padding server: knows only what it granted, and what came. */
class Grants {
  readonly left: Map<number, number>;
  readonly received: Map<number, number> = new Map([
    [1, 0],
    [3, 0],
  ]);

  constructor(initial: number) {
    this.left = new Map([
      [0, 65_535],
      [1, initial],
      [3, initial],
    ]);
  }

  grant(id: number, octets: number): void {
    this.left.set(id, (this.left.get(id) ?? 0) + octets);
  }

  take(frames: RawFrame[]): void {
    for (const f of frames) {
      const { length } = f.payload;
      if (length > 16_384) throw new Error(`a frame of ${length} octets`);
      if (f.type !== T.DATA) continue;
      const overhead = (f.flags & F.PADDED) === 0 ? 0 : 1 + (f.payload[0] as number);
      for (const octet of f.payload.slice(overhead === 0 ? 0 : 1, length + 1 - overhead || length)) {
        const at = this.received.get(f.streamId) ?? 0;
        if (octet !== (at & 0x7f)) throw new Error(`octet ${at} of stream ${f.streamId} is ${octet}`);
        this.received.set(f.streamId, at + 1);
      }
      for (const id of [0, f.streamId]) {
        this.grant(id, -length);
        if (length !== 0 && (this.left.get(id) ?? 0) < 0) throw new Error(`${id} is overdrawn by ${length}`);
      }
    }
  }
}

test('never more than either window or the frame size, whatever the strategy and however windows come', () => {
  // SWN-01, SCH-10, LEN-06
  const strategy = fc.oneof(
    fc.integer({ min: 2, max: 256 }).map((multipleOf): PaddingStrategy => ({ multipleOf })),
    fc.integer({ min: 0, max: 300 }).map(
      (more): PaddingStrategy =>
        length =>
          length + more,
    ),
  );
  const step = fc.record({
    stream: fc.constantFrom(1, 3, 0),
    octets: fc.integer({ min: 1, max: 400 }),
    isGrant: fc.boolean(),
    leave: fc.boolean(),
  });
  fc.assert(
    fc.property(strategy, fc.nat(600), fc.array(step, { maxLength: 80 }), (padding, initial, steps) => {
      const t = server({ padding }, 4, initial);
      t.receive(headers(1, GET), headers(3, GET));
      const peer = new Grants(initial);
      const written = new Map([
        [1, 0],
        [3, 0],
      ]);
      for (const id of written.keys()) t.connection.respond(t.stream(id), 200, [], false);
      for (const { stream, octets, isGrant, leave } of steps) {
        if (isGrant) {
          peer.grant(stream, octets);
          t.receive(windowUpdate(stream, octets));
        } else if (stream !== 0) {
          const from = written.get(stream) ?? 0;
          t.connection.write(
            t.stream(stream),
            Uint8Array.from({ length: octets }, (_, i) => (from + i) & 0x7f),
            false,
          );
          written.set(stream, from + octets);
        }
        if (leave) peer.take(t.frames());
      }
      // In the end everything arrives: padding never eats a window for good.
      for (const id of written.keys()) t.connection.write(t.stream(id), new Uint8Array(0), true);
      peer.take(t.frames());
      for (let round = 0; round < 200 && t.connection.openStreams !== 0; round++) {
        t.receive(windowUpdate(0, 600));
        peer.grant(0, 600);
        for (const id of [1, 3]) {
          if (t.connection.stream(id) === undefined) continue;
          t.receive(windowUpdate(id, 600));
          peer.grant(id, 600);
        }
        peer.take(t.frames());
      }
      expect(peer.received).toEqual(written);
    }),
    { numRuns: 150 },
  );
});

test('the tap is told frames with their padding, at the octets where they stand', () => {
  const told: string[] = [];
  const tap = {
    onFrame: (_d: number, type: number, flags: number, _s: number, length: number, ...rest: unknown[]) => {
      const [, , , bytes, offset] = rest as [number, number, number, Uint8Array, number];
      if (_d === 1 && type <= 1) told.push(`${type} ${(flags & F.PADDED) !== 0} ${length} ${bytes[offset]}`);
    },
  };
  const quiet = new Proxy(tap, { get: (of, name) => Reflect.get(of, name) ?? (() => {}) }) as unknown as Tap;
  const t = new Endpoint({ role: 'server', padding: { multipleOf: 32 }, tap: quiet });
  t.receive(concat(new TextEncoder().encode('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), settings(), headers(1, GET)));
  t.connection.respond(t.stream(1), 200, [], false);
  t.connection.write(t.stream(1), Uint8Array.of(7, 7, 7), true);
  t.frames();
  expect(told).toEqual(['1 true 32 30', '0 true 32 28']);
});

withPeer('nghttp', inPath('nghttp'))('nghttp reads our padding and we read its own', async () => {
  const port = await listening(
    async ({ request, respond }) => {
      const octets = await request.body.bytes();
      respond.send({ headers: { 'x-a': '1' } }).end(`${octets.length} octets `.repeat(4000));
    },
    { padding: { multipleOf: 100 } },
  );
  const output = await new Promise<string>((done, failed) => {
    const args = ['-v', '-b', '200', '-d', '/etc/hostname', '-H', ':method: POST', `http://127.0.0.1:${port}/`];
    execFile('nghttp', args, { timeout: 60_000, maxBuffer: 10_000_000 }, (error, out) =>
      error === null ? done(out) : failed(error),
    );
  });
  expect(output).toMatch(/recv HEADERS frame <length=\d+00, flags=0x0c/);
  expect(output).toMatch(/recv DATA frame <length=16384, flags=0x00/);
  expect(output).toMatch(/recv DATA frame <length=\d+00, flags=0x09/);
  expect(output).toMatch(/send DATA frame <length=\d+, flags=0x09/);
  expect(output).not.toMatch(/recv (?:GOAWAY|RST_STREAM)/);
});

test('node:http2 reads what a client pads', async () => {
  const peer = http2.createServer();
  onTestFinished(() => void peer.close());
  peer.on('stream', stream => stream.respond({ ':status': 200 }) ?? stream.pipe(stream));
  await new Promise<void>(done => peer.listen(0, '127.0.0.1', done));
  const { connect: dial } = await import('node:net');
  const { connect } = await import('../src/session/client.ts');
  const { port } = peer.address() as { port: number };
  const client = await connect(dial(port, '127.0.0.1'), { authority: 'a.example', padding: { multipleOf: 256 } });
  const { body } = await client.request({ path: '/', method: 'POST' }, [pattern(10), pattern(70_000)]).response;
  expect((await body.bytes()).length).toBe(70_010);
  await client.shutdown();
});
