import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Scheduler } from '../src/flow/scheduler.ts';
import { parsePriority } from '../src/message/priority.ts';
import { StreamRecord } from '../src/stream/stream.ts';
import { Endpoint, get, server } from './support/endpoint.ts';
import {
  bytes,
  concat,
  data,
  F,
  frame,
  GET,
  headers,
  POST,
  preface,
  settings,
  settingsAck,
  T,
  u32,
  windowUpdate,
} from './support/frames.ts';

const update = (target: number, value: string, on = 0): Uint8Array =>
  frame(0x10, 0, on, concat(u32(target), bytes(value)));

describe('RFC 9218 4 the Priority field', () => {
  // PRI-01
  test.each([
    ['', 3, false],
    ['u=0', 0, false],
    ['u=7, i', 7, true],
    ['i', 3, true],
    ['i=?1,u=1', 1, true],
    ['u=1,i=?0', 1, false],
    ['  u=2 ,  i  ', 2, true],
    ['u=5;x=1, i;y', 5, true],
    ['u=1, u=6', 6, false],
    // unknown members
    ['x=1, u=2, y="a", z=tok/en', 2, false],
    // out of range, wrong type: that member counts for nothing
    ['u=8, i', 3, true],
    ['u=-1', 3, false],
    ['u=1.5', 3, false],
    ['u', 3, false],
    ['i=1, u=1', 1, false],
    // no dictionary: defaults altogether
    ['u=1,,i', 3, false],
    ['U=1', 3, false],
    ['u=1, =', 3, false],
    ['u=1,', 3, false],
    ['u=", i', 3, false],
  ])('%j is urgency %i, incremental %s', (value, urgency, incremental) => {
    expect(parsePriority(value)).toEqual({ urgency, incremental });
  });
});

/** A server with answered requests, each with its Priority field, that all have 3 frames to send. */
function sending(fields: readonly (string | null)[], options = {}): Endpoint {
  const t = server(options, 4, 1_000_000);
  t.receive(windowUpdate(0, 10_000_000));
  fields.forEach((value, i) => {
    t.receive(headers(i * 2 + 1, value === null ? GET : [...GET, ['priority', value]]));
  });
  fields.forEach((_, i) => {
    const stream = t.stream(i * 2 + 1);
    t.connection.respond(stream, 200, [], false);
    t.connection.write(stream, new Uint8Array(16_384 * 3), true);
  });
  return t;
}

/** Streams in the order of their DATA frames. */
function order(t: Endpoint): number[] {
  return t
    .frames(10_000_000)
    .filter(f => f.type === T.DATA)
    .map(f => f.streamId);
}

