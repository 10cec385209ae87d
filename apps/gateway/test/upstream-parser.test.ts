import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FieldSection } from '../src/upstream/http1/field-section.ts';
import { Expecting, ResponseParser, type ResponseSink } from '../src/upstream/http1/response-parser.ts';

const LIMITS = { maxHeadBytes: 2048, maxFields: 16, maxInformational: 32 };

/** What a parse came to, with body octets joined so that it does not depend on segmentation. */
interface Outcome {
  heads: string[];
  body: string;
  trailers: readonly string[] | null;
  ended: boolean;
  reusable: boolean;
  failure: string | null;
}

class Collector implements ResponseSink {
  readonly outcome: Outcome = { heads: [], body: '', trailers: null, ended: false, reusable: false, failure: null };
  readonly parser = new ResponseParser(this, LIMITS);
  lastFlags: boolean[] = [];

  onInformationalHead(status: number, head: FieldSection): void {
    this.outcome.heads.push(`${status} ${head.fields.join('|')}`);
  }
  onHead(status: number, head: FieldSection, end: boolean): void {
    this.outcome.heads.push(`${status} ${head.fields.join('|')}`);
    if (end) this.outcome.ended = true;
  }
  onBodyOctets(octets: Buffer, start: number, end: number, last: boolean): void {
    expect(this.outcome.ended).toBe(false);
    this.outcome.body += octets.toString('latin1', start, end);
    this.lastFlags.push(last);
    if (last) this.outcome.ended = true;
  }
  onTrailerFields(fields: readonly string[]): void {
    this.outcome.trailers = fields;
    this.outcome.ended = true;
  }
}

function parse(segments: readonly string[], expecting: Expecting = Expecting.ORDINARY, eof = false): Outcome {
  const collector = new Collector();
  collector.parser.begin(expecting);
  for (const segment of segments) {
    // Every segment in a buffer of its own, between octets that must not be looked at.
    const octets = Buffer.from(`\0${segment}\0`, 'latin1');
    collector.parser.execute(octets, 1, octets.length - 1);
    octets.fill(0xff);
    if (collector.parser.failure !== null) break;
  }
  if (eof && collector.parser.failure === null) collector.parser.finish();
  collector.outcome.failure = collector.parser.failure?.text ?? null;
  collector.outcome.reusable = collector.parser.reusable;
  return collector.outcome;
}

function cut(text: string, at: readonly number[]): string[] {
  const marks = [...new Set(at.map(mark => mark % (text.length + 1)))].sort((a, b) => a - b);
  const pieces: string[] = [];
  let from = 0;
  for (const mark of [...marks, text.length]) {
    pieces.push(text.slice(from, mark));
    from = mark;
  }
  return pieces.filter(piece => piece !== '');
}

const head = (fields: string, status = '200 OK'): string => `HTTP/1.1 ${status}\r\n${fields}\r\n`;

