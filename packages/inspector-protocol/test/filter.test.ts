/** The filter language, as page, command line and recordings understand it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compileFilter,
  connectionWord,
  emptyStreamFacts,
  emptyStreamState,
  explainFilter,
  FILTER_FIELDS,
  type Field,
  type FilterSubject,
  FrameMatcher,
  isVolatile,
  parseFilter,
  type StreamFacts,
  type StreamState,
  selectionOf,
} from '../src/index.ts';

type Spec = Partial<Omit<FilterSubject, 'facts' | 'state' | 'fields'>> & {
  readonly facts?: Partial<StreamFacts>;
  readonly state?: Partial<StreamState>;
  readonly headers?: readonly (readonly [name: string, value: string, redacted?: string])[];
};

function subject(spec: Spec): FilterSubject {
  const { facts, state, headers = [], ...rest } = spec;
  const fields = headers.map(
    ([name, value, redacted]): Field => ({
      name,
      value,
      representation: 0,
      index: 0,
      wireBytes: 0,
      valueBytes: value.length,
      redacted: redacted ?? null,
    }),
  );
  return {
    type: 0,
    direction: 1,
    leg: 0,
    worker: 0,
    connection: 1,
    stream: 1,
    flags: 0,
    length: 100,
    errorCode: 0,
    connectionWindow: 65_535,
    streamWindow: 65_535,
    t: 0,
    now: 0,
    ...rest,
    facts: facts === undefined ? undefined : { ...emptyStreamFacts(1, 1), ...facts },
    state: state === undefined ? undefined : { ...emptyStreamState(1, 1, 0), ...state },
    fields,
  };
}

function matching(filter: string, specs: readonly Spec[]): number[] {
  const parsed = parseFilter(filter);
  expect(parsed.problems).toEqual([]);
  const test = compileFilter(parsed);
  return specs.flatMap((spec, at) => (test(subject(spec)) ? [at] : []));
}

describe('tokens', () => {
  it('all of them must hold, a comma is an or, != is none of', () => {
    const frames: Spec[] = [
      { type: 0, stream: 1, direction: 1 },
      { type: 0, stream: 5, direction: 0 },
      { type: 8, stream: 5, direction: 0 },
      { type: 1, stream: 7, direction: 1, connection: 2, leg: 1 },
    ];
    expect(matching('', frames)).toEqual([0, 1, 2, 3]);
    expect(matching('type=data', frames)).toEqual([0, 1]);
    expect(matching('type=DATA,WINDOW_UPDATE stream=5', frames)).toEqual([1, 2]);
    expect(matching('type!=DATA', frames)).toEqual([2, 3]);
    expect(matching('dir=out leg=backend', frames)).toEqual([3]);
    expect(matching('conn!=1', frames)).toEqual([3]);
    expect(matching('stream>1 stream<=5', frames)).toEqual([1, 2]);
  });

  it('a flag is a bit on the frames where it means that: ACK is not END_STREAM', () => {
    const frames: Spec[] = [{ flags: 1 }, { type: 4, flags: 1 }, { type: 6, flags: 1 }, { type: 1, flags: 4 }];
    expect(matching('flag=END_STREAM', frames)).toEqual([0]);
    expect(matching('flag=ACK', frames)).toEqual([1, 2]);
    expect(matching('flag=END_HEADERS', frames)).toEqual([3]);
  });

  it('an error code is one only on RST_STREAM and GOAWAY', () => {
    const frames: Spec[] = [
      { type: 3, errorCode: 8 },
      { type: 7, errorCode: 8 },
      { type: 8, errorCode: 8 },
    ];
    expect(matching('err=CANCEL', frames)).toEqual([0, 1]);
    expect(matching('err=0x08', frames)).toEqual([0, 1]);
  });

  it('numbers compare, windows below zero too, and the window on stream 0 is the connection’s', () => {
    expect(matching('len>16383', [{ length: 16_384 }, { length: 9 }])).toEqual([0]);
    const frames: Spec[] = [
      { streamWindow: -5 },
      { streamWindow: 0 },
      { stream: 0, connectionWindow: 0, streamWindow: 7 },
    ];
    expect(matching('win<=0', frames)).toEqual([0, 1, 2]);
    expect(matching('win=-5', frames)).toEqual([0]);
  });

  it('workers of the connection, 0 for the only process', () => {
    const frames: Spec[] = [{}, { worker: 1 }, { worker: 2 }];
    expect(matching('worker=2', frames)).toEqual([2]);
    expect(matching('worker=1,2', frames)).toEqual([1, 2]);
    expect(matching('worker!=1', frames)).toEqual([0, 2]);
    expect(matching('worker=0', frames)).toEqual([0]);
    expect(explainFilter(parseFilter('worker=2'))).toBe('of worker 2');
    // A gateway cannot be asked for the frames of one worker: the selection leaves nothing out.
    expect(selectionOf(parseFilter('worker=2'))).toEqual({});
  });

  it('ages have units', () => {
    const frames: Spec[] = [
      { now: 10_000_000, t: 1_000_000 },
      { now: 10_000_000, t: 9_900_000 },
    ];
    expect(matching('age>5s', frames)).toEqual([0]);
    expect(matching('age<=100ms', frames)).toEqual([1]);
    expect(parseFilter('age>5').problems).toHaveLength(1);
  });

  it('what streams wait for', () => {
    const frames: Spec[] = [{}, { state: { blocked: 0 } }, { state: { blocked: 1 } }, { state: { blocked: 3 } }];
    expect(matching('stalled:conn', frames)).toEqual([2]);
    expect(matching('stalled=any', frames)).toEqual([2, 3]);
    expect(matching('stalled!=any', frames)).toEqual([0, 1]);
  });

  it('what is asked for and what came of it; the unknown is in no range, and only ruled out of what it is not', () => {
    const frames: Spec[] = [
      {},
      { facts: { method: 'POST', path: '/api/v1', status: 503, grpcStatus: 14 } },
      { facts: { method: 'GET', path: '/', status: 200, grpcStatus: 0 } },
    ];
    expect(matching('status>=400', frames)).toEqual([1]);
    expect(matching('status<600', frames)).toEqual([1, 2]);
    expect(matching('status!=503', frames)).toEqual([0, 2]);
    expect(matching('grpc.status!=0 status>0', frames)).toEqual([1]);
    expect(matching('method=post,put', frames)).toEqual([1]);
    expect(matching('path^=/API', frames)).toEqual([1]);
    expect(matching('path$=v1', frames)).toEqual([1]);
    expect(matching('path*=pi', frames)).toEqual([1]);
  });

  it('headers by name, values in quotes, and redacted values never', () => {
    const frames: Spec[] = [
      { headers: [['user-agent', 'Mozilla/5.0 (X11)']] },
      { headers: [['User-Agent', 'curl/8']] },
      { headers: [['cookie', '', 'hash']] },
    ];
    expect(matching('header[user-agent]*="5.0 (x11"', frames)).toEqual([0]);
    expect(matching('header[User-Agent]^=curl', frames)).toEqual([1]);
    expect(matching('header[cookie]=hash', frames)).toEqual([]);
    expect(matching('header[user-agent]!=curl/8', frames)).toEqual([0, 2]);
  });
});

describe('groups', () => {
  const frames: Spec[] = [
    { type: 0, stream: 1 },
    { type: 1, stream: 1 },
    { type: 0, stream: 3 },
    { type: 6, stream: 0 },
  ];

  it('or wants one, not leaves out what all inside would show, and they nest', () => {
    expect(matching('or( stream=3 type=PING )', frames)).toEqual([2, 3]);
    expect(matching('or(stream=3 type=PING)', frames)).toEqual([2, 3]);
    expect(matching('not( stream=1 type=DATA )', frames)).toEqual([1, 2, 3]);
    expect(matching('type=DATA not( or( stream=3 stream=5 ) )', frames)).toEqual([0]);
    expect(matching('or( and( type=DATA stream=1 ) type=PING )', frames)).toEqual([0, 3]);
  });

  it('are explained as they nest', () => {
    expect(explainFilter(parseFilter('dir=out or( status>=400 not( stream=1 type=DATA ) )'))).toBe(
      'sent by the gateway, either status at least 400 or not (on stream 1 and DATA frames)',
    );
  });

  it('what is wrong with them is said', () => {
    expect(parseFilter('or( type=DATA').problems[0]?.message).toBe('or( is not closed: ) is missing.');
    expect(parseFilter('not( )').problems[0]?.message).toBe('not( ) needs a token inside.');
    expect(parseFilter(')').problems).toHaveLength(1);
    expect(parseFilter('or('.repeat(40)).problems.length).toBeGreaterThan(0);
  });
});

describe('the whole', () => {
  it('what is not understood is named with a reason and filters nothing', () => {
    const filter = parseFilter('foo=1 hello stream=x type> dir=out len<1,2 conn= header=1 path[x]=2 type^=DATA');
    expect(filter.terms.map(term => term.text)).toEqual(['dir=out']);
    expect(filter.problems.map(problem => problem.text)).toEqual([
      'foo=1',
      'hello',
      'stream=x',
      'type>',
      'len<1,2',
      'conn=',
      'header=1',
      'path[x]=2',
      'type^=DATA',
    ]);
    for (const problem of filter.problems) expect(problem.message).toMatch(/\.$/);
  });

  it('names of every object do not become filter names', () => {
    expect(parseFilter('constructor=1 __proto__=1 toString=1').terms).toEqual([]);
    expect(parseFilter('dir=constructor').problems).toHaveLength(1);
  });

  it('any text parses, runs and is explained', () => {
    const word = fc.constantFrom(
      ...FILTER_FIELDS,
      'or(',
      'not(',
      ')',
      '=',
      '!=',
      '>',
      '^=',
      'DATA',
      '5',
      '"',
      '[x]',
      ' ',
      ':',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ maxLength: 200 }),
          fc.array(word, { maxLength: 40 }).map(list => list.join('')),
        ),
        text => {
          const filter = parseFilter(text);
          expect(typeof compileFilter(filter)(subject({}))).toBe('boolean');
          expect(typeof explainFilter(filter)).toBe('string');
          if (filter.nodes.length === 0 && text.trim() !== '') expect(filter.problems.length).toBeGreaterThan(0);
        },
      ),
    );
  });

  it('knows which filters must be asked again later', () => {
    expect(isVolatile(parseFilter('type=DATA or( stream=1 win<0 )'))).toBe(false);
    for (const text of ['status>=400', 'age>1s', 'not( or( stream=1 path=/ ) )'])
      expect(isVolatile(parseFilter(text))).toBe(true);
  });

  it('a server asked on its behalf sends all that it lets pass', () => {
    expect(selectionOf(parseFilter('type=DATA,PING conn=7 stream=5 dir=out leg=backend status>=400'))).toEqual({
      types: [0, 6],
      connections: [7],
      streams: [5],
      direction: 1,
      leg: 1,
    });
    const number = fc.integer({ min: 0, max: 3 });
    const token = fc.oneof(
      fc.tuple(fc.constantFrom('conn', 'stream'), fc.constantFrom('=', '!=', '<'), number).map(parts => parts.join('')),
      fc.constantFrom('type=DATA', 'type=PING,DATA', 'dir=in', 'dir=in,out', 'leg!=client', 'or( stream=1 type=PING )'),
    );
    const frame = fc.record({
      type: fc.constantFrom(0, 6),
      direction: fc.constantFrom(0, 1),
      leg: fc.constantFrom(0, 1),
      connection: number,
      stream: number,
    });
    fc.assert(
      fc.property(fc.array(token, { maxLength: 5 }), frame, (tokens, spec) => {
        const filter = parseFilter(tokens.join(' '));
        const selected = new FrameMatcher(selectionOf(filter)).matches(
          connectionWord(spec.connection, spec.leg, spec.direction),
          spec.stream,
          spec.type,
        );
        if (compileFilter(filter)(subject(spec))) expect(selected).toBe(true);
      }),
    );
  });
});
