import { describe, expect, test } from 'vitest';
import { Decoder, Encoder, Representation } from '../src/index.ts';
import { decodePairs, tableOf } from './support/decode.ts';
import { hex, unhex } from './support/wire.ts';

type Pairs = [string, string][];

interface Step {
  wire: string;
  fields: Pairs;
  table: Pairs;
  size: number;
}

const authority: [string, string] = [':authority', 'www.example.com'];
const noCache: [string, string] = ['cache-control', 'no-cache'];
const custom: [string, string] = ['custom-key', 'custom-value'];
const isPrivate: [string, string] = ['cache-control', 'private'];
const at21: [string, string] = ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'];
const at22: [string, string] = ['date', 'Mon, 21 Oct 2013 20:13:22 GMT'];
const location: [string, string] = ['location', 'https://www.example.com'];
const gzip: [string, string] = ['content-encoding', 'gzip'];
const foo: [string, string] = ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'];

const requests = [
  { fields: [[':method', 'GET'], [':scheme', 'http'], [':path', '/'], authority], table: [authority], size: 57 },
  {
    fields: [[':method', 'GET'], [':scheme', 'http'], [':path', '/'], authority, noCache],
    table: [noCache, authority],
    size: 110,
  },
  {
    fields: [[':method', 'GET'], [':scheme', 'https'], [':path', '/index.html'], authority, custom],
    table: [custom, noCache, authority],
    size: 164,
  },
] satisfies Omit<Step, 'wire'>[];

const responses = [
  {
    fields: [[':status', '302'], isPrivate, at21, location],
    table: [location, at21, isPrivate, [':status', '302']],
    size: 222,
  },
  {
    fields: [[':status', '307'], isPrivate, at21, location],
    table: [[':status', '307'], location, at21, isPrivate],
    size: 222,
  },
  { fields: [[':status', '200'], isPrivate, at22, location, gzip, foo], table: [foo, gzip, at22], size: 215 },
] satisfies Omit<Step, 'wire'>[];

const steps = (wires: string[], contents: Omit<Step, 'wire'>[]): Step[] =>
  wires.map((wire, i) => ({ wire: wire.replace(/\s+/g, ''), ...contents[i]! }));

const C3 = steps(
  [
    '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
    '8286 84be 5808 6e6f 2d63 6163 6865',
    '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
  ],
  requests,
);
const C4 = steps(
  [
    '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
    '8286 84be 5886 a8eb 1064 9cbf',
    '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
  ],
  requests,
);
const C5 = steps(
  [
    `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e
     1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
    '4803 3330 37c1 c0bf',
    `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d
     4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572
     7369 6f6e 3d31`,
  ],
  responses,
);
const C6 = steps(
  [
    `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b
     97c8 e9ae 82ae 43d3`,
    '4883 640e ffc1 c0bf',
    `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf
     cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
  ],
  responses,
);

// HPD-01
describe('RFC 7541 Appendix C, decoded', () => {
  test.each([
    [
      'C.2.1 literal with indexing',
      '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
      ['custom-key', 'custom-header'],
      false,
      55,
    ],
    ['C.2.2 literal without indexing', '040c 2f73 616d 706c 652f 7061 7468', [':path', '/sample/path'], false, 0],
    ['C.2.3 literal never indexed', '1008 7061 7373 776f 7264 0673 6563 7265 74', ['password', 'secret'], true, 0],
    ['C.2.4 indexed', '82', [':method', 'GET'], false, 0],
  ])('%s', (_title, wire, [name, value], sensitive, tableSize) => {
    const decoder = new Decoder();
    const lines: unknown[] = [];
    decoder.decode(unhex(wire), { onField: (...line) => lines.push(line) });
    expect(lines).toEqual([[name, value, sensitive, 0]]);
    expect(decoder.tableSize).toBe(tableSize);
  });

  test.each([
    ['C.3 requests without Huffman', C3, 4096],
    ['C.4 requests with Huffman', C4, 4096],
    ['C.5 responses without Huffman', C5, 256],
    ['C.6 responses with Huffman', C6, 256],
  ])('%s', (_title, sequence, maxTableSize) => {
    const decoder = new Decoder({ maxTableSize });
    for (const step of sequence) {
      expect(decodePairs(decoder, unhex(step.wire))).toEqual(step.fields);
      expect(tableOf(decoder)).toEqual(step.table);
      expect(decoder.tableSize).toBe(step.size);
    }
  });
});

// HPE-01
describe('RFC 7541 Appendix C, encoded', () => {
  test('C.4 requests, octet for octet', () => {
    const encoder = new Encoder();
    for (const step of C4) {
      const encoded = encoder.encode(step.fields.map(([name, value]) => ({ name, value })));
      expect(hex(encoded)).toBe(step.wire);
      expect(tableOf(encoder)).toEqual(step.table);
      expect(encoder.tableSize).toBe(step.size);
    }
  });

  test('C.6 responses, when all is indexed and the table announced as 256 octets', () => {
    const encoder = new Encoder({ maxTableSize: 256, indexing: () => Representation.INCREMENTAL });
    const announcement = '3fe101';
    // Where both codings of a string are equally long (307), the RFC shows Huffman and we prefer the one quicker to read.
    const wires = [announcement + C6[0]!.wire, C5[1]!.wire, C6[2]!.wire];
    C6.forEach((step, i) => {
      const encoded = encoder.encode(step.fields.map(([name, value]) => ({ name, value })));
      expect(hex(encoded)).toBe(wires[i]);
      expect(tableOf(encoder)).toEqual(step.table);
      expect(encoder.tableSize).toBe(step.size);
    });
  });
});
