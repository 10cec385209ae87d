/**
 * RFC 9113 5.1, every cell: a stream of each state, each frame received and each command given, over a connection that sees
 * nothing but octets. The tables are written from the RFC's prose and know nothing of the core's own.
 *
 * Cells: a state's name: the frame is legal and leads there. `same`: legal, no change. `drop`: taken and thrown away.
 * `S5`: RST_STREAM with that code, and a connection that goes on. `C1`: GOAWAY with that code, and no connection any more.
 */
import { describe, expect, test } from 'vitest';
import { type Stream, StreamState, UsageError } from '../src/index.ts';
import { auditConnection } from '../src/testing/index.ts';
import { client, type Endpoint, get, server } from './support/endpoint.ts';
import {
  block,
  bytes,
  concat,
  continuation,
  data,
  F,
  type Fields,
  frame,
  GET,
  headers,
  POST,
  priority,
  rst,
  T,
  u32,
  windowUpdate,
} from './support/frames.ts';

const OPEN = F.END_HEADERS;
const OK: Fields = [[':status', '200']];
const TRAILERS: Fields = [['x-test', 'ok']];
const promise = (parent: number, promised: number): Uint8Array =>
  frame(T.PUSH_PROMISE, F.END_HEADERS, parent, concat(u32(promised), block(GET)));

/** A stream in the state that the row is about. `head`: what HEADERS carry there, a message head or trailers. */
interface Place {
  readonly t: Endpoint;
  readonly id: number;
  readonly head: Fields;
}

type Places = Readonly<Record<string, () => Place>>;

function started(t: Endpoint): Endpoint {
  t.sent();
  t.heard();
  return t;
}

/** Ends `count` further streams, so that what is known of earlier ones is forgotten (5.1: "closed", a limited memory). */
function forget(t: Endpoint, from: number, count = 300, reset = false): void {
  for (let id = from; id < from + count * 2; id += 2) {
    t.receive(headers(id, GET));
    if (reset) t.connection.reset(t.stream(id), 8);
    else t.connection.respond(t.stream(id), 204, [], true);
    t.sent();
  }
}

const SERVER: Places = {
  idle: () => ({ t: server(), id: 1, head: GET }),
  'idle, of the server': () => ({ t: server(), id: 2, head: GET }),
  'reserved (local)': () => {
    const t = server();
    t.receive(headers(1, GET));
    return { id: t.connection.push(t.stream(1), get('/a')).id, t: started(t), head: TRAILERS };
  },
  open: () => {
    const t = server();
    t.receive(headers(1, POST, OPEN));
    return { t: started(t), id: 1, head: TRAILERS };
  },
  'half-closed (remote)': () => {
    const t = server();
    t.receive(headers(1, GET));
    return { t: started(t), id: 1, head: TRAILERS };
  },
  'half-closed (remote), promised': () => {
    const t = server();
    t.receive(headers(1, GET));
    const promised = t.connection.push(t.stream(1), get('/a'));
    t.connection.respond(promised, 200, [], false);
    return { id: promised.id, t: started(t), head: TRAILERS };
  },
  'half-closed (local)': () => {
    const t = server();
    t.receive(headers(1, POST, OPEN));
    t.connection.respond(t.stream(1), 200, [], true);
    return { t: started(t), id: 1, head: TRAILERS };
  },
  'closed, ended': () => {
    const t = server();
    t.receive(headers(1, GET));
    t.connection.respond(t.stream(1), 200, [], true);
    return { t: started(t), id: 1, head: TRAILERS };
  },
  'closed, reset by us': () => {
    const t = server();
    t.receive(headers(1, POST, OPEN));
    t.connection.reset(t.stream(1), 8);
    return { t: started(t), id: 1, head: TRAILERS };
  },
  'closed, refused': () => {
    const t = server({ maxConcurrentStreams: 0 });
    t.receive(headers(1, POST, OPEN));
    return { t: started(t), id: 1, head: TRAILERS };
  },
  'closed, reset by the peer': () => {
    const t = server();
    t.receive(headers(1, POST, OPEN), rst(1, 8));
    return { t: started(t), id: 1, head: TRAILERS };
  },
  'closed, passed over': () => {
    const t = server();
    t.receive(headers(3, POST, OPEN));
    return { t: started(t), id: 1, head: GET };
  },
  'closed and forgotten': () => {
    const t = server();
    t.receive(headers(1, GET));
    t.connection.respond(t.stream(1), 200, [], true);
    forget(t, 3);
    return { t: started(t), id: 1, head: TRAILERS };
  },
};