describe('RFC 9218 10 scheduling', () => {
  test('a client that says nothing gets turns for all', () => {
    // SCH-04, PRI-10
    expect(order(sending([null, null]))).toEqual([1, 3, 1, 3, 1, 3]);
  });

  test('urgent streams first', () => {
    // PRI-02, SCH-07
    expect(order(sending(['u=5', 'u=1', 'u=3']))).toEqual([3, 3, 3, 5, 5, 5, 1, 1, 1]);
  });

  test('equally urgent: sequential ones one after the other, incremental ones in turns', () => {
    // PRI-03, SCH-04, SCH-05
    expect(order(sending(['u=1', 'u=1']))).toEqual([1, 1, 1, 3, 3, 3]);
    expect(order(sending(['u=1, i', 'u=1, i']))).toEqual([1, 3, 1, 3, 1, 3]);
  });

  test('both kinds at one urgency alternate', () => {
    // PRI-04, SCH-06
    expect(order(sending(['u=1', 'u=1, i', 'u=1', 'u=1, i']))).toEqual([1, 3, 1, 7, 1, 3, 5, 7, 5, 3, 5, 7]);
  });

  test('a blocked sequential stream lets the next one go', () => {
    // PRI-05, SCH-05
    const t = server({}, 4, 16_384);
    t.receive(headers(1, [...GET, ['priority', 'u=0']]), headers(3, [...GET, ['priority', 'u=4']]));
    for (const id of [1, 3]) {
      t.connection.respond(t.stream(id), 200, [], false);
      t.connection.write(t.stream(id), new Uint8Array(16_384 * 2), true);
    }
    expect(order(t)).toEqual([1, 3]);
    t.receive(windowUpdate(3, 16_384), windowUpdate(1, 16_384));
    expect(order(t)).toEqual([1, 3]);
  });

  test('small bodies go in one frame each, in line', () => {
    // PRI-11
    const t = server({}, 4, 1_000_000);
    t.receive(headers(1, [...GET, ['priority', 'u=1, i']]), headers(3, GET), headers(5, GET));
    t.connection.respond(t.stream(1), 200, [], false);
    t.connection.write(t.stream(1), new Uint8Array(40_000), true);
    for (const id of [3, 5]) {
      t.connection.respond(t.stream(id), 200, [], false);
      t.connection.write(t.stream(id), new Uint8Array(100), true);
    }
    // Urgency 3 waits for urgency 1, however small it is.
    const sent = t.sent(10_000_000).filter(line => line.startsWith('DATA'));
    expect(sent).toEqual([
      'DATA 1 16384',
      'DATA 1 16384',
      'DATA 1 7232 END_STREAM',
      'DATA 3 100 END_STREAM',
      'DATA 5 100 END_STREAM',
    ]);
  });

  test('RST_STREAM waits for nobody, for a stream that was never opened either', () => {
    // PRI-12, PRI-06
    const t = server({ maxConcurrentStreams: 2 }, 4, 1_000_000);
    t.receive(headers(1, GET), headers(3, GET));
    for (const id of [1, 3]) {
      t.connection.respond(t.stream(id), 200, [], false);
      t.connection.write(t.stream(id), new Uint8Array(16_384), true);
    }
    t.receive(headers(5, GET));
    t.connection.reset(t.stream(3), 8);
    expect(t.sent(16_384)).toEqual([
      'HEADERS 1',
      'HEADERS 3',
      'RST_STREAM 5 7',
      'RST_STREAM 3 8',
      'DATA 1 16384 END_STREAM',
    ]);
  });

  test('low urgency has its turn when those above are blocked, and when they are done', () => {
    // PRI-13, SCH-03
    const t = server({}, 4, 20_000);
    t.receive(windowUpdate(0, 10_000_000));
    t.receive(headers(1, [...GET, ['priority', 'u=0']]), headers(3, [...GET, ['priority', 'u=7']]));
    for (const id of [1, 3]) {
      t.connection.respond(t.stream(id), 200, [], false);
      t.connection.write(t.stream(id), new Uint8Array(40_000), true);
    }
    expect(order(t)).toEqual([1, 1, 3, 3]);
    // A grant for the urgent one takes precedence again, without waiting for the other to finish.
    t.receive(windowUpdate(3, 10_000), windowUpdate(1, 10_000));
    expect(order(t)).toEqual([1, 3]);
    t.receive(windowUpdate(3, 10_000), windowUpdate(1, 10_000));
    expect(order(t)).toEqual([1, 3]);
    expect(t.connection.openStreams).toBe(0);
  });

  test('PRIORITY_UPDATE changes a stream in the middle of its body', () => {
    // PRI-01, PRI-07
    const t = sending(['u=1', 'u=3']);
    expect(t.sent(16_384).filter(l => l.startsWith('DATA'))).toEqual(['DATA 1 16384']);
    t.receive(update(3, 'u=0'), update(3, 'u=0'));
    expect(order(t)).toEqual([3, 3, 3, 1, 1]);
  });

  test('PRIORITY_UPDATE before its request counts, the newest one, and beats the field', () => {
    // PRI-01, RFC 9218 7
    const t = server({}, 4, 1_000_000);
    t.receive(update(3, 'u=7'), update(3, 'u=0'));
    t.receive(headers(1, GET), headers(3, [...GET, ['priority', 'u=6']]));
    for (const id of [1, 3]) {
      t.connection.respond(t.stream(id), 200, [], false);
      t.connection.write(t.stream(id), new Uint8Array(20_000), true);
    }
    expect(order(t)).toEqual([3, 3, 1, 1]);
  });

  test('the program overrides the client, or ignores it altogether', () => {
    // PRI-08
    const t = sending(['u=1', 'u=2']);
    t.connection.prioritise(t.stream(3), 0, false);
    expect(order(t)).toEqual([3, 3, 3, 1, 1, 1]);
    expect(() => t.connection.prioritise(t.stream(1), 8, false)).toThrow(/from 0 to 7/);
    expect(order(sending(['u=1', 'u=0'], { obeyPriorities: false }))).toEqual([1, 3, 1, 3, 1, 3]);
  });

  test.each([
    ['on a stream', update(1, 'u=1', 1), 'GOAWAY 1 1 frame.stream-nonzero'],
    ['for stream 0', update(0, 'u=1'), 'GOAWAY 1 1 priority-update.stream'],
    ['shorter than 4 octets', frame(0x10, 0, 0, [0, 0, 1]), 'GOAWAY 1 6 priority-update.length'],
  ])('PRIORITY_UPDATE %s', (_, input, line) => {
    // PRI-01, FRM-18
    const t = server();
    t.receive(headers(1, POST, F.END_HEADERS), input);
    expect(t.sent()).toEqual([line]);
  });

  test('7.1: PRIORITY_UPDATE for a push that was not promised is PROTOCOL_ERROR, for one that was it counts', () => {
    const t = server();
    t.receive(headers(1, GET));
    const promised = t.connection.push(t.stream(1), get('/a'));
    t.sent();
    t.receive(update(promised.id, 'u=0'));
    expect(t.sent()).toEqual([]);
    t.receive(update(4, 'u=0'));
    expect(t.sent()).toEqual(['GOAWAY 1 1 priority-update.stream']);
  });

  test('7.1: idle streams with a priority and active ones may not exceed the stream limit together', () => {
    const t = server({ maxConcurrentStreams: 3 });
    t.receive(headers(1, POST, F.END_HEADERS), update(5, 'u=1'), update(7, 'u=1'), update(7, 'u=2'), update(1, 'u=0'));
    expect(t.sent()).toEqual([]);
    t.receive(update(9, 'u=1'));
    expect(t.sent()).toEqual(['GOAWAY 1 1 priority-update.limit']);
  });

  test('7.1: streams that were opened, passed over or refused are idle no longer', () => {
    const t = server({ maxConcurrentStreams: 3 });
    t.receive(headers(1, POST, F.END_HEADERS), update(3, 'u=1'), update(5, 'u=1'));
    // Passes over 3, and is malformed.
    t.receive(headers(5, [['x', 'y']]), update(7, 'u=1'), update(9, 'u=1'));
    expect(t.sent()).toEqual(['RST_STREAM 5 1']);
  });

  test('7.1: before our limit is acknowledged the client need not know it', () => {
    const t = new Endpoint({ role: 'server', maxConcurrentStreams: 1 });
    t.receive(preface, settings(), update(1, 'u=1'), update(3, 'u=1'), update(5, 'u=1'));
    expect(t.connection.isClosed).toBe(false);
    t.receive(settingsAck, update(7, 'u=1'));
    expect(t.connection.error?.rule).toBe('priority-update.limit');
  });

  test('PRIORITY_UPDATE that cannot be read, or for a stream that has ended, changes nothing', () => {
    // PRI-01
    const t = server();
    t.receive(headers(1, GET));
    t.connection.respond(t.stream(1), 200, [], true);
    t.sent();
    t.receive(update(1, 'u=1'), update(5, '???'), data(1, ''));
    expect(t.sent()).toEqual(['RST_STREAM 1 5']);
  });
});

