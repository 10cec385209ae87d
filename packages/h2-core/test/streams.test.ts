import { describe, expect, test } from 'vitest';
import { StreamState } from '../src/index.ts';
import { Illegal, StreamEvent, transition } from '../src/stream/state.ts';
import { client, get, server } from './support/endpoint.ts';
import { data, F, frame, GET, headers, POST, rst, T, u32, windowUpdate } from './support/frames.ts';

const { IDLE, RESERVED_LOCAL, RESERVED_REMOTE, OPEN, HALF_CLOSED_LOCAL, HALF_CLOSED_REMOTE, CLOSED } = StreamState;
const X = Illegal;

describe('RFC 9113 5.1 stream states', () => {
  // STA-01: the figure once more, as written in the RFC's prose; rows are states, columns events.
  const P = X.PROTOCOL;
  const C = X.CLOSED;
  const U = X.USAGE;
  test.each([
    //            H     H+end                D     D+end                RST     PP               H               H+end               D     D+end              RST     PP
    [IDLE, [OPEN, HALF_CLOSED_REMOTE, P, P, P, RESERVED_REMOTE, OPEN, HALF_CLOSED_LOCAL, U, U, U, RESERVED_LOCAL]],
    [RESERVED_LOCAL, [P, P, P, P, CLOSED, P, HALF_CLOSED_REMOTE, CLOSED, U, U, CLOSED, U]],
    [RESERVED_REMOTE, [HALF_CLOSED_LOCAL, CLOSED, P, P, CLOSED, P, U, U, U, U, CLOSED, U]],
    [
      OPEN,
      [
        OPEN,
        HALF_CLOSED_REMOTE,
        OPEN,
        HALF_CLOSED_REMOTE,
        CLOSED,
        P,
        OPEN,
        HALF_CLOSED_LOCAL,
        OPEN,
        HALF_CLOSED_LOCAL,
        CLOSED,
        U,
      ],
    ],
    [HALF_CLOSED_LOCAL, [HALF_CLOSED_LOCAL, CLOSED, HALF_CLOSED_LOCAL, CLOSED, CLOSED, P, U, U, U, U, CLOSED, U]],
    [HALF_CLOSED_REMOTE, [C, C, C, C, CLOSED, P, HALF_CLOSED_REMOTE, CLOSED, HALF_CLOSED_REMOTE, CLOSED, CLOSED, U]],
    [CLOSED, [C, C, C, C, CLOSED, P, U, U, U, U, CLOSED, U]],
  ])('row of state %i', (state, row) => {
    const events = Object.values(StreamEvent);
    expect(events.map(event => transition(state, event))).toEqual(row);
  });

  test.each([
    ['DATA', data(1, 'x')],
    ['RST_STREAM', rst(1, 0)],
    ['WINDOW_UPDATE', windowUpdate(1, 1)],
    ['DATA on an even stream', data(2, 'x')],
  ])('%s on an idle stream is PROTOCOL_ERROR', (_, input) => {
    // STA-03, STA-10
    const t = server();
    t.receive(input);
    expect(t.sent().at(-1)).toBe('GOAWAY 0 1 frame.idle-stream');
  });

  test('PRIORITY is allowed in every state', () => {
    // STA-09, PRI-09
    const t = server();
    const priority = (id: number): Uint8Array => frame(T.PRIORITY, 0, id, [0, 0, 0, 99, 1]);
    t.receive(priority(5), headers(1, GET), priority(1), rst(1, 8), priority(1), headers(5, GET));
    expect(t.sent()).toEqual([]);
    expect(t.heard()).toContain('request 5 GET / end');
  });

  test.each([
    ['an even stream', [headers(2, GET)], 'GOAWAY 0 1 stream.id-parity'],
    ['a number passed over', [headers(5, GET), headers(3, GET)], 'GOAWAY 5 1 stream.id-reused'],
  ])('a client that opens %s', (_, inputs, line) => {
    // STA-02, STA-17
    const t = server();
    t.receive(...inputs);
    expect(t.sent()).toEqual([line]);
  });

  test('HEADERS and DATA after END_STREAM are stream errors STREAM_CLOSED', () => {
    // STA-04
    const t = server();
    t.receive(headers(1, GET), headers(3, GET), headers(1, GET), data(3, 'x'));
    expect(t.sent()).toEqual(['RST_STREAM 1 5', 'RST_STREAM 3 5']);
    expect(t.heard().slice(2)).toEqual([
      'reset 1 STREAM_CLOSED library stream.half-closed',
      'closed 1',
      'reset 3 STREAM_CLOSED library stream.half-closed',
      'closed 3',
    ]);
  });

  test('HEADERS on a stream that both sides ended is a connection error', () => {
    // STA-04
    const t = server();
    t.receive(headers(1, GET));
    t.connection.respond(t.stream(1), 200, [], true);
    t.sent();
    t.receive(headers(1, GET));
    expect(t.sent()).toEqual(['GOAWAY 1 5 stream.closed']);
  });

  test('DATA on a stream that both sides ended is STREAM_CLOSED, once (5.4.2), and is refunded', () => {
    // STA-11, RWN-18, RST-09
    const t = server({ initialConnectionWindowSize: 65_535 });
    t.receive(headers(1, GET));
    t.connection.respond(t.stream(1), 200, [], true);
    t.sent();
    t.receive(data(1, new Uint8Array(16_000)), data(1, new Uint8Array(16_000)), data(1, new Uint8Array(1000)));
    expect(t.sent()).toEqual(['RST_STREAM 1 5', 'WINDOW_UPDATE 0 33000']);
  });

  test('frames after our RST_STREAM are ignored, DATA refunded', () => {
    // STA-05, RST-06, RWN-18
    const t = server({ initialConnectionWindowSize: 65_535 });
    t.receive(headers(1, POST, F.END_HEADERS));
    t.connection.reset(t.stream(1), 8);
    t.sent();
    t.heard();
    for (let i = 0; i < 3; i++) t.receive(data(1, new Uint8Array(16_000)));
    t.receive(windowUpdate(1, 5), rst(1, 0), headers(1, [['x', 'y']]));
    expect(t.sent()).toEqual(['WINDOW_UPDATE 0 48000']);
    expect(t.heard()).toEqual([]);
  });

  test('frames after their RST_STREAM', () => {
    // STA-06, STA-07, STA-08, RST-03
    const t = server();
    t.receive(headers(1, POST, F.END_HEADERS), rst(1, 8), rst(1, 8), windowUpdate(1, 9));
    expect(t.sent()).toEqual([]);
    t.receive(data(1, 'x'), headers(1, GET));
    expect(t.sent()).toEqual(['RST_STREAM 1 5']);
    expect(t.heard()).toEqual(['request 1 POST /', 'reset 1 CANCEL remote', 'closed 1']);
  });

  test('a stream closed long ago and forgotten gets RST_STREAM, not GOAWAY', () => {
    // STA-11, STA-12, LIM-33
    const t = server();
    for (let id = 1; id < 2001; id += 2) {
      t.receive(headers(id, GET));
      t.connection.respond(t.stream(id), 200, [], true);
    }
    t.sent();
    t.receive(headers(1, GET));
    expect(t.sent()).toEqual(['RST_STREAM 1 5']);
    expect(t.connection.openStreams).toBe(0);
  });

  test('a malformed first HEADERS still uses up its number', () => {
    // STA-15
    const t = server();
    t.receive(headers(3, [[':method', 'GET']]), headers(3, GET));
    expect(t.sent()).toEqual(['RST_STREAM 3 1']);
    t.receive(headers(1, GET));
    expect(t.sent()).toEqual(['GOAWAY 3 1 stream.id-reused']);
  });

  test('the last identifier: no further request', () => {
    // STA-13
    const t = client();
    (t.connection as unknown as { core: { registry: { nextLocalId: number } } }).core.registry.nextLocalId =
      2 ** 31 - 1;
    expect(t.connection.request(get(), true).id).toBe(2 ** 31 - 1);
    expect(() => t.connection.request(get(), true)).toThrow(/no more requests/);
  });

  test('a server that sends HEADERS on a stream nobody opened', () => {
    // STA-17
    for (const id of [1, 2, 7]) {
      const t = client();
      t.receive(headers(id, [[':status', '200']]));
      expect(t.sent()).toEqual(['GOAWAY 0 1 frame.idle-stream']);
    }
  });
});

