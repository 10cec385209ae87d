/** The tables of a moment of the past, against what they truly were when that moment was now. */
import type { Changes, ConnectionState, LogEvent, StreamState } from '@glassway/inspector-protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Look, NOTHING, type Snapshot } from '../src/feed/model.ts';
import { Feed } from '../src/worker/feed.ts';
import { type FakeConnection, World } from './fake/world.ts';
import { hello, snapshot } from './kit.ts';
import { recordsOf } from './records.ts';

const MS = 1000;

/** A world with its clock, and a feed that learns of it when it is over. */
function rig() {
  let ms = 0;
  const world = new World(() => ms);
  return {
    world,
    pass: (more: number) => {
      ms += more;
    },
    /** The feed that has heard all; `capacity` frames are kept, and `lose` of them never came. */
    told: ({ capacity = 1 << 12, lose = [] as readonly number[], events = [] as readonly LogEvent[] } = {}) => {
      const feed = new Feed(() => 0, capacity);
      feed.greet(hello());
      feed.take(snapshot(0, world.head, world, world.now));
      for (const message of recordsOf(world, lose)) feed.frames(message);
      feed.take({ type: 'fields', from: 0, to: world.sections.length, sections: world.sections });
      const all = [...world.events, ...events].sort((a, b) => a.t - b.t);
      feed.take({ type: 'events', from: 0, to: all.length, events: all });
      const at = (t: number | null, look: Partial<Look> = {}): ReturnType<Feed['state']> => {
        feed.look({ ...NOTHING, connection: 1, at: t, streams: TABLE, ...look });
        return feed.state();
      };
      return { feed, at };
    },
  };
}

const TABLE = { scope: 'all', sort: 'oldest', search: '', first: 0, length: 1000 } as const;

/** Copies of all rows as they are. */
function rowsOf(world: World): Pick<Changes, 'streamStates' | 'streams' | 'connectionStates'> {
  const { streamStates, streams, connectionStates } = world.changes(true);
  return structuredClone({ streamStates, streams, connectionStates });
}

/** A connection whose peer lets 1000 octets pass on each stream, and a step of a conversation on it. */
function conversation(world: World): { client: FakeConnection; step: (what: number, stream: number) => void } {
  const client = world.open({ leg: 0, negotiation: 'alpn', peer: 'client' });
  // RFC 9113 6.9.2.
  client.state.receiveWindow = 65_535;
  client.settings([[4, 262_144]], [[4, 1000]]);
  const step = (what: number, number: number): void => {
    const stream = 2 * number + 1;
    const held = client.streams.get(stream);
    if (held === undefined) {
      // RFC 9113 5.1.1: identifiers only rise.
      const next = Math.max(-1, ...client.streams.keys()) + 2;
      client.request(
        next,
        [
          [':method', 'POST'],
          [':path', `/${next}`],
        ],
        what % 2 === 0,
      );
      return;
    }
    const { state, facts } = held;
    if (state.closedAt >= 0) return;
    const mayReceive = state.endReceivedAt < 0;
    const answered = facts.status !== 0;
    const room = Math.min(state.sendWindow, client.state.sendWindow);
    switch (what) {
      case 0:
        if (mayReceive) client.data(0, stream, 300);
        break;
      case 1:
        if (mayReceive) client.data(0, stream, 10, true);
        break;
      case 2:
        if (!answered) client.respond(stream, [[':status', '200']]);
        break;
      case 3:
        if (answered && state.endSentAt < 0 && state.blocked === 0 && room > 0) {
          client.data(1, stream, Math.min(400, room));
          if (state.sendWindow <= 0) client.block(stream, 2, 5000);
        }
        break;
      case 4:
        if (answered && state.endSentAt < 0 && state.blocked === 0) client.data(1, stream, 0, true);
        break;
      case 5:
        client.grant(0, stream, 500);
        if (state.blocked === 2) client.block(stream, 0, 0);
        break;
      case 6:
        client.grant(1, stream, 300);
        break;
      case 7:
        client.reset(0, stream, 8);
        break;
      case 8:
        client.grant(0, 0, 700);
        break;
      default:
        client.ping(500);
    }
  };
  return { client, step };
}