describe('well-formed responses', () => {
  it('lower-cases names, trims values, keeps order and duplicates', () => {
    const outcome = parse([
      head('X-A: 1\r\nSet-Cookie:  a=b \t\r\nset-cookie:c\r\nEmpty:\r\nBlank: \t \r\ncontent-length: 0\r\n'),
    ]);
    expect(outcome.heads).toEqual(['200 x-a|1|set-cookie|a=b|set-cookie|c|empty||blank||content-length|0']);
    expect(outcome).toMatchObject({ ended: true, reusable: true, failure: null });
  });

  it('keeps octets above 0x7f as code points', () => {
    expect(parse([head('x: \xe4\xf6\xff\r\ncontent-length: 0\r\n')]).heads).toEqual([
      '200 x|\xe4\xf6\xff|content-length|0',
    ]);
  });

  it('drops connection fields and what Connection names (RFC 9110 7.6.1), never the content-length', () => {
    const fields =
      'Connection: X-Hop, keep-alive, content-length\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: y\r\nUpgrade: h2c\r\nTE: x\r\nx: y\r\ncontent-length: 0\r\n';
    expect(parse([head(fields)]).heads).toEqual(['200 x|y|content-length|0']);
  });

  it('tolerates a status line without reason and without the space before it', () => {
    for (const line of ['HTTP/1.1 200 ', 'HTTP/1.1 200', 'HTTP/1.0 200 a b\tc\xfc']) {
      expect(parse([`${line}\r\ncontent-length: 0\r\n\r\n`]).failure).toBeNull();
    }
  });

  it.each([
    ['204', '204 No Content', Expecting.ORDINARY],
    ['304', '304 Not Modified', Expecting.ORDINARY],
    ['HEAD', '200 OK', Expecting.HEAD],
  ] as const)('%s has no body whatever content-length says', (_, status, expecting) => {
    const outcome = parse([head('content-length: 5\r\n', status)], expecting);
    expect(outcome).toMatchObject({ ended: true, reusable: true, failure: null });
    expect(outcome.heads[0]).toBe(status.startsWith('204') ? '204 ' : `${status.slice(0, 3)} content-length|5`);
  });

  it('chunked with extensions, leading zeros, upper case digits and trailers', () => {
    const text = `${head('transfer-encoding: Chunked\r\n')}00A;a=b;c="d e"\r\n0123456789\r\n1\r\nx\r\n000\r\nX-Sum: 1\r\nContent-Length: 9\r\n\r\n`;
    const outcome = parse([text]);
    expect(outcome).toMatchObject({
      body: '0123456789x',
      trailers: ['x-sum', '1'],
      ended: true,
      reusable: true,
      failure: null,
    });
  });

  it('tells the end with the last data octets when both came together', () => {
    const collector = new Collector();
    collector.parser.begin(Expecting.ORDINARY);
    const octets = Buffer.from(`${head('transfer-encoding: chunked\r\n')}3\r\nabc\r\n0\r\n\r\n`);
    collector.parser.execute(octets, 0, octets.length);
    expect(collector.lastFlags).toEqual([true]);
  });

  it('a body without length ends with the connection and is not reusable', () => {
    expect(parse([head(''), 'abc', 'def'], Expecting.ORDINARY, true)).toMatchObject({
      body: 'abcdef',
      ended: true,
      reusable: false,
      failure: null,
    });
  });

  it('reads 32 informational responses before the final one', () => {
    const outcome = parse([head('', '103 Early Hints').repeat(32) + head('content-length: 0\r\n')]);
    expect(outcome.heads).toHaveLength(33);
    expect(outcome.failure).toBeNull();
  });
});

