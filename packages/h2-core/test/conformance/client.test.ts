/** What a client answers to a server that breaks rules, clause by clause: the half that the suite cannot see. */
import { describe, expect, test } from 'vitest';
import { auditConnection } from '../../src/testing/index.ts';
import { client, type Endpoint, get } from '../support/endpoint.ts';
import {
  block,
  concat,
  continuation,
  data,
  E,
  F,
  type Fields,
  frame,
  GET,
  goAway,
  headers,
  ping,
  priority,
  rst,
  S,
  settings,
  T,
  u32,
  windowUpdate,
} from '../support/frames.ts';

const OPEN = F.END_HEADERS;
const OK: Fields = [[':status', '200']];
const promise = (parent: number, promised: number, fields: Fields = GET): Uint8Array =>
  frame(T.PUSH_PROMISE, F.END_HEADERS, parent, concat(u32(promised), block(fields)));

/** A client with GET on stream 1 (ended), POST on 3 (open) and HEAD on 5 (ended); it takes pushes. */
function busy(push = true): Endpoint {
  const t = client({}, push);
  t.connection.request(get(), true);
  t.connection.request({ ...get(), method: 'POST' }, false);
  t.connection.request({ ...get(), method: 'HEAD' }, true);
  t.sent();
  return t;
}

describe('connection errors', () => {
  test.each<[string, Uint8Array[], number]>([
    ['5.1 DATA on an idle stream', [data(7, 'x')], E.PROTOCOL_ERROR],
    ['5.1 HEADERS on an idle stream of ours', [headers(7, OK)], E.PROTOCOL_ERROR],
    ['5.1.1 HEADERS on an idle stream of the server', [headers(2, OK)], E.PROTOCOL_ERROR],
    ['5.1 RST_STREAM on an idle stream', [rst(2, 0)], E.PROTOCOL_ERROR],
    ['5.1 WINDOW_UPDATE on an idle stream', [windowUpdate(9, 1)], E.PROTOCOL_ERROR],
    ['5.1 DATA on a reserved stream', [promise(1, 2), data(2, 'x')], E.PROTOCOL_ERROR],
    ['5.1 WINDOW_UPDATE on a reserved stream', [promise(1, 2), windowUpdate(2, 1)], E.PROTOCOL_ERROR],
    ['5.1 HEADERS on a stream that ended both ways', [headers(1, OK), headers(1, OK)], E.STREAM_CLOSED],
    ['4.2 a frame that is too long', [frame(T.DATA, 0, 1, new Uint8Array(16_385))], E.FRAME_SIZE_ERROR],
    ['4.3 a block that does not decode', [frame(T.HEADERS, OPEN, 1, [0x80])], E.COMPRESSION_ERROR],
    ['4.3 a promise that does not decode', [frame(T.PUSH_PROMISE, OPEN, 1, [0, 0, 0, 2, 0x80])], E.COMPRESSION_ERROR],
    ['6.5.2 ENABLE_PUSH 1', [settings(S.ENABLE_PUSH, 1)], E.PROTOCOL_ERROR],
    ['6.5.2 INITIAL_WINDOW_SIZE 2^31', [settings(S.INITIAL_WINDOW_SIZE, 2 ** 31)], E.FLOW_CONTROL_ERROR],
    ['6.5.2 MAX_FRAME_SIZE 0', [settings(S.MAX_FRAME_SIZE, 0)], E.PROTOCOL_ERROR],
    ['6.6 PUSH_PROMISE on stream 0', [promise(0, 2)], E.PROTOCOL_ERROR],
    ['6.6 PUSH_PROMISE for stream 0', [promise(1, 0)], E.PROTOCOL_ERROR],
    ['6.6 PUSH_PROMISE for an odd stream', [promise(1, 7)], E.PROTOCOL_ERROR],
    ['5.1.1 PUSH_PROMISE for a stream used before', [promise(1, 4), promise(1, 2)], E.PROTOCOL_ERROR],
    ['6.6 PUSH_PROMISE on an idle stream', [promise(9, 2)], E.PROTOCOL_ERROR],
    ['6.6 PUSH_PROMISE after END_STREAM', [headers(3, OK), promise(3, 2)], E.PROTOCOL_ERROR],
    ['6.6 PUSH_PROMISE on a promised stream', [promise(1, 2), promise(2, 4)], E.PROTOCOL_ERROR],
    ['6.6 PUSH_PROMISE of 3 octets', [frame(T.PUSH_PROMISE, OPEN, 1, [0, 0, 2])], E.FRAME_SIZE_ERROR],
    [
      '6.6 PUSH_PROMISE with too much padding',
      [frame(T.PUSH_PROMISE, OPEN | F.PADDED, 1, [9, 0, 0, 0, 2])],
      E.PROTOCOL_ERROR,
    ],
    ['6.7 PING of 7 octets', [ping([1, 2, 3, 4, 5, 6, 7])], E.FRAME_SIZE_ERROR],
    ['6.8 GOAWAY of 7 octets', [frame(T.GOAWAY, 0, 0, new Uint8Array(7))], E.FRAME_SIZE_ERROR],
    ['6.8 GOAWAY that raises the last stream', [goAway(3, 0), goAway(5, 0)], E.PROTOCOL_ERROR],
    ['6.9 WINDOW_UPDATE 0 on the connection', [windowUpdate(0, 0)], E.PROTOCOL_ERROR],
    ['6.9.1 connection window above 2^31-1', [windowUpdate(0, 0x7fff_ffff)], E.FLOW_CONTROL_ERROR],
    ['6.10 CONTINUATION without HEADERS', [continuation(1, [], OPEN)], E.PROTOCOL_ERROR],
    ['6.10 PING within a promise', [frame(T.PUSH_PROMISE, 0, 1, u32(2)), ping(new Array(8).fill(0))], E.PROTOCOL_ERROR],
    ['RFC 9218 7.1 PRIORITY_UPDATE of a server', [frame(0x10, 0, 0, [0, 0, 0, 1, 0x75])], E.PROTOCOL_ERROR],
  ])('%s', (_, input, code) => {
    const t = busy();
    t.receive(...input);
    const last = t.frames().at(-1);
    expect([last?.type, ...(last?.payload.slice(4, 8) ?? [])]).toEqual([T.GOAWAY, ...u32(code)]);
    expect(t.connection.isClosed).toBe(true);
    auditConnection(t.connection);
  });

  test('8.4 PUSH_PROMISE although push is disabled', () => {
    const t = busy(false);
    t.receive(promise(1, 2));
    expect(t.sent()).toEqual(['GOAWAY 0 1 push.disabled']);
  });
});

