/** Octets of frames: what was on the wire, cut at the sample, and never what is redacted. */
import { Buffer } from 'node:buffer';
import { Connection, type RequestHead, type Stream } from '@glassway/h2-core';
import { huffmanEncode } from '@glassway/hpack';
import { FrameType, frameAnatomy, type PayloadPiece } from '@glassway/inspector-protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Leg } from '../src/trace/trace.ts';
import { type Rig, type RigViewer, traceRig } from './trace-rig.ts';

interface Wire {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Uint8Array;
}

interface Ends {
  readonly rig: Rig;
  readonly viewer: RigViewer;
  readonly client: Connection;
  readonly server: Connection;
  readonly serverId: number;
  readonly requests: Stream[];
  /** Frames of the server's connection as they were on the wire: received, then sent. */
  readonly wire: readonly [Wire[], Wire[]];
  settle(chunk?: () => number): void;
}

function ends(options: { payloadBytes?: number; padding?: boolean; idleBytesPerSecond?: number } = {}): Ends {
  const { payloadBytes = 64, padding = false, ...rest } = options;
  const rig = traceRig({ entryBytes: 8 << 20, ringBytes: 65_536 * 40, creditBytes: 1 << 30, payloadBytes, ...rest });
  const viewer = rig.viewer();
  viewer.subscribe({ payloads: {} });
  const serverSide = rig.open();
  const clientSide = rig.open({ leg: Leg.BACKEND });
  const requests: Stream[] = [];
  const handler = { onData: () => {} };
  const pad = padding ? { padding: () => 7 } : {};
  const server = new Connection({
    role: 'server',
    tap: serverSide.tap,
    ...pad,
    handler: { ...handler, onRequest: stream => void requests.push(stream) },
  });
  const client = new Connection({ role: 'client', tap: clientSide.tap, handler, ...pad });
  const streams = [Buffer.alloc(0), Buffer.alloc(0)];
  const wire = [[], []] as [Wire[], Wire[]];
  const settle = (chunk = () => 1 << 20) => {
    for (let moved = true; moved; ) {
      moved = false;
      for (const [from, to, direction] of [
        [client, server, 0],
        [server, client, 1],
      ] as const) {
        const octets = Buffer.concat(from.takeOutput());
        if (octets.length === 0) continue;
        moved = true;
        streams[direction] = Buffer.concat([streams[direction]!, octets]);
        for (let at = 0; at < octets.length; ) {
          const size = chunk();
          to.receive(new Uint8Array(octets.subarray(at, at + size)), 0);
          at += size;
        }
      }
    }
    for (const direction of [0, 1] as const)
      wire[direction].splice(0, Number.POSITIVE_INFINITY, ...cut(streams[direction]!, direction));
  };
  settle();
  return { rig, viewer, client, server, serverId: serverSide.id, requests, wire, settle };
}

/** Frames out of octets; a client's begin with its preface (RFC 9113 3.4). */
function cut(octets: Buffer, direction: number): Wire[] {
  const frames: Wire[] = [];
  for (let at = direction === 0 ? 24 : 0; at < octets.length; ) {
    const length = octets.readUIntBE(at, 3);
    const payload = new Uint8Array(octets.subarray(at + 9, at + 9 + length));
    frames.push({ type: octets[at + 3]!, flags: octets[at + 4]!, stream: octets.readUInt32BE(at + 5), payload });
    at += 9 + length;
  }
  return frames;
}

const head = (fields: readonly string[], sensitive: RequestHead['sensitive'] = null): RequestHead => ({
  method: 'POST',
  scheme: 'https',
  authority: 'shop.test',
  path: '/',
  protocol: '',
  fields: [...fields],
  sensitive,
});

/** Every frame of the server's connection with its record and its octets as the viewer knows them. */
function told(e: Ends) {
  e.rig.tick();
  const { columns, frames, pieces, sections } = e.viewer;
  const byFrame = new Map<number, PayloadPiece[]>();
  for (const piece of pieces) byFrame.set(piece.seq, [...(byFrame.get(piece.seq) ?? []), piece]);
  const rows: [number[], number[]] = [[], []];
  for (let row = 0; row < frames; row++)
    if (columns.connection[row] === e.serverId) rows[columns.direction[row]!]!.push(row);
  return ([0, 1] as const).flatMap(direction =>
    rows[direction]!.map((row, at) => {
      const facts = {
        type: columns.type[row]!,
        flags: columns.flags[row]!,
        stream: columns.stream[row]!,
        length: columns.length[row]!,
        aux: columns.aux[row]!,
        section: sections.find(section => section.section === columns.aux[row]) ?? null,
      };
      const anatomy = frameAnatomy(facts, byFrame.get(columns.seq[row]!) ?? []);
      return { ...facts, anatomy, wire: e.wire[direction][at]! };
    }),
  );
}

