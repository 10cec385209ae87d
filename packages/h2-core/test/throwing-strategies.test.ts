/** A padding strategy or an indexing policy that throws inside a command: what is on the wire can be read to its end. */
import { describe, expect, test } from 'vitest';
import { type CoreOptions, ErrorCode, type Stream } from '../src/index.ts';
import { auditConnection } from '../src/testing/index.ts';
import { client, type Endpoint, get, server } from './support/endpoint.ts';
import { GET, headers, S, T } from './support/frames.ts';

interface Rig {
  readonly t: Endpoint;
  /** From now on the strategy throws. */
  arm(on?: boolean): void;
  readonly woken: () => number;
}

const WHAT = ['padding', 'indexing'] as const;

/** An endpoint whose strategy throws while armed; the policy only at x-bad, when the table has changed already. */
function rig(role: 'server' | 'client', what: (typeof WHAT)[number], ...peerSettings: number[]): Rig {
  let armed = false;
  const perhaps = (now: boolean): void => {
    if (armed && now) throw new Error('strategy threw');
  };
  const options: CoreOptions =
    what === 'padding'
      ? {
          padding: length => {
            perhaps(true);
            return length;
          },
        }
      : {
          indexing: name => {
            perhaps(name === 'x-bad');
            return 1;
          },
        };
  const t = role === 'server' ? server(options, ...peerSettings) : client(options, false, ...peerSettings);
  let wakes = 0;
  t.connection.wake = () => {
    wakes++;
  };
  return {
    t,
    arm: (on = true) => {
      armed = on;
    },
    woken: () => wakes,
  };
}

const FIELDS = ['x-new', 'one', 'x-bad', 'two'];
const head = (path = '/') => ({ ...get(path), fields: FIELDS });

/** The connection has ended by the program's own failure, and GOAWAY comes right after what was whole. */
function expectEnd({ t, woken }: Rig, last: number, command: () => unknown): void {
  t.sent();
  const { framesSent } = t.connection.counters;
  const wakes = woken();
  expect(command).toThrow('strategy threw');
  expect(t.connection.isClosed).toBe(true);
  expect(t.connection.error).toMatchObject({ code: ErrorCode.INTERNAL_ERROR, initiator: 'user' });
  expect(woken()).toBeGreaterThan(wakes);
  expect(t.sent()).toEqual([`GOAWAY ${last} 2 a function of the program failed`]);
  expect(t.connection.counters.framesSent).toBe(framesSent + 1);
  expect(t.heard().filter(said => said.startsWith('end'))).toEqual(['end INTERNAL_ERROR connection.destroyed']);
  auditConnection(t.connection);
}

describe.each(WHAT)('%s that throws in a field section takes the section back and ends the connection', what => {
  // ROB-02
  const commands: Record<string, (t: Endpoint) => unknown> = {
    respond: t => t.connection.respond(t.stream(3), 200, FIELDS, false),
    inform: t => t.connection.inform(t.stream(3), 103, FIELDS),
    push: t => t.connection.push(t.stream(3), head('/pushed')),
    trailers: t => t.connection.trailers(t.stream(1), FIELDS),
  };
  test.each(Object.keys(commands))('%s', name => {
    const r = rig('server', what);
    r.t.receive(headers(1, GET), headers(3, GET));
    r.t.connection.respond(r.t.stream(1), 200, [], false);
    r.arm();
    expectEnd(r, 3, () => commands[name]?.(r.t));
  });

  test('request', () => {
    const r = rig('client', what);
    r.t.connection.request(get(), true);
    r.arm();
    expectEnd(r, 0, () => r.t.connection.request(head(), true));
  });

  test('a request that waited hears its end, as one that was not sent', () => {
    const r = rig('client', what, S.MAX_CONCURRENT_STREAMS, 1);
    const first = r.t.connection.request(get(), false);
    for (let i = 0; i < 2; i++) r.t.connection.request(head(), true);
    r.t.sent();
    r.t.receive(headers(first.id, [[':status', '200']]));
    r.t.heard();
    r.arm();
    // The place becomes free by a command: nothing but the queue catches what its head throws.
    expect(() => r.t.connection.reset(first, 8)).toThrow('strategy threw');
    expect(r.t.sent()).toEqual(['RST_STREAM 1 8', 'GOAWAY 0 2 a function of the program failed']);
    const heard = r.t.heard();
    expect(heard.filter(said => said.startsWith('reset'))).toEqual([
      'reset 3 INTERNAL_ERROR user request.unsent',
      'reset 0 INTERNAL_ERROR user request.unsent',
    ]);
    expect(heard.filter(said => said.startsWith('closed')).sort()).toEqual(['closed 0', 'closed 1', 'closed 3']);
    auditConnection(r.t.connection);
  });
});

test('padding that throws at DATA inside write leaves everything as it was', () => {
  const r = rig('server', 'padding');
  r.t.receive(headers(1, GET), headers(3, GET));
  for (const id of [1, 3]) r.t.connection.respond(r.t.stream(id), 200, ['content-length', '4'], false);
  const write = (stream: Stream, octets: number, end: boolean): boolean =>
    r.t.connection.write(stream, new Uint8Array(octets), end);
  r.t.sent();
  r.arm();
  expect(() => write(r.t.stream(1), 4, true)).toThrow('strategy threw');
  r.arm(false);
  expect(write(r.t.stream(1), 4, false)).toBe(true);
  r.arm();
  expect(() => write(r.t.stream(1), 0, true)).toThrow('strategy threw');
  r.arm(false);
  write(r.t.stream(1), 0, true);
  write(r.t.stream(3), 4, true);
  expect(r.t.sent().map(said => said.split(' ').slice(0, 2).join(' '))).toEqual(['DATA 1', 'DATA 1', 'DATA 3']);
  expect([r.t.connection.openStreams, r.t.connection.isClosed]).toEqual([0, false]);
});

test('padding that throws at the END_STREAM of a request that waited ends the connection', () => {
  const padding = (length: number, _limit: number, type: number): number => {
    if (type === T.DATA) throw new Error('strategy threw');
    return length;
  };
  const t = client({ padding, holdCancelledSlots: false }, false, S.MAX_CONCURRENT_STREAMS, 1);
  const first = t.connection.request(get(), true);
  const waiting = t.connection.request({ ...get(), method: 'POST' }, false);
  t.connection.write(waiting, new Uint8Array(0), true);
  expect(() => t.connection.reset(first, 8)).toThrow('strategy threw');
  expect([t.connection.isClosed, t.connection.openStreams]).toEqual([true, 0]);
  expect(t.heard()).toContain('reset 3 INTERNAL_ERROR user connection.destroyed');
  auditConnection(t.connection);
});

test('a body short of its content-length is reset at once: the transport is woken', () => {
  const r = rig('server', 'padding');
  r.t.receive(headers(1, GET));
  r.t.connection.respond(r.t.stream(1), 200, ['content-length', '4'], false);
  r.t.sent();
  const wakes = r.woken();
  expect(() => r.t.connection.write(r.t.stream(1), new Uint8Array(1), true)).toThrow(/content-length is 4/);
  expect(r.woken()).toBe(wakes + 1);
  expect(r.t.sent()).toEqual(['RST_STREAM 1 2']);
});