describe('stream errors', () => {
  test.each<[string, number, Uint8Array[], number]>([
    ['8.1 DATA before HEADERS', 1, [data(1, 'x')], E.PROTOCOL_ERROR],
    ['8.1 HEADERS after the final ones, without END_STREAM', 1, [headers(1, OK, OPEN), headers(1, OK, OPEN)], 1],
    ['8.1 an informational response with END_STREAM', 1, [headers(1, [[':status', '103']])], E.PROTOCOL_ERROR],
    ['8.6 status 101', 1, [headers(1, [[':status', '101']], OPEN)], E.PROTOCOL_ERROR],
    ['8.3.2 no :status', 1, [headers(1, [['x', 'y']])], E.PROTOCOL_ERROR],
    ['8.3.2 :status twice', 1, [headers(1, [...OK, ...OK])], E.PROTOCOL_ERROR],
    ['8.3.2 :status that is no number', 1, [headers(1, [[':status', '2x0']])], E.PROTOCOL_ERROR],
    ['8.3 a pseudo-field of requests', 1, [headers(1, [...OK, [':path', '/']])], E.PROTOCOL_ERROR],
    ['8.3 a pseudo-field after a regular one', 1, [headers(1, [['x', 'y'], ...OK])], E.PROTOCOL_ERROR],
    ['8.3 a pseudo-field in trailers', 1, [headers(1, OK, OPEN), headers(1, OK)], E.PROTOCOL_ERROR],
    ['8.2.1 an upper-case name', 1, [headers(1, [...OK, ['X', 'y']])], E.PROTOCOL_ERROR],
    ['8.2.2 connection', 1, [headers(1, [...OK, ['connection', 'close']])], E.PROTOCOL_ERROR],
    ['8.2.2 transfer-encoding', 1, [headers(1, [...OK, ['transfer-encoding', 'chunked']])], E.PROTOCOL_ERROR],
    ['8.1.1 too much for content-length', 1, [headers(1, [...OK, ['content-length', '1']], OPEN), data(1, 'xy')], 1],
    [
      '8.1.1 too little for content-length',
      1,
      [headers(1, [...OK, ['content-length', '3']], OPEN), data(1, 'xy', F.END_STREAM)],
      E.PROTOCOL_ERROR,
    ],
    ['8.1.1 nothing for content-length', 1, [headers(1, [...OK, ['content-length', '3']])], E.PROTOCOL_ERROR],
    ['9110 9.3.2 DATA in the response to HEAD', 5, [headers(5, OK, OPEN), data(5, 'x')], E.PROTOCOL_ERROR],
    ['9110 15.3.5 DATA after 204', 1, [headers(1, [[':status', '204']], OPEN), data(1, 'x')], E.PROTOCOL_ERROR],
    ['5.1 DATA after END_STREAM', 3, [headers(3, OK), data(3, 'x')], E.STREAM_CLOSED],
    ['5.1 HEADERS after END_STREAM', 3, [headers(3, OK), headers(3, OK)], E.STREAM_CLOSED],
    ['5.1 DATA after the server’s RST_STREAM', 1, [rst(1, 8), data(1, 'x')], E.STREAM_CLOSED],
    ['6.3 PRIORITY of 4 octets', 1, [frame(T.PRIORITY, 0, 1, [0, 0, 0, 0])], E.FRAME_SIZE_ERROR],
    ['6.9 WINDOW_UPDATE 0', 3, [windowUpdate(3, 0)], E.PROTOCOL_ERROR],
    ['6.9.1 a stream window above 2^31-1', 3, [windowUpdate(3, 0x7fff_ffff)], E.FLOW_CONTROL_ERROR],
    ['8.4 a promised POST', 2, [promise(1, 2, [[':method', 'POST'], ...GET.slice(1)])], E.PROTOCOL_ERROR],
    ['8.4 a promise without :authority', 2, [promise(1, 2, [GET[0], GET[1], GET[3]] as Fields)], E.PROTOCOL_ERROR],
  ])('%s', (_, id, input, code) => {
    const t = busy();
    t.receive(...input);
    expect(t.sent()).toEqual([`RST_STREAM ${id} ${code}`]);
    expect(t.connection.isClosed).toBe(false);
    auditConnection(t.connection);
    // The others go on.
    const other = id === 3 ? 1 : 3;
    t.receive(headers(other, OK));
    expect(t.heard()).toContain(`response ${other} 200 end`);
  });
});