/** What is known is what was there; answers how many octets of the payload are known. */
function expectTrue(frame: ReturnType<typeof told>[number]): number {
  const { wire, anatomy } = frame;
  expect([frame.type, frame.flags, frame.stream, frame.length]).toEqual([
    wire.type,
    wire.flags,
    wire.stream,
    wire.payload.length,
  ]);
  for (let at = 9; at < anatomy.known.length; at++) {
    if (anatomy.known[at] === 1)
      expect(anatomy.octets[at], `octet ${at} of a frame of type ${frame.type}`).toBe(wire.payload[at - 9]);
  }
  expect(anatomy.fields.reduce((at, field) => (field.from === at ? field.to : -1), 0)).toBe(9 + frame.length);
  return anatomy.kept;
}

const SECRET = 'correct horse battery staple';

/** The secret as HPACK would write it: plain, and with Huffman's code. */
function spellings(secret: string): readonly Buffer[] {
  return [Buffer.from(secret), Buffer.from(huffmanEncode(secret))];
}

function memoryHolds(rig: Rig, secret: string): boolean {
  return Object.values(rig.shared).some(buffer => {
    const bytes = Buffer.from(buffer as SharedArrayBuffer);
    return spellings(secret).some(spelled => bytes.includes(spelled));
  });
}

