import fc from 'fast-check';
import { expect, it } from 'vitest';
import { lastChunk, requestFraming, requestHead } from '../src/upstream/http1/request-head.ts';
import { request } from './upstream-kit.ts';

const FRAMING = ['host', 'content-length', 'transfer-encoding', 'connection', 'te', 'upgrade', 'keep-alive', 'trailer'];
/** Strings with everything that could be taken for syntax, and code points whose low octet is CR, LF or NUL. */
const hostile = fc.string({
  unit: fc.constantFrom(
    'a',
    'B',
    '0',
    '-',
    '_',
    ':',
    ' ',
    '\t',
    '\r',
    '\n',
    '\0',
    '/',
    '"',
    ',',
    '\xe4',
    '\u010d',
    '\u010a',
    '\u0100',
  ),
  maxLength: 8,
});
const name = fc.oneof(
  fc.constantFrom(...FRAMING, 'Host', 'Transfer-Encoding', 'CONTENT-LENGTH', 'x-a', 'accept', 'cookie'),
  hostile,
);
const value = fc.oneof(fc.constantFrom('1', 'chunked', 'close', 'trailers', 'h2c'), hostile);
/** One hostile part is enough to have all refused. */
const mostly = (...good: string[]): fc.Arbitrary<string> =>
  fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...good) }, { weight: 1, arbitrary: hostile });
const message = fc.record({
  method: mostly('GET', 'POST', 'HEAD', 'DELETE'),
  path: mostly('/', '/a?b', '*'),
  authority: mostly('example.com', '[::1]:80', ''),
  fields: fc.array(fc.tuple(name, value), { maxLength: 8 }).map(pairs => pairs.flat()),
  hasBody: fc.boolean(),
  contentLength: fc.constantFrom(-1, 0, 5),
});

/** The octets as the backend gets them. */
const wire = (head: string): string => Buffer.from(head, 'latin1').toString('latin1');

it('D29: whatever the message holds, the head is one message with one Host and only our framing, or is refused', () => {
  let written = 0;
  fc.assert(
    fc.property(message, over => {
      const asked = request(over);
      const head = requestHead(asked, requestFraming(asked), '');
      if (typeof head !== 'string') {
        expect(head.rfc).toMatch(/^91\d\d /);
        return;
      }
      written++;
      const octets = wire(head);
      expect(octets).toBe(head);
      const lines = octets.split('\r\n');
      expect(lines.splice(-2)).toEqual(['', '']);
      expect(lines.join('')).not.toMatch(/[\r\n\0]/);
      expect(lines[0]).toBe(`${asked.method} ${asked.path} HTTP/1.1`);
      expect(lines[0]!.split(' ')).toHaveLength(3);
      const names = lines.slice(1).map(line => /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+): /.exec(line)?.[1]?.toLowerCase());
      expect(names).not.toContain(undefined);
      const count = (wanted: string): number => names.filter(found => found === wanted).length;
      expect(lines[1]).toBe(`host: ${asked.authority}`);
      expect(count('host')).toBe(1);
      expect(count('upgrade') + count('keep-alive')).toBe(0);
      expect(count('content-length') + count('transfer-encoding')).toBeLessThanOrEqual(1);
      if (asked.hasBody) expect(count('content-length') + count('transfer-encoding')).toBe(1);
      // RFC 9110 10.1.4
      expect(count('connection')).toBe(count('te'));
      if (count('te') > 0) expect(octets).toContain('te: trailers\r\nconnection: te\r\n');
    }),
    { numRuns: 3000, verbose: 1 },
  );
  expect(written).toBeGreaterThan(100);
});

it('trailers hold no field that frames, routes or authenticates, and end the body once', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 8 }), pairs => {
      const octets = wire(lastChunk(pairs.flat()));
      expect(octets.startsWith('0\r\n')).toBe(true);
      expect(octets.indexOf('\r\n\r\n')).toBe(octets.length - 4);
      for (const line of octets.slice(3, -4).split('\r\n').filter(Boolean)) {
        expect(FRAMING).not.toContain(line.slice(0, line.indexOf(':')).toLowerCase());
        expect(line).not.toMatch(/[\r\n\0]/);
      }
    }),
    { numRuns: 1000, verbose: 1 },
  );
});