/** D22 and RFC 9112: each ends the connection. */
const MALFORMED: readonly (readonly [string, string, Expecting?])[] = [
  ['bare LF after the status line', 'HTTP/1.1 200 OK\ncontent-length: 0\r\n\r\n'],
  ['bare LF after a field', head('a: b\ncontent-length: 0\r\n')],
  ['bare LF as the empty line', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\n'],
  ['bare CR in a value', head('a: b\rc\r\ncontent-length: 0\r\n')],
  ['NUL in a value', head('a: b\0c\r\ncontent-length: 0\r\n')],
  ['DEL in a value', head('a: b\x7fc\r\ncontent-length: 0\r\n')],
  ['obs-fold', head('a: b\r\n c\r\ncontent-length: 0\r\n')],
  ['obs-fold before any field', head(' a: b\r\ncontent-length: 0\r\n')],
  ['space before the colon', head('a : b\r\ncontent-length: 0\r\n')],
  ['empty name', head(': b\r\ncontent-length: 0\r\n')],
  ['a line without colon', head('abc\r\ncontent-length: 0\r\n')],
  ['name with a slash', head('a/b: c\r\ncontent-length: 0\r\n')],
  ['name with an octet above 0x7f', head('a\xe4: c\r\ncontent-length: 0\r\n')],
  ['leading empty line', `\r\n${head('content-length: 0\r\n')}`],
  ['HTTP/2.0', 'HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n'],
  ['http/1.1 in lower case', 'http/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'],
  ['two spaces before the status', 'HTTP/1.1  200 OK\r\ncontent-length: 0\r\n\r\n'],
  ['status 099', head('content-length: 0\r\n', '099 X')],
  ['status of two digits', head('content-length: 0\r\n', '20 X')],
  ['status of four digits', head('content-length: 0\r\n', '2000 X')],
  ['HTTP/2 frames', '\0\0\x12\x04\0\0\0\0\0'],
  ['both content-length and transfer-encoding', head('content-length: 3\r\ntransfer-encoding: chunked\r\n')],
  ['both, answering HEAD', head('content-length: 3\r\ntransfer-encoding: chunked\r\n'), Expecting.HEAD],
  ['gzip, chunked', head('transfer-encoding: gzip, chunked\r\n')],
  ['chunked, chunked', head('transfer-encoding: chunked, chunked\r\n')],
  ['transfer-encoding twice', head('transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n')],
  ['transfer-encoding: identity', head('transfer-encoding: identity\r\n')],
  ['an empty transfer-encoding', head('transfer-encoding:\r\n')],
  ['transfer-encoding in HTTP/1.0', 'HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'],
  ['transfer-encoding in 204', head('transfer-encoding: chunked\r\n', '204 No')],
  ['transfer-encoding in 103', head('transfer-encoding: chunked\r\n', '103 Hints')],
  ['content-length twice, equal', head('content-length: 1\r\ncontent-length: 1\r\n')],
  ['content-length as a list', head('content-length: 1, 1\r\n')],
  ['content-length +1', head('content-length: +1\r\n')],
  ['content-length -0', head('content-length: -0\r\n')],
  ['content-length 0x1', head('content-length: 0x1\r\n')],
  ['empty content-length', head('content-length:\r\n')],
  ['content-length above 2^53', head('content-length: 99999999999999999999\r\n')],
  ['204 with a body', `${head('content-length: 2\r\n', '204 No')}ab`],
  ['304 with a body', `${head('content-length: 2\r\n', '304 Not')}ab`],
  ['HEAD with a body', `${head('content-length: 2\r\n')}ab`, Expecting.HEAD],
  ['more than content-length', `${head('content-length: 2\r\n')}abc`],
  ['content-length 0 with a body', `${head('content-length: 0\r\n')}a`],
  ['a second response', head('content-length: 0\r\n').repeat(2)],
  ['octets after the last chunk', `${head('transfer-encoding: chunked\r\n')}0\r\n\r\nx`],
  ['33 informational responses', head('', '103 Early Hints').repeat(33)],
  ['101 without upgrade', head('upgrade: websocket\r\n', '101 Switching')],
  ['a chunk without size', `${head('transfer-encoding: chunked\r\n')}\r\nabc`],
  ['a chunk size with 0x', `${head('transfer-encoding: chunked\r\n')}0x3\r\nabc\r\n`],
  ['a chunk size with space', `${head('transfer-encoding: chunked\r\n')}3 \r\nabc\r\n`],
  ['a negative chunk size', `${head('transfer-encoding: chunked\r\n')}-3\r\nabc\r\n`],
  ['a chunk size above 2^53', `${head('transfer-encoding: chunked\r\n')}FFFFFFFFFFFFFFF\r\nabc\r\n`],
  ['a chunk size of 17 digits', `${head('transfer-encoding: chunked\r\n')}00000000000000003\r\nabc\r\n`],
  ['a chunk size line with bare LF', `${head('transfer-encoding: chunked\r\n')}3\nabc\r\n`],
  ['a chunk extension with bare LF', `${head('transfer-encoding: chunked\r\n')}3;x\nabc\r\n`],
  ['a chunk extension with CR inside', `${head('transfer-encoding: chunked\r\n')}3;x\rabc\r\n`],
  ['chunk data longer than its size', `${head('transfer-encoding: chunked\r\n')}3\r\nabcd\r\n`],
  ['chunk data ended with bare LF', `${head('transfer-encoding: chunked\r\n')}3\r\nabc\n0\r\n\r\n`],
  ['a bad trailer', `${head('transfer-encoding: chunked\r\n')}0\r\nx y: 1\r\n\r\n`],
  ['a folded trailer', `${head('transfer-encoding: chunked\r\n')}0\r\nx: 1\r\n y\r\n\r\n`],
  ['a chunk extension that is too long', `${head('transfer-encoding: chunked\r\n')}1;${'x'.repeat(5000)}\r\na\r\n`],
  [
    'a body that is all extensions',
    head('transfer-encoding: chunked\r\n') + `1;${'x'.repeat(4000)}\r\na\r\n`.repeat(5),
  ],
  ['a head that is too large', head(`a: ${'x'.repeat(2048)}\r\n`)],
  ['too many fields', head('a: b\r\n'.repeat(17))],
  ['trailers that are too large', `${head('transfer-encoding: chunked\r\n')}0\r\na: ${'x'.repeat(2048)}\r\n\r\n`],
];

const CASES = MALFORMED.map(([name, octets, expecting = Expecting.ORDINARY]) => ({ name, octets, expecting }));

describe('D22: malformed responses fail', () => {
  it.each(CASES)('$name', ({ octets, expecting }) => {
    const outcome = parse([octets], expecting);
    expect(outcome.failure).not.toBeNull();
    expect(outcome.ended).toBe(false);
    expect(outcome.reusable).toBe(false);
  });

  it.each(CASES)('$name, byte by byte', ({ octets, expecting }) => {
    const collector = new Collector();
    collector.parser.begin(expecting);
    for (const octet of Buffer.from(octets, 'latin1')) {
      if (collector.parser.failure !== null) break;
      collector.parser.execute(Buffer.of(octet), 0, 1);
    }
    expect(collector.parser.failure).not.toBeNull();
  });

  it('just at the limits is accepted', () => {
    const line = (size: number): string => `a: ${'x'.repeat(size)}\r\n`;
    const fixed = head(`${line(0)}content-length: 0\r\n`).length;
    expect(parse([head(`${line(2048 - fixed)}content-length: 0\r\n`)]).failure).toBeNull();
    expect(parse([head(`${line(2049 - fixed)}content-length: 0\r\n`)]).failure).toContain('2048 octets');
    expect(parse([head(`${'a: b\r\n'.repeat(15)}content-length: 0\r\n`)]).failure).toBeNull();
  });

  it('ignores everything after a failure', () => {
    const outcome = parse(['HTTP/1.1 200 OK\n', head('content-length: 0\r\n')]);
    expect(outcome.heads).toEqual([]);
  });

  it.each([
    ['nothing at all', '', 'without a response'],
    ['half a head', 'HTTP/1.1 200 OK\r\na: b', 'middle of the response head'],
    ['only an informational response', head('', '103 Hints'), 'middle of the response head'],
    ['half a body', `${head('content-length: 3\r\n')}ab`, 'middle of the response body'],
    ['no last chunk', `${head('transfer-encoding: chunked\r\n')}1\r\na\r\n`, 'middle of the response body'],
    ['half of the trailers', `${head('transfer-encoding: chunked\r\n')}0\r\na: b\r\n`, 'middle of the response body'],
  ])('end of input after %s', (_, octets, wording) => {
    const outcome = parse(octets === '' ? [] : [octets], Expecting.ORDINARY, true);
    expect(outcome.failure).toContain(wording);
    expect(outcome.ended).toBe(false);
  });
});

describe('segmentation does not matter', () => {
  const samples = [
    head('', '100 Continue') +
      head('link: </a>\r\n', '103 Early Hints') +
      head('X-A: b\r\ncontent-length: 4\r\n') +
      'body',
    `${head('Transfer-Encoding: chunked\r\nconnection: close\r\n')}4;x="y"\r\nbody\r\n10\r\n0123456789abcdef\r\n0\r\nx-t: 1\r\n\r\n`,
    head('content-length: 12\r\n', '304 Not Modified'),
  ];

  it.each(samples)('split at every offset: %j', sample => {
    const whole = parse([sample]);
    expect(whole.ended).toBe(true);
    for (let at = 1; at < sample.length; at++) expect(parse(cut(sample, [at]))).toEqual(whole);
    expect(parse([...sample])).toEqual(whole);
  });

  it('valid responses from a model come out as the model says, cut anywhere', () => {
    const name = fc.stringMatching(/^x-[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}$/);
    const value = fc.stringMatching(/^([!-~\x80-\xff]([\t -~\x80-\xff]{0,20}[!-~\x80-\xff])?)?$/);
    const fields = fc.array(fc.tuple(name, value), { maxLength: 10 });
    const body = fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 5 });
    const model = fc.record({
      fields,
      trailers: fields,
      body,
      chunked: fc.boolean(),
      status: fc.integer({ min: 200, max: 999 }).filter(status => status !== 204 && status !== 304),
      cuts: fc.array(fc.nat(), { maxLength: 12 }),
    });
    fc.assert(
      fc.property(model, ({ fields, trailers, body, chunked, status, cuts }) => {
        const pieces = body.map(octets => Buffer.from(octets).toString('latin1'));
        const whole = pieces.join('');
        const lines = (list: [string, string][]): string => list.map(([n, v]) => `${n}: ${v}\r\n`).join('');
        const framing = chunked ? 'transfer-encoding: chunked\r\n' : `content-length: ${whole.length}\r\n`;
        const coded = `${pieces.map(piece => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')}0\r\n${lines(trailers)}\r\n`;
        const octets = head(lines(fields) + framing, `${status} X`) + (chunked ? coded : whole);
        const flat = (list: [string, string][]): string[] => list.flatMap(([n, v]) => [n.toLowerCase(), v]);
        const expected = [...flat(fields), ...(chunked ? [] : ['content-length', String(whole.length)])];
        const outcome = parse(cut(octets, cuts));
        expect(outcome).toEqual({
          heads: [`${status} ${expected.join('|')}`],
          body: whole,
          trailers: chunked && trailers.length > 0 ? flat(trailers) : null,
          ended: true,
          reusable: true,
          failure: null,
        });
      }),
      { numRuns: 400, verbose: 1 },
    );
  });

  it('damaged responses have the same outcome however they are cut, and never throw', () => {
    const damage = fc.record({
      sample: fc.constantFrom(
        ...samples,
        ...MALFORMED.map(([, octets]) => octets).filter(octets => octets.length < 400),
      ),
      edits: fc.array(fc.tuple(fc.nat(), fc.constantFrom(0, 9, 10, 13, 32, 48, 58, 59, 65, 120, 128, 255)), {
        maxLength: 4,
      }),
      cuts: fc.array(fc.nat(), { maxLength: 12 }),
    });
    fc.assert(
      fc.property(damage, ({ sample, edits, cuts }) => {
        const octets = Buffer.from(sample, 'latin1');
        for (const [at, octet] of edits) octets[at % octets.length] = octet;
        const damaged = octets.toString('latin1');
        const whole = parse([damaged], Expecting.ORDINARY, true);
        const pieces = parse(cut(damaged, cuts), Expecting.ORDINARY, true);
        if (whole.failure === null) expect(pieces).toEqual(whole);
        else expect(pieces.failure).not.toBeNull();
      }),
      { numRuns: 1500, verbose: 1 },
    );
  });
});