/** A client with a request on stream 1. */
function asking(endStream: boolean): Endpoint {
  const t = client({}, true);
  t.connection.request(endStream ? get() : { ...get(), method: 'POST' }, endStream);
  return started(t);
}

function received(t: Endpoint, ...frames: Uint8Array[]): Endpoint {
  t.receive(...frames);
  return started(t);
}

const CLIENT: Places = {
  idle: () => ({ t: asking(false), id: 3, head: OK }),
  'idle, of the server': () => ({ t: asking(false), id: 2, head: OK }),
  'reserved (remote)': () => ({ t: received(asking(true), promise(1, 2)), id: 2, head: OK }),
  'open, no response yet': () => ({ t: asking(false), id: 1, head: OK }),
  open: () => ({ t: received(asking(false), headers(1, OK, OPEN)), id: 1, head: TRAILERS }),
  'half-closed (local), no response yet': () => ({ t: asking(true), id: 1, head: OK }),
  'half-closed (local)': () => ({ t: received(asking(true), headers(1, OK, OPEN)), id: 1, head: TRAILERS }),
  'half-closed (local), promised': () => ({
    t: received(asking(true), promise(1, 2), headers(2, OK, OPEN)),
    id: 2,
    head: TRAILERS,
  }),
  'half-closed (remote)': () => ({ t: received(asking(false), headers(1, OK)), id: 1, head: TRAILERS }),
  'closed, ended': () => ({ t: received(asking(true), headers(1, OK)), id: 1, head: TRAILERS }),
  'closed, reset by us': () => {
    const t = asking(true);
    t.connection.reset(t.connection.stream(1) as Stream, 8);
    return { t: started(t), id: 1, head: OK };
  },
  'closed, reset by the peer': () => ({ t: received(asking(true), rst(1, 8)), id: 1, head: OK }),
  'closed, passed over': () => ({ t: received(asking(true), promise(1, 4)), id: 2, head: OK }),
  'closed and forgotten': () => {
    const t = asking(true);
    t.receive(headers(1, OK));
    for (let id = 3; id < 603; id += 2) {
      t.connection.request(get(), true);
      t.receive(headers(id, OK));
      t.sent();
    }
    return { t: started(t), id: 1, head: OK };
  },
};

const EVENTS: Readonly<Record<string, (place: Place) => Uint8Array>> = {
  HEADERS: ({ id, head }) => headers(id, head, OPEN),
  'HEADERS, END_STREAM': ({ id, head }) => headers(id, head),
  DATA: ({ id }) => data(id, 'octets'),
  'DATA, END_STREAM': ({ id }) => data(id, 'octets', F.END_STREAM),
  PRIORITY: ({ id }) => priority(id, 0),
  RST_STREAM: ({ id }) => rst(id, 8),
  WINDOW_UPDATE: ({ id }) => windowUpdate(id, 10),
  PUSH_PROMISE: ({ id }) => promise(id, 100),
  CONTINUATION: ({ id }) => continuation(id, [], F.END_HEADERS),
  'an unknown frame': ({ id }) => frame(0xbb, 0xff, id, bytes('?')),
};