describe('RFC 9113 5.1.2 concurrency', () => {
  test('over the limit: REFUSED_STREAM, and room again when one ends', () => {
    // CNC-01
    const t = server({ maxConcurrentStreams: 1 });
    t.receive(headers(1, GET), headers(3, GET));
    expect(t.sent()).toEqual(['RST_STREAM 3 7']);
    t.connection.respond(t.stream(1), 200, [], true);
    t.receive(headers(5, GET));
    expect(t.heard().at(-1)).toBe('request 5 GET / end');
  });

  test('a limit of 0 refuses everything', () => {
    // CNC-02
    const t = server({ maxConcurrentStreams: 0 });
    t.receive(headers(1, GET));
    expect(t.sent()).toEqual(['RST_STREAM 1 7']);
  });

  test('requests over the peer’s limit wait and open in order', () => {
    // CNC-03, CNC-04, CNC-06, SWN-15
    const t = client({}, false, 3, 1);
    const first = t.connection.request(get('/1'), true);
    const second = t.connection.request(get('/2'), false);
    t.connection.write(second, new Uint8Array(5), true);
    const third = t.connection.request(get('/3'), true);
    const fourth = t.connection.request(get('/4'), true);
    expect([first.id, second.id, t.connection.canOpen]).toEqual([1, 0, false]);
    expect(t.sent()).toEqual(['HEADERS 1 END_STREAM']);
    t.connection.reset(third, 8);
    t.receive(headers(1, [[':status', '200']]));
    expect(t.sent()).toEqual(['HEADERS 3', 'DATA 3 5 END_STREAM']);
    t.receive(rst(3, 8));
    expect(t.sent()).toEqual(['HEADERS 5 END_STREAM']);
    expect(fourth.id).toBe(5);
  });

  test('waiting requests are retryable when the connection goes away', () => {
    // GOA-12, RTY-01
    const t = client({}, false, 3, 0);
    t.connection.request(get(), true);
    t.receive(frame(T.GOAWAY, 0, 0, [...u32(0), ...u32(0)]));
    expect(t.heard()).toEqual(['goaway 0 0', 'reset 0 REFUSED_STREAM library request.unsent', 'closed 0', 'end clean']);
  });

  test('resets before and after the response, twice, with queued data', () => {
    // RST-01, RST-09, RST-10
    const t = server();
    t.receive(headers(1, GET), headers(3, GET));
    t.connection.reset(t.stream(1), 2);
    t.connection.reset(t.stream(1), 2);
    t.connection.respond(t.stream(1), 200, [], true);
    t.connection.respond(t.stream(3), 200, [], false);
    t.connection.write(t.stream(3), new Uint8Array(10_000), false);
    t.connection.reset(t.stream(3), 8);
    expect(t.sent()).toEqual(['RST_STREAM 1 2', 'HEADERS 3', 'RST_STREAM 3 8']);
    expect(t.connection.openStreams).toBe(0);
  });
});