describe('what is to be taken as it comes', () => {
  test.each<[string, Uint8Array[]]>([
    ['4.1 unknown frames and flags', [frame(0xbb, 0xff, 1, [1]), frame(T.PING, 0xff, 0, new Uint8Array(8))]],
    ['5.1 PRIORITY on any stream', [priority(2, 0), priority(9, 0), priority(1, 0)]],
    ['5.1 WINDOW_UPDATE and RST_STREAM on an ended stream', [headers(1, OK), windowUpdate(1, 1), rst(1, 0)]],
    ['6.5.2 unknown settings', [settings(0xff, 1)]],
    ['6.7 an acknowledgement that nobody waits for', [ping([1, 2, 3, 4, 5, 6, 7, 8], F.ACK)]],
    ['6.9 an empty DATA frame in the response to HEAD', [headers(5, OK, OPEN), data(5, '', F.END_STREAM)]],
    ['8.1 content-length in the response to HEAD', [headers(5, [...OK, ['content-length', '9']])]],
    ['8.1 RST_STREAM NO_ERROR after a response that came before the request ended', [headers(3, OK), rst(3, 0)]],
  ])('%s', (_, input) => {
    const t = busy();
    t.receive(...input);
    expect(t.sent().filter(line => !/^(SETTINGS|PING) ACK$/.test(line))).toEqual([]);
    expect(t.connection.isClosed).toBe(false);
    auditConnection(t.connection);
  });
});
