/** The drawer's words on a call of gRPC: messages, their octets over several frames, and what is missing. */
import { type LogEvent, PayloadStore, SectionKind } from '@glassway/inspector-protocol';
import { describe, expect, test } from 'vitest';
import { FrameLog } from '../src/worker/frame-log.ts';
import { grpcCall } from '../src/worker/grpc-call.ts';
import { GrpcMessages } from '../src/worker/grpc-messages.ts';
import { newStream } from '../src/worker/state-entries.ts';
import { dataFrames, framesMessage } from './kit.ts';

const HELLO = Uint8Array.from([0x0a, 5, ...Buffer.from('hello'), 0x10, 7]);

function event(number: number, more: object = {}): LogEvent {
  return {
    kind: 'grpc-message',
    t: number * 1000,
    seq: 0,
    connection: 1,
    stream: 3,
    direction: 0,
    number,
    flags: 0,
    length: HELLO.length,
    at: 5,
    phase: 'whole',
    ...more,
  } as LogEvent;
}

function section(kind: SectionKind, fields: Readonly<Record<string, string>>) {
  return {
    section: kind + 1,
    t: 0,
    connection: 1,
    stream: 3,
    direction: 0 as const,
    kind,
    wireBytes: 0,
    fieldsOmitted: 0,
    fields: Object.entries(fields).map(([name, value]) => ({
      name,
      value,
      representation: 2 as const,
      index: 0,
      wireBytes: 1,
      valueBytes: value.length,
      redacted: null,
    })),
  };
}

function sources(events: readonly LogEvent[]) {
  const messages = new GrpcMessages();
  messages.add(events);
  return { log: new FrameLog(64), octets: new PayloadStore(), messages };
}

/** Three DATA frames of stream 3, received, of the lengths given; and what was kept of each. */
function withFrames(lengths: readonly number[], kept: readonly Uint8Array[], events: readonly LogEvent[]) {
  const held = sources(events);
  lengths.forEach((length, seq) => {
    const message = framesMessage(seq, dataFrames(1, { stream: 3, length, dir: 0 }));
    held.log.append(message, { kind: 1, count: 1, from: seq, to: seq + 1 }, seq);
    held.octets.add([{ seq, connection: 1, leg: 0, direction: 0, stream: 3, type: 0, offset: 0, octets: kept[seq]! }]);
  });
  return held;
}

const entry = () => {
  const made = newStream(1, 3);
  return { ...made, facts: { ...made.facts, grpcStatus: 14 } };
};

describe('a call', () => {
  test('says deadline, status and how many messages passed, those not told of included', () => {
    const events = [event(1), event(2), event(40, { direction: 1 })];
    const sections = [
      section(SectionKind.REQUEST, {
        'content-type': 'application/grpc',
        'grpc-timeout': '1500m',
        'grpc-encoding': 'gzip',
      }),
      section(SectionKind.TRAILERS, { 'grpc-status': '14', 'grpc-message': 'not%20now' }),
    ];
    const call = grpcCall(sources(events), entry(), sections, null)!;
    expect(call).toMatchObject({
      timeout: { value: '1500m', text: '1500 ms' },
      status: 14,
      message: 'not now',
      received: 2,
      sent: 40,
      omitted: 39,
      encodings: ['gzip', ''],
      open: null,
    });
    expect(call.messages.map(({ number }) => number)).toEqual([1, 2, 40]);
  });

  test('a stream that is none has none', () => {
    expect(
      grpcCall(sources([]), newStream(1, 3), [section(SectionKind.REQUEST, { 'content-type': 'text/plain' })], null),
    ).toBe(null);
  });

  test('a message that began earlier comes to its end', () => {
    const call = grpcCall(
      sources([event(1, { phase: 'begin' }), event(1, { phase: 'end', t: 9000 })]),
      entry(),
      [],
      null,
    )!;
    expect(call.messages).toMatchObject([{ t: 1000, endAt: 9000 }]);
    const open = grpcCall(sources([event(1, { phase: 'begin' })]), entry(), [], null)!;
    expect(open.messages).toMatchObject([{ endAt: -1 }]);
  });
});

describe('octets of a message', () => {
  const chosen = { direction: 0 as const, number: 1 };

  test('that lies in one frame are read as a Protocol Buffer', () => {
    const frame = Uint8Array.from([0, 0, 0, 0, HELLO.length, ...HELLO]);
    const call = grpcCall(withFrames([frame.length], [frame], [event(1)]), entry(), [], chosen)!;
    expect(call.open!.octets).toEqual(HELLO);
    expect(call.open!.protobuf).toMatchObject({ problem: '', fields: [{ value: '"hello"' }, { value: '7' }] });
  });

  test('are joined over frames, also where the prefix ends a frame', () => {
    const parts = [Uint8Array.from([0, 0, 0, 0, HELLO.length]), HELLO.subarray(0, 3), HELLO.subarray(3)];
    const call = grpcCall(withFrames([5, 3, HELLO.length - 3], parts, [event(1)]), entry(), [], chosen)!;
    expect(call.open!.octets).toEqual(HELLO);
  });

  test('end where a frame was kept in part only', () => {
    const first = Uint8Array.from([0, 0, 0, 0, HELLO.length, ...HELLO.subarray(0, 2)]);
    const call = grpcCall(withFrames([9, HELLO.length], [first, HELLO], [event(1)]), entry(), [], chosen)!;
    expect(call.open!.octets).toEqual(HELLO.subarray(0, 2));
    expect(call.open!.protobuf!.problem).toBe('the rest was not kept');
  });

  test('are shown as they are when the message is compressed, and as text when the type says so', () => {
    const frame = Uint8Array.from([1, 0, 0, 0, HELLO.length, ...HELLO]);
    const compressed = grpcCall(withFrames([frame.length], [frame], [event(1, { flags: 1 })]), entry(), [], chosen)!;
    expect(compressed.open).toMatchObject({ protobuf: null, text: null });
    const sections = [section(SectionKind.REQUEST, { 'content-type': 'application/grpc+json' })];
    const json = grpcCall(withFrames([frame.length], [frame], [event(1)]), entry(), sections, chosen)!;
    expect(json.open).toMatchObject({ protobuf: null, text: expect.stringContaining('hello') });
  });
});

test('of very many messages the newest are kept', () => {
  const messages = new GrpcMessages();
  messages.add(Array.from({ length: 2000 }, (_, at) => event(at + 1)));
  expect(messages.of(1, 3)).toHaveLength(500);
  expect(messages.of(1, 3).at(-1)!.number).toBe(2000);
  for (let stream = 5; stream < 500; stream += 2) {
    messages.add(Array.from({ length: 500 }, (_, at) => event(at + 1, { stream })));
  }
  expect(messages.of(1, 3)).toEqual([]);
  expect(messages.of(1, 499)).toHaveLength(500);
});