// HEADERS | +END_STREAM | DATA | +END_STREAM | PRIORITY | RST_STREAM | WINDOW_UPDATE | PUSH_PROMISE | CONTINUATION | unknown
const RECEIVED_BY_SERVER: Readonly<Record<string, string>> = {
  // 5.1 idle: "any frame other than HEADERS or PRIORITY ... PROTOCOL_ERROR"; HEADERS only on streams of the client.
  idle: 'open | hc-remote | C1 | C1 | same | C1 | C1 | C1 | C1 | same',
  'idle, of the server': 'C1 | C1 | C1 | C1 | same | C1 | C1 | C1 | C1 | same',
  // "Receiving any type of frame other than RST_STREAM, PRIORITY, or WINDOW_UPDATE ..."
  'reserved (local)': 'C1 | C1 | C1 | C1 | same | closed | same | C1 | C1 | same',
  // A second HEADERS without END_STREAM is malformed (8.1).
  open: 'S1 | hc-remote | same | hc-remote | same | closed | same | C1 | C1 | same',
  // "other than WINDOW_UPDATE, PRIORITY, or RST_STREAM ... stream error of type STREAM_CLOSED"
  'half-closed (remote)': 'S5 | S5 | S5 | S5 | same | closed | same | C1 | C1 | same',
  'half-closed (remote), promised': 'S5 | S5 | S5 | S5 | same | closed | same | C1 | C1 | same',
  'half-closed (local)': 'S1 | closed | same | closed | same | closed | same | C1 | C1 | same',
  // closed: "MAY treat receipt of any other type ... as a connection error of type STREAM_CLOSED"; 6.1 for DATA.
  'closed, ended': 'C5 | C5 | S5 | S5 | same | same | same | C1 | C1 | same',
  // "MUST minimally process and then discard any frames it receives in this state."
  'closed, reset by us': 'drop | drop | drop | drop | same | same | same | C1 | C1 | same',
  'closed, refused': 'drop | drop | drop | drop | same | same | same | C1 | C1 | same',
  'closed, reset by the peer': 'S5 | S5 | S5 | S5 | same | same | same | C1 | C1 | same',
  // 5.1.1: "An endpoint that receives an unexpected stream identifier MUST respond with ... PROTOCOL_ERROR."
  'closed, passed over': 'C1 | C1 | S5 | S5 | same | same | same | C1 | C1 | same',
  'closed and forgotten': 'S5 | S5 | S5 | S5 | same | same | same | C1 | C1 | same',
};

const RECEIVED_BY_CLIENT: Readonly<Record<string, string>> = {
  idle: 'C1 | C1 | C1 | C1 | same | C1 | C1 | C1 | C1 | same',
  'idle, of the server': 'C1 | C1 | C1 | C1 | same | C1 | C1 | C1 | C1 | same',
  // "Receiving any type of frame other than HEADERS, RST_STREAM, or PRIORITY ..."
  'reserved (remote)': 'hc-local | closed | C1 | C1 | same | closed | C1 | C1 | C1 | same',
  // DATA before the final response is malformed (8.1).
  'open, no response yet': 'same | hc-remote | S1 | S1 | same | closed | same | same | C1 | same',
  open: 'S1 | hc-remote | same | hc-remote | same | closed | same | same | C1 | same',
  'half-closed (local), no response yet': 'same | closed | S1 | S1 | same | closed | same | same | C1 | same',
  'half-closed (local)': 'S1 | closed | same | closed | same | closed | same | same | C1 | same',
  // 6.6: promises come on streams of the client only.
  'half-closed (local), promised': 'S1 | closed | same | closed | same | closed | same | C1 | C1 | same',
  'half-closed (remote)': 'S5 | S5 | S5 | S5 | same | closed | same | C1 | C1 | same',
  'closed, ended': 'C5 | C5 | S5 | S5 | same | same | same | C1 | C1 | same',
  // 6.6: "an endpoint that has sent RST_STREAM on the associated stream MUST handle PUSH_PROMISE frames": refused.
  'closed, reset by us': 'drop | drop | drop | drop | same | same | same | refuse | C1 | same',
  'closed, reset by the peer': 'S5 | S5 | S5 | S5 | same | same | same | C1 | C1 | same',
  'closed, passed over': 'C1 | C1 | S5 | S5 | same | same | same | C1 | C1 | same',
  'closed and forgotten': 'S5 | S5 | S5 | S5 | same | same | same | C1 | C1 | same',
};

const NAMES: Readonly<Record<number, string>> = {
  [StreamState.IDLE]: 'idle',
  [StreamState.RESERVED_LOCAL]: 'reserved-local',
  [StreamState.RESERVED_REMOTE]: 'reserved-remote',
  [StreamState.OPEN]: 'open',
  [StreamState.HALF_CLOSED_LOCAL]: 'hc-local',
  [StreamState.HALF_CLOSED_REMOTE]: 'hc-remote',
};

function stateOf({ t, id }: Place): string {
  const stream = t.connection.stream(id);
  return stream === undefined ? 'none' : (NAMES[stream.state] ?? String(stream.state));
}