const STREAM_FIELDS = [
  'state',
  'sendWindow',
  'receiveWindow',
  'bytesReceived',
  'bytesSent',
  'framesReceived',
  'framesSent',
  'openedAt',
  'headReceivedAt',
  'headSentAt',
  'endReceivedAt',
  'endSentAt',
  'closedAt',
  'lastProgressAt',
] as const satisfies readonly (keyof StreamState)[];
const CONNECTION_FIELDS = [
  'openStreams',
  'totalStreams',
  'bytesReceived',
  'bytesSent',
  'frames',
  'sendWindow',
  'receiveWindow',
  'resetsReceived',
  'sectionBytesReceived',
  'fieldBytesSent',
] as const satisfies readonly (keyof ConnectionState)[];

function picked<T, K extends keyof T>(row: T, keys: readonly K[]): Partial<Pick<T, K>> {
  return Object.fromEntries(keys.map(key => [key, row[key]])) as Partial<Pick<T, K>>;
}

const steps = fc.array(
  fc.record({ what: fc.nat({ max: 9 }), stream: fc.nat({ max: 5 }), ms: fc.integer({ min: 1, max: 400 }) }),
  { minLength: 1, maxLength: 80 },
);

describe('rows at a moment', () => {
  // What frames are kept of from the beginning is known exactly; of what began before, the totals of now help.
  for (const [name, capacity] of [
    ['when all frames are kept', 1 << 12],
    ['when most have been overwritten', 16],
  ] as const) {
    test(`are what they were when it was now, ${name}`, () => {
      fc.assert(
        fc.property(steps, fc.nat(), (script, pick) => {
          const { world, pass, told } = rig();
          const { step } = conversation(world);
          const moments: { t: number; rows: ReturnType<typeof rowsOf>; head: number }[] = [];
          for (const { what, stream, ms } of script) {
            pass(ms);
            step(what, stream);
            moments.push({ t: world.now, rows: rowsOf(world), head: world.head });
          }
          pass(50);
          const { feed, at } = told({ capacity });
          const kept = moments.filter(moment => moment.head > feed.log.first);
          const { t, rows } = kept[pick % kept.length]!;
          const shown = at(t).streams!.rows.map(row => row.stream);
          expect(shown).toEqual(rows.streams.map(row => row.stream));
          for (const truth of rows.streamStates) {
            const { stream } = truth;
            const detail = at(t, { stream: { connection: 1, stream } }).stream!;
            const fields = STREAM_FIELDS.filter(key => !Number.isNaN(detail.stateRow[key]));
            // Only what no frame tells of any more may be unknown.
            if (detail.row.doubt === null) expect(fields).toEqual(STREAM_FIELDS);
            expect(picked(detail.stateRow, fields)).toEqual(picked(truth, fields));
            expect(detail.stateRow.blocked).toBe(truth.blocked);
            expect(detail.stateRow.stalledSince).toBe(truth.stalledSince);
            expect(detail.facts.status).toBe(rows.streams.find(row => row.stream === stream)!.status);
          }
          const connection = at(t).connection!.state;
          const known = CONNECTION_FIELDS.filter(key => !Number.isNaN(connection[key]));
          expect(picked(connection, known)).toEqual(picked(rows.connectionStates[0]!, known));
        }),
        { numRuns: 60 },
      );
    });
  }
});