describe('octets that are kept', () => {
  it.each([false, true])('of every type, in whatever chunks they arrive, padded: %s', padding => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }),
        fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 4 }),
        (chunks, bodies) => {
          const e = ends({ padding });
          let turn = 0;
          const chunk = () => chunks[turn++ % chunks.length]!;
          for (const size of bodies) {
            const stream = e.client.request(head(['x-plain', `v${size}`, 'cookie', SECRET]), false);
            e.client.write(
              stream,
              Uint8Array.from({ length: size }, (_, i) => i),
              true,
            );
            e.client.ping(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, size & 255));
          }
          e.settle(chunk);
          for (const stream of e.requests) {
            e.server.respond(stream, 200, ['server', 'x', 'set-cookie', SECRET], false);
            e.server.write(stream, new Uint8Array(3000).fill(7), true);
          }
          e.settle(chunk);
          e.client.priorityUpdate(1, 'u=2, i');
          e.client.updateSettings([4, 70_000]);
          e.server.shutdown('going away');
          e.settle(chunk);
          for (const frame of told(e)) {
            const kept = expectTrue(frame);
            const data = frame.type === FrameType.DATA ? frame.length - frame.aux : 0;
            if (frame.type === FrameType.DATA) expect(kept).toBe(Math.min(data, 64) + (frame.aux > 0 ? 1 : 0));
            else if (frame.type !== FrameType.HEADERS) expect(kept).toBe(frame.length);
            else {
              // The field line of the secret, and padding, are all that is missing.
              const hidden = frame.anatomy.fields.filter(field => field.hidden);
              expect(hidden).toHaveLength(1);
              const around = frame.anatomy.fields.find(field => field.name === 'Padding');
              const absent = hidden[0]!.to - hidden[0]!.from + (around === undefined ? 0 : around.to - around.from);
              expect(kept).toBeGreaterThanOrEqual(frame.length - absent);
            }
          }
          expect(memoryHolds(e.rig, SECRET)).toBe(false);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('of DATA none, unless the gateway was told to; of frames that steer the connection all the same', () => {
    const e = ends({ payloadBytes: 0 });
    const stream = e.client.request(head([]), false);
    e.client.write(stream, Buffer.from(SECRET), true);
    e.settle();
    for (const frame of told(e)) {
      const kept = expectTrue(frame);
      if (frame.type === FrameType.DATA) expect(kept).toBe(0);
      if (frame.type === FrameType.SETTINGS) expect(kept).toBe(frame.length);
    }
    expect(memoryHolds(e.rig, SECRET)).toBe(false);
  });

  it('of few and of many octets, also for a viewer who comes when others were read since', () => {
    const e = ends();
    const lengths = [3, 60, 70, 250, 400, 1500];
    for (const length of lengths) {
      const value = String.fromCharCode(...Array.from({ length }, (_, i) => 97 + ((i * 7 + length) % 26)));
      e.client.request(head(['x-long', value]), true);
    }
    e.settle();
    for (const frame of told(e)) {
      expect(expectTrue(frame)).toBe(frame.type === FrameType.DATA ? 0 : frame.length);
    }
    for (let i = 0; i < 300; i++) e.client.ping(Uint8Array.of(0, 0, 0, 0, 0, 0, i >> 8, i & 255));
    e.settle();
    e.rig.tick();
    const late = e.rig.viewer();
    late.subscribe({ payloads: { types: [FrameType.HEADERS] }, backlog: 5000 });
    e.rig.tick();
    const blocks = e.wire[0].filter(frame => frame.type === FrameType.HEADERS).map(frame => [...frame.payload]);
    expect(blocks).toHaveLength(lengths.length);
    const known = late.pieces.filter(piece => piece.connection === e.serverId && piece.direction === 0);
    expect(known.map(piece => [...piece.octets])).toEqual(blocks);
  });

  it('of DATA what is asked for, and a viewer that does not ask gets none', () => {
    const e = ends();
    const plain = e.rig.viewer();
    plain.subscribe();
    const steering = e.rig.viewer();
    steering.subscribe({ payloads: { types: [FrameType.SETTINGS, FrameType.PING] } });
    const stream = e.client.request(head([]), false);
    e.client.write(stream, Buffer.from('hello'), true);
    e.client.ping(new Uint8Array(8));
    e.settle();
    e.rig.tick();
    expect(e.viewer.pieces.some(piece => Buffer.from(piece.octets).toString() === 'hello')).toBe(true);
    expect(plain.pieces).toEqual([]);
    expect(new Set(steering.pieces.map(piece => piece.type))).toEqual(new Set([FrameType.SETTINGS, FrameType.PING]));
  });

  it('of one body no more than its share', () => {
    const e = ends({ payloadBytes: 16 });
    const stream = e.client.request(head([]), false);
    for (let i = 0; i < 1000; i++) e.client.write(stream, new Uint8Array(20), false);
    for (let i = 0; i < 300; i++) {
      e.client.write(stream, new Uint8Array(20), false);
      e.settle();
    }
    const kept = told(e)
      .filter(frame => frame.type === FrameType.DATA)
      .reduce((sum, frame) => sum + frame.anatomy.kept, 0);
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThanOrEqual(16 * 256);
  });

  it('go first when nobody looks and much happens, and are counted', () => {
    const e = ends({ idleBytesPerSecond: 0 });
    const before = e.viewer.pieces.length;
    for (let i = 0; i < 20_000; i++) {
      e.client.ping(Uint8Array.of(0, 0, 0, 0, 0, 0, i >> 8, i));
      if (i % 500 === 0) e.settle();
    }
    e.settle();
    const stream = e.client.request(head([]), true);
    e.settle();
    expect(stream.id).toBe(1);
    e.rig.tick();
    e.rig.now += 1e6;
    e.client.ping(new Uint8Array(8));
    e.settle();
    e.rig.tick();
    const got = e.viewer.pieces.length - before;
    const lost = e.viewer.drops.filter(drop => drop.log === 'payloads').reduce((sum, drop) => sum + drop.count, 0);
    expect(lost).toBeGreaterThan(0);
    // Each PING is told four times: sent and received, and so its answer. Two more frames carry field blocks.
    expect(got + lost).toBeGreaterThanOrEqual(4 * 20_001);
  });
});