function cells(places: Places, table: Readonly<Record<string, string>>): [string, string, string][] {
  expect(Object.keys(table)).toEqual(Object.keys(places));
  return Object.entries(table).flatMap(([state, row]) => {
    const outcomes = row.split('|').map(cell => cell.trim());
    expect(outcomes).toHaveLength(Object.keys(EVENTS).length);
    return Object.keys(EVENTS).map((event, i): [string, string, string] => [event, state, outcomes[i] ?? '']);
  });
}

function check(places: Places, event: string, state: string, outcome: string): void {
  const place = (places[state] as () => Place)();
  const { t, id } = place;
  const before = stateOf(place);
  const window = t.connection.receiveWindow;
  t.receive((EVENTS[event] as (place: Place) => Uint8Array)(place));
  const sent = t.sent();
  const heard = t.heard().filter(line => !line.startsWith('closed'));
  if (outcome.startsWith('C')) {
    expect(sent).toHaveLength(1);
    expect(sent[0]?.split(' ').slice(0, 3)).toEqual(['GOAWAY', expect.any(String), outcome.slice(1)]);
    expect([t.connection.isClosed, t.connection.openStreams]).toEqual([true, 0]);
  } else {
    expect(t.connection.error).toBe(null);
    if (outcome.startsWith('S')) {
      expect(sent).toEqual([`RST_STREAM ${id} ${outcome.slice(1)}`]);
      expect(stateOf(place)).toBe('none');
    } else if (outcome === 'refuse') {
      expect(sent).toEqual(['RST_STREAM 100 8']);
      expect(heard).toEqual([]);
    } else {
      expect(sent).toEqual([]);
      if (outcome === 'drop') expect(heard).toEqual([]);
      const after = outcome === 'same' || outcome === 'drop' ? before : outcome === 'closed' ? 'none' : outcome;
      expect(stateOf(place)).toBe(after);
    }
    // 6.9: every DATA frame counts towards the connection's window, and what nobody holds goes back to it.
    if (event.startsWith('DATA')) expect(t.connection.receiveWindow).toBe(window - 6);
    // Nothing else suffers: a new stream, or one that is open already, works.
    t.receive(frame(T.PING, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]));
    expect(t.sent()).toEqual(['PING ACK']);
  }
  auditConnection(t.connection);
}

describe('5.1 what a server makes of each frame in each state', () => {
  // STA-01, STA-03, STA-04, STA-05, STA-06, STA-09, STA-11
  test.each(cells(SERVER, RECEIVED_BY_SERVER))('%s, %s: %s', (event, state, outcome) => {
    check(SERVER, event, state, outcome);
  });
});

describe('5.1 what a client makes of each frame in each state', () => {
  // STA-01, STA-03, STA-17, PSH-06, PSH-16
  test.each(cells(CLIENT, RECEIVED_BY_CLIENT))('%s, %s: %s', (event, state, outcome) => {
    check(CLIENT, event, state, outcome);
  });
});