describe('a moment', () => {
  test('has the streams that were open then, each with what it had carried, and is left again', () => {
    const { world, pass, told } = rig();
    const { client } = conversation(world);
    client.request(1, [
      [':method', 'GET'],
      [':path', '/first'],
    ]);
    client.respond(1, [[':status', '200']]);
    pass(100);
    client.data(1, 1, 400);
    pass(100);
    client.request(3, [
      [':method', 'GET'],
      [':path', '/second'],
    ]);
    client.data(1, 1, 100, true);
    pass(100);
    const { at } = told();
    const table = (t: number | null) =>
      at(t).streams!.rows.map(({ stream, stateText, sent, status }) => [stream, stateText, sent, status]);
    expect(table(150 * MS)).toEqual([[1, 'half-closed (remote)', 400, 200]]);
    expect(table(null)).toEqual([
      [1, 'closed', 500, 200],
      [3, 'half-closed (remote)', 0, 0],
    ]);
    expect(table(0)).toEqual([[1, 'half-closed (remote)', 0, 200]]);
    expect(at(150 * MS)).toMatchObject({ now: 150 * MS, reach: { beyond: false, missing: 0, doubtful: 0 } });
    expect(at(null).reach).toBe(null);
  });

  test('before a connection was opened it is not there; one that was closed is open again', () => {
    const { world, pass, told } = rig();
    conversation(world);
    pass(1000);
    world.open({ leg: 1, negotiation: 'prior-knowledge', peer: 'backend' });
    pass(1000);
    world.connections[0]!.close({ code: 'idle', text: 'Idle for too long.', rule: '', rfc: '' });
    pass(1000);
    const { at } = told();
    const list = (t: number | null) => at(t).connections.map(row => [row.id, row.closedAt >= 0, row.health]);
    expect(list(500 * MS)).toEqual([[1, false, 'healthy']]);
    expect(list(1500 * MS).map(([id, closed]) => [id, closed])).toEqual([
      [1, false],
      [2, false],
    ]);
    expect(list(null).map(([id, closed]) => [id, closed])).toEqual([
      [2, false],
      [1, true],
    ]);
  });

  test('what frames that are missing carried is said to be in doubt', () => {
    const { world, pass, told } = rig();
    const { client } = conversation(world);
    client.request(
      1,
      [
        [':method', 'POST'],
        [':path', '/'],
      ],
      false,
    );
    for (let i = 0; i < 10; i++) {
      pass(100);
      client.data(0, 1, 100);
    }
    pass(100);
    const [early, late] = [world.head - 8, world.head - 2];
    const doubt = (t: number, options = {}) => {
      const { rows } = told(options).at(t).streams!;
      return rows.map(row => [row.received, row.doubt]);
    };
    expect(doubt(550 * MS)).toEqual([[500, null]]);
    // What is missing before the moment is made good by the total of now and the frames since, and the other way round.
    expect(doubt(550 * MS, { lose: [early] })).toEqual([[500, 'counted-back']]);
    expect(doubt(550 * MS, { lose: [late] })).toEqual([[500, null]]);
    expect(doubt(550 * MS, { lose: [early, late] })[0]![1]).toBe('frames-missing');
    expect(doubt(550 * MS, { capacity: 8 })).toEqual([[500, 'counted-back']]);
    const { reach } = told({ capacity: 8, lose: [late] }).at(550 * MS);
    expect(reach).toMatchObject({ beyond: false, missing: 1, doubtful: 1 });
    expect(told({ capacity: 8 }).at(50 * MS).reach).toMatchObject({ beyond: true });
  });

  test('a stream that the page has forgotten is told of by its frames and fields, while it was open', () => {
    const { world, pass, told } = rig();
    const { client } = conversation(world);
    client.request(1, [
      [':method', 'GET'],
      [':path', '/forgotten'],
    ]);
    pass(100);
    client.respond(1, [[':status', '204']], true);
    pass(100);
    client.streams.delete(1);
    const { at } = told();
    expect(at(50 * MS).streams!.rows).toMatchObject([{ stream: 1, path: '/forgotten', status: 0, state: 5 }]);
    expect(at(150 * MS).streams!.rows).toEqual([]);
  });

  test('settings, GOAWAY, violations and limits that came later are not there yet', () => {
    const { world, pass, told } = rig();
    const { client } = conversation(world);
    pass(100);
    client.violation('frame.size', '9113 4.2', 0, 'too large');
    client.limitNear('flood.oddities', 'oddities', 80, 100);
    client.goAway(1, 6, 'bye');
    pass(100);
    const { at } = told();
    expect(at(50 * MS).findings).toEqual([]);
    expect(at(50 * MS).connection!.facts.goAwaySent).toBe(null);
    expect(at(50 * MS).connection!.violations).toEqual([]);
    expect(at(150 * MS).connection!.facts.goAwaySent).toMatchObject({ code: 6 });
    expect(at(150 * MS).findings.map(finding => finding.kind)).toEqual(['violation', 'limit']);
  });
});