test('SCH-08 the rings stay whole under any sequence of adding, removing, re-prioritising and serving', () => {
  const step = fc.tuple(fc.constantFrom('add', 'remove', 'prioritise', 'serve'), fc.nat(7), fc.nat(7), fc.boolean());
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const scheduler = new Scheduler();
      const streams = Array.from({ length: 8 }, (_, i) => new StreamRecord(i * 2 + 1, false, 1, 1));
      const waiting = new Set<StreamRecord>();
      for (const [what, which, urgency, incremental] of steps) {
        const stream = streams[which] as StreamRecord;
        if (what === 'add') {
          scheduler.add(stream);
          waiting.add(stream);
        } else if (what === 'remove') {
          scheduler.remove(stream);
          waiting.delete(stream);
        } else if (what === 'prioritise') {
          scheduler.prioritise(stream, urgency, incremental);
        } else {
          const next = scheduler.next();
          const most = Math.min(...[...waiting].map(s => s.urgency));
          expect(next === null ? null : next.urgency).toBe(waiting.size === 0 ? null : most);
          if (next !== null) {
            expect(waiting.has(next)).toBe(true);
            scheduler.served(next);
            scheduler.rotate(next);
          }
        }
        expect(scheduler.isEmpty).toBe(waiting.size === 0);
      }
      // Served to the end, every waiting stream comes out once.
      const left = new Set(waiting);
      for (let next = scheduler.next(); next !== null; next = scheduler.next()) {
        expect(left.delete(next)).toBe(true);
        scheduler.served(next);
        scheduler.remove(next);
      }
      expect(left.size).toBe(0);
    }),
  );
});