describe('5.1 what a program may send in each state', () => {
  // Each cell: the frames that leave and the state after, `usage`: a UsageError and no change, `-`: nothing happens.
  const COMMANDS: readonly ((t: Endpoint, stream: Stream) => void)[] = [
    (t, s) => t.connection.inform(s, 103, []),
    (t, s) => t.connection.respond(s, 200, [], false),
    (t, s) => t.connection.respond(s, 200, [], true),
    (t, s) => t.connection.write(s, bytes('abc'), false),
    (t, s) => t.connection.write(s, bytes('abc'), true),
    (t, s) => t.connection.trailers(s, ['x', 'y']),
    (t, s) => t.connection.reset(s, 8),
    (t, s) => t.connection.push(s, get('/b')),
  ];
  const COMMAND_NAMES = ['inform', 'respond', 'respond, end', 'write', 'write, end', 'trailers', 'reset', 'push'];

  function streamOf(state: string): { t: Endpoint; stream: Stream } {
    const t = server();
    const hasBody = state.startsWith('open') || state === 'half-closed (local)';
    t.receive(hasBody ? headers(1, POST, OPEN) : headers(1, GET));
    let stream = t.stream(1);
    if (state.startsWith('reserved')) stream = t.connection.push(stream, get('/a'));
    if (state.endsWith('answered')) t.connection.respond(stream, 200, [], false);
    if (state === 'half-closed (local)' || state === 'closed, ended') t.connection.respond(stream, 200, [], true);
    if (state === 'closed, reset by us') t.connection.reset(stream, 8);
    if (state === 'closed, reset by the peer') t.receive(rst(1, 8));
    return { t: started(t), stream };
  }

  // inform | respond | respond, end | write | write, end | trailers | reset | push
  const SENT: Readonly<Record<string, string>> = {
    // "An endpoint MUST NOT send any type of frame other than HEADERS, RST_STREAM, or PRIORITY in this state."
    'reserved, not begun': 'H hc-remote | H hc-remote | HE none | usage | usage | usage | R none | usage',
    open: 'H open | H open | HE hc-local | usage | usage | usage | R none | P open',
    'open, answered': 'usage | usage | usage | D open | DE hc-local | HE hc-local | R none | P open',
    'half-closed (remote)': 'H hc-remote | H hc-remote | HE none | usage | usage | usage | R none | P hc-remote',
    'half-closed (remote), answered': 'usage | usage | usage | D hc-remote | DE none | HE none | R none | P hc-remote',
    // Not to be used for sending but for WINDOW_UPDATE, PRIORITY and RST_STREAM.
    'half-closed (local)': 'usage | usage | usage | usage | usage | usage | R none | usage',
    // The end may have crossed the command: nothing happens, but a second head is a mistake whenever it comes.
    'closed, ended': 'usage | usage | usage | - none | - none | - none | - none | usage',
    'closed, reset by us': '- none | - none | - none | - none | - none | - none | - none | usage',
    'closed, reset by the peer': '- none | - none | - none | - none | - none | - none | - none | usage',
  };
  const rows = Object.entries(SENT).flatMap(([state, row]) =>
    row.split('|').map((cell, i): [string, string, string] => [COMMAND_NAMES[i] ?? '', state, cell.trim()]),
  );

  test.each(rows)('%s, %s: %s', (name, state, outcome) => {
    // STA-01, API-01, API-02
    const { t, stream } = streamOf(state);
    const command = COMMANDS[COMMAND_NAMES.indexOf(name)] as (t: Endpoint, stream: Stream) => void;
    const before = stateOf({ t, id: stream.id, head: [] });
    if (outcome === 'usage') {
      expect(() => command(t, stream)).toThrow(UsageError);
      expect(t.sent()).toEqual([]);
      expect(stateOf({ t, id: stream.id, head: [] })).toBe(before);
    } else {
      command(t, stream);
      const [frames = '', after] = outcome.split(' ');
      const kinds = ['DATA', 'HEADERS', '', 'RST_STREAM', '', 'PUSH_PROMISE'];
      const letters: Readonly<Record<string, number>> = { D: T.DATA, H: T.HEADERS, R: T.RST_STREAM, P: T.PUSH_PROMISE };
      const sent = t
        .frames()
        .map(f => `${kinds[f.type]} ${(f.type === T.DATA || f.type === T.HEADERS) && (f.flags & F.END_STREAM) !== 0}`);
      expect(sent).toEqual(frames === '-' ? [] : [`${kinds[letters[frames[0] ?? ''] ?? 0]} ${frames.endsWith('E')}`]);
      expect(stateOf({ t, id: stream.id, head: [] })).toBe(after);
    }
    auditConnection(t.connection);
  });
});

test('5.1 closed: what is known of a closed stream is forgotten by count, never by time ("SHOULD NOT use timers")', () => {
  // STA-12, LIM-33
  const late = (others: number): string[] => {
    const t = server();
    t.receive(headers(1, POST, OPEN));
    t.connection.reset(t.stream(1), 8);
    forget(t, 3, others, true);
    // Those that end without a reset are remembered elsewhere.
    forget(t, 1001);
    t.now = 3_600_000;
    started(t);
    t.receive(data(1, 'late'));
    return t.sent();
  };
  expect(late(0)).toEqual([]);
  expect(late(255)).toEqual([]);
  expect(late(256)).toEqual(['RST_STREAM 1 5']);
});