describe('octets of field blocks', () => {
  const block = (fields: readonly (readonly [string, string, number])[], options: { skew?: number } = {}) => {
    const rig = traceRig({ payloadBytes: 64 });
    const viewer = rig.viewer();
    viewer.subscribe({ payloads: {} });
    const { tap } = rig.open();
    const lines = fields.map(([name, value, representation]) => {
      const first = [0x80, 0x40, 0, 0x10][representation]!;
      return Buffer.concat([
        Buffer.of(first, name.length),
        Buffer.from(name),
        Buffer.of(value.length),
        Buffer.from(value),
      ]);
    });
    const octets = Buffer.concat(lines);
    tap.onFieldSectionStart(0, 1);
    fields.forEach(([name, value, representation], at) => {
      const size = lines[at]!.length + (at === 0 ? (options.skew ?? 0) : 0);
      tap.onField(0, name, value, representation, 0, size);
    });
    tap.onFieldSectionEnd(0, 1, 0, octets.length);
    tap.onFrame(0, FrameType.HEADERS, 0x4, 1, octets.length, 0, 0, 0, new Uint8Array(octets), 0);
    rig.tick();
    return { rig, kept: viewer.pieces.map(piece => Buffer.from(piece.octets).toString('latin1')).join('|') };
  };

  it('hide what is redacted by name, and what is never indexed, with the whole line', () => {
    const { rig, kept } = block([
      ['x-a', 'one', 2],
      ['cookie', SECRET, 1],
      ['x-b', SECRET, 3],
      ['x-c', 'two', 2],
    ]);
    expect(kept).toContain('one');
    expect(kept).toContain('two');
    expect(memoryHolds(rig, SECRET)).toBe(false);
  });

  it.each([-2, -1, 1, 2])('are not kept at all when the sizes told are off by %i', skew => {
    const { rig, kept } = block(
      [
        ['x-a', 'one', 2],
        ['cookie', SECRET, 1],
      ],
      { skew },
    );
    expect(kept).toBe('');
    expect(memoryHolds(rig, SECRET)).toBe(false);
  });

  it('are not kept when field lines are missing, or the block goes on in CONTINUATION', () => {
    const many = Array.from({ length: 600 }, () => ['x', 'y', 2] as const);
    expect(block([...many, ['cookie', SECRET, 1]]).kept).toBe('');
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.subscribe({ payloads: {} });
    const { tap } = rig.open();
    const octets = new Uint8Array(Buffer.from(SECRET));
    tap.onFrame(0, FrameType.HEADERS, 0, 1, octets.length, 0, 0, 0, octets, 0);
    tap.onFrame(0, FrameType.CONTINUATION, 4, 1, octets.length, 0, 0, 0, octets, 0);
    rig.tick();
    expect(viewer.pieces).toEqual([]);
    expect(memoryHolds(rig, SECRET)).toBe(false);
  });
});

describe('messages of gRPC', () => {
  const message = (length: number, flags = 0): Uint8Array => {
    const bytes = new Uint8Array(5 + length).fill(9);
    bytes[0] = flags;
    new DataView(bytes.buffer).setUint32(1, length);
    return bytes;
  };
  const messagesOf = (e: Ends) =>
    e.viewer.events.filter(event => event.kind === 'grpc-message').filter(event => event.connection === e.serverId);

  it('are found wherever frames and chunks cut them, also without samples', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 12 }),
        (lengths, writes, chunks) => {
          const e = ends({ payloadBytes: 0 });
          const stream = e.client.request(head(['content-type', 'application/grpc+proto']), false);
          const body = Buffer.concat(lengths.map((length, at) => message(length, at % 2)));
          for (let at = 0, i = 0; at < body.length; i++) {
            const size = writes[i % writes.length]!;
            e.client.write(stream, new Uint8Array(body.subarray(at, at + size)), false);
            at += size;
          }
          let turn = 0;
          e.settle(() => chunks[turn++ % chunks.length]!);
          e.rig.tick();
          const all = messagesOf(e);
          const begun = all.filter(event => event.phase !== 'end');
          expect(begun.map(({ number, flags, length }) => [number, flags, length])).toEqual(
            lengths.map((length, at) => [at + 1, at % 2, length]),
          );
          // Each comes to its end once, at once or later.
          expect(all.filter(event => event.phase !== 'begin').map(event => event.number)).toEqual(
            lengths.map((_, at) => at + 1),
          );
        },
      ),
      { numRuns: 40 },
    );
  });

  it('are those of gRPC only, and of the direction that says so', () => {
    const e = ends({ payloadBytes: 0 });
    for (const type of ['text/plain', 'application/grpc-web-text', 'application/grpc-web+proto']) {
      const stream = e.client.request(head(['content-type', type]), false);
      e.client.write(stream, message(3), true);
    }
    e.settle();
    e.server.respond(e.requests[2]!, 200, ['content-type', 'text/html'], false);
    e.server.write(e.requests[2]!, message(3), true);
    e.settle();
    e.rig.tick();
    expect(messagesOf(e)).toMatchObject([{ stream: 5, direction: 0, number: 1, length: 3, phase: 'whole' }]);
  });

  it('of a flood of empty ones the first are told, and the rest counted', () => {
    const e = ends({ payloadBytes: 0 });
    const stream = e.client.request(head(['content-type', 'application/grpc']), false);
    e.client.write(stream, new Uint8Array(5 * 3000), false);
    e.settle();
    e.client.write(stream, message(1), false);
    e.settle();
    e.rig.tick();
    const all = messagesOf(e);
    expect(all.length).toBeLessThan(200);
    expect(all.at(-1)).toMatchObject({ number: 3001, length: 1 });
    expect(e.viewer.drops.some(drop => drop.log === 'events' && drop.count > 1000)).toBe(true);
  });
});