describe('RFC 9113 8.4 push', () => {
  test('a promise, its response, its end', () => {
    // PSH-01, PSH-02, PSH-05, PSH-08, PSH-15
    const a = server();
    a.receive(headers(1, GET));
    const promised = a.connection.push(a.stream(1), get('/style.css'));
    a.connection.respond(promised, 200, [], false);
    a.connection.write(promised, new Uint8Array(3), true);
    const frames = a.frames();
    expect(frames.map(f => [f.type, f.streamId])).toEqual([
      [T.PUSH_PROMISE, 1],
      [T.HEADERS, 2],
      [T.DATA, 2],
    ]);
    const b = client({}, true);
    b.connection.request(get(), true);
    b.receive(...frames.map(f => frame(f.type, f.flags, f.streamId, f.payload)));
    expect(b.heard()).toEqual(['push 1 2 /style.css', 'response 2 200', 'data 2 3 end', 'closed 2']);
    expect(a.heard()).toEqual(['request 1 GET / end', 'closed 2']);
  });

  test('to a client that disabled it: a usage error; from a client: PROTOCOL_ERROR', () => {
    // PSH-04
    const t = server({}, 2, 0);
    t.receive(headers(1, GET));
    expect(() => t.connection.push(t.stream(1), get())).toThrow(/does not accept pushes/);
    t.receive(frame(T.PUSH_PROMISE, 4, 1, u32(2)));
    expect(t.sent()).toEqual(['GOAWAY 1 1 push.from-client']);
  });

  test('a client without a taker announces ENABLE_PUSH 0 and rejects promises', () => {
    // PSH-04
    const t = client();
    t.connection.request(get(), true);
    t.receive(frame(T.PUSH_PROMISE, 4, 1, u32(2)));
    expect(t.sent().at(-1)).toBe('GOAWAY 0 1 push.disabled');
  });
});
