// RFC 9113 8.2.3: a cookie may travel in crumbs; whoever reads it sees one line, unless it asks for them.
import { Decoder } from '@glassway/hpack';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ConnectionOptions, FieldList } from '../src/index.ts';
import { client, Endpoint, get, server } from './support/endpoint.ts';
import { F, type Fields, frame, GET, headers, preface, settings, settingsAck, T, u32 } from './support/frames.ts';

const SID = `sid=${'0123456789abcdef'.repeat(2)}`;
const THEME = 'theme=of-a-length-that-is-indexed';

/** The cookie lines of requests as they are on the wire, with their marks, and the octets of each block. */
function sends(cookies: readonly string[], options: Partial<ConnectionOptions> = {}, ...peer: number[]) {
  const t = client(options, false, ...peer);
  const decoder = new Decoder();
  return cookies.map(cookie => {
    t.connection.request({ ...get(), fields: ['cookie', cookie] }, true);
    const [f] = t.frames();
    const lines: string[] = [];
    decoder.decode(f?.payload ?? new Uint8Array(), {
      onField: (name, value, sensitive) => {
        if (name === 'cookie') lines.push(sensitive ? `${value} (never)` : value);
      },
    });
    return { lines, octets: f?.payload.length ?? 0 };
  });
}

describe('sending', () => {
  test('a request’s cookie goes in crumbs when each is indexed: one that changes costs no more than itself', () => {
    // HPE-13
    const other = `sid=${'fedcba9876543210'.repeat(2)}`;
    const [first, second, third] = sends([`${SID}; ${THEME}`, `${SID}; ${THEME}`, `${other}; ${THEME}`]);
    expect(first?.lines).toEqual([SID, THEME]);
    expect(second?.octets).toBe(6);
    expect(third?.lines).toEqual([other, THEME]);
    const [, , whole] = sends([`${SID}; ${THEME}`, '', `${other}; ${THEME}`], { splitCookies: false });
    expect(third?.octets).toBeLessThan((whole?.octets ?? 0) - THEME.length / 2);
  });

  test.each([
    ['a crumb that is never indexed', `${SID}; a=1`, {}],
    ['a crumb with white space at an end', `${SID};  ${THEME}`, {}],
    ['an empty crumb', `${SID}; ; ${THEME}`, {}],
    ['more crumbs than anybody should have to count', Array(40).fill(THEME).join('; '), {}],
    ['nothing to split', SID, {}],
    ['the option', `${SID}; ${THEME}`, { splitCookies: false }],
    ['a policy that does not index it', `${SID}; ${THEME}`, { indexing: () => 2 as const }],
  ])('it stays whole: %s', (_why, cookie, options) => {
    expect(sends([cookie], options)[0]?.lines).toEqual([cookie]);
  });

  test('it stays whole and never indexed when it is marked, and whole for a peer without a table', () => {
    expect(sends([`${SID}; ${THEME}`], { encoderTableSize: 0 })[0]?.lines).toHaveLength(1);
    const t = client();
    t.connection.request({ ...get(), fields: ['cookie', `${SID}; ${THEME}`], sensitive: [0] }, true);
    const lines: unknown[] = [];
    new Decoder().decode(t.frames()[0]?.payload ?? new Uint8Array(), {
      onField: (name, value, sensitive) => void (name === 'cookie' && lines.push([value, sensitive])),
    });
    expect(lines).toEqual([[`${SID}; ${THEME}`, true]]);
  });
});

const crumbs: Fields = [...GET, ['cookie', 'a=1'], ['x', '1'], ['cookie', 'b=2'], ['cookie', 'c=3']];
const joined: FieldList = ['cookie', 'a=1; b=2; c=3', 'x', '1'];
const raw: FieldList = ['cookie', 'a=1', 'x', '1', 'cookie', 'b=2', 'cookie', 'c=3'];

describe('receiving', () => {
  test('crumbs are joined where the first stood, of requests and of promises; raw when asked', () => {
    // HDR-18
    for (const [joinCookies, expected] of [
      [true, joined],
      [false, raw],
    ] as const) {
      const t = server({ joinCookies });
      t.receive(headers(1, crumbs));
      expect(t.heads[0]?.fields).toEqual(expected);
      const promised: FieldList[] = [];
      const far = new Endpoint({
        role: 'client',
        joinCookies,
        handler: { onPush: (_p, _s, h) => promised.push(h.fields) },
      });
      far.receive(settings(), settingsAck);
      far.connection.request(get(), false);
      const block = headers(1, crumbs).slice(9);
      far.receive(frame(T.PUSH_PROMISE, F.END_HEADERS, 1, [...u32(2), ...block]));
      expect(promised).toEqual([expected]);
    }
    expect(server({}).receive(headers(1, [...GET, ['cookie', 'a=1']])).heads[0]?.fields).toEqual(['cookie', 'a=1']);
  });

  test('the whole is never indexed if one crumb is', () => {
    const t = new Endpoint({ role: 'server' });
    t.receive(preface, settings(), settingsAck);
    // The third line: literal never indexed, 0x10 (RFC 7541 6.2.3).
    const block = headers(1, [...GET, ['x', '1'], ['cookie', 'a=1'], ['y', '1'], ['cookie', 'b=2']]).slice(9);
    block[block.length - 12] = 0x10;
    t.receive(frame(T.HEADERS, F.END_HEADERS | F.END_STREAM, 1, block));
    expect(t.heads[0]?.fields).toEqual(['x', '1', 'cookie', 'a=1; b=2', 'y', '1']);
    expect(t.heads[0]?.sensitive).toEqual([2]);
  });

  test('what one end sends, however split, the other reads as it was', () => {
    const crumb = fc.stringMatching(/^[a-z]{1,8}=[a-z0-9 ;]{0,30}$/);
    fc.assert(
      fc.property(fc.array(crumb, { minLength: 1, maxLength: 8 }), parts => {
        const cookie = parts.join('; ').trim();
        const near = client();
        const far = server();
        for (let i = 0; i < 2; i++) near.connection.request({ ...get(), fields: ['cookie', cookie] }, true);
        for (const part of near.connection.takeOutput()) far.connection.receive(part, 0);
        expect(far.heads.map(head => head.fields)).toEqual([
          ['cookie', cookie],
          ['cookie', cookie],
        ]);
      }),
    );
  });
});