describe('verdicts at a moment', () => {
  const verdict = (t: number, code: string, more: object = {}): LogEvent =>
    ({
      kind: 'verdict',
      t,
      seq: 0,
      connection: 1,
      stream: 1,
      code,
      upstream: false,
      text: `said at ${t / MS} ms`,
      since: 100 * MS,
      lostUs: 0,
      bytes: 7,
      ...more,
    }) as LogEvent;

  /** Stream 1 has used up its window at 100 ms and gets more at 2100 ms. */
  function stalled() {
    const made = rig();
    const { client } = conversation(made.world);
    client.request(1, [[':method', 'GET']]);
    client.respond(1, [[':status', '200']]);
    made.pass(100);
    client.data(1, 1, 1000);
    client.block(1, 2, 48_000);
    made.pass(2000);
    client.grant(0, 1, 5000);
    client.block(1, 0, 0);
    client.data(1, 1, 10, true);
    made.pass(1000);
    return made;
  }

  test('are those of then, with their links, and the connection is stalled as it was', () => {
    const { at } = stalled().told({ events: [verdict(400 * MS, 'STREAM_SEND_WINDOW'), verdict(2150 * MS, '')] });
    const shown = (t: number | null): Snapshot['streams'] => at(t).streams;
    expect(shown(null)!.counts.stuck).toBe(0);
    expect(shown(50 * MS)!.rows[0]!.verdict).toBe(null);
    const row = shown(1100 * MS)!.rows[0]!;
    expect(row.verdict).toMatchObject({ code: 'STREAM_SEND_WINDOW', short: 'stream window 0', bytes: 48_000 });
    expect(row.verdict!.sentence[0]).toMatchObject({ connection: 1, stream: 1 });
    expect(row.verdict!.sentence.map(part => part.text).join('')).toContain('since 1.0 s');
    expect(at(1100 * MS).connections[0]).toMatchObject({ health: 'stalled', verdict: 'stalled 1.0 s' });
    expect(at(1100 * MS).findings).toMatchObject([{ kind: 'stall', stream: 1 }]);
    expect(at(2500 * MS).connections[0]!.health).toBe('healthy');
  });

  test('what the gateway said counts, also where the rows of then say something else', () => {
    const { at } = stalled().told({ events: [verdict(400 * MS, 'BACKEND_IDLE'), verdict(2150 * MS, '')] });
    expect(at(1100 * MS).streams!.rows[0]!.verdict).toMatchObject({
      code: 'BACKEND_IDLE',
      tone: 'warn',
      sentence: [{ text: 'said at 400 ms' }],
    });
  });

  test('where the gateway, which looks ten times a second, said nothing, nothing is said', () => {
    const { at } = stalled().told();
    // It may just not have looked yet.
    expect(at(500 * MS).streams!.rows[0]!.verdict).toMatchObject({ code: 'STREAM_SEND_WINDOW' });
    expect(at(1500 * MS).streams!.rows[0]!.verdict).toBe(null);
  });
});
