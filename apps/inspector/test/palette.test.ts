/** What the command palette ranks by, finds, and copies. */
import { SectionKind } from '@glassway/inspector-protocol';
import { describe, expect, test } from 'vitest';
import type { StreamDetail } from '../src/feed/model.ts';
import { fit } from '../src/text/fuzzy.ts';
import { requestCommand } from '../src/text/request-command.ts';
import { findStreams, MOST_FOUND } from '../src/worker/find.ts';
import { StateStore } from '../src/worker/state-store.ts';
import { World } from './fake/world.ts';

describe('fit', () => {
  const best = (query: string, ...titles: string[]): string | undefined =>
    titles
      .map(title => ({ title, score: fit(query, title)?.score ?? Number.NEGATIVE_INFINITY }))
      .sort((a, b) => b.score - a.score)
      .find(({ score }) => Number.isFinite(score))?.title;

  test('words in any order, each at the beginning of a word, inside one, or letter by letter', () => {
    expect(fit('contrast theme', 'Theme: high contrast')?.at).toHaveLength('contrasttheme'.length);
    expect(fit('rast', 'Theme: high contrast')?.at).toEqual([16, 17, 18, 19]);
    expect(fit('thc', 'Theme: high contrast')?.at).toEqual([0, 1, 12]);
    expect(fit('xyz', 'Theme: high contrast')).toBeNull();
    expect(fit('hp', 'Pause')).toBeNull();
  });

  test('the beginning of a word beats the middle of one, and the shorter title the longer', () => {
    expect(best('set', 'Reset and GOAWAY', 'Settings')).toBe('Settings');
    expect(best('streams', 'Streams: stuck first', 'Streams')).toBe('Streams');
    expect(best('tl', 'Frames of this connection only', 'Timeline')).toBe('Timeline');
  });
});

describe('findStreams', () => {
  function store(): StateStore {
    const world = new World();
    for (const peer of ['a', 'b']) {
      const connection = world.open({ leg: 0, negotiation: 'alpn', peer });
      for (let stream = 1; stream <= 31; stream += 2) {
        connection.request(stream, [
          [':method', 'GET'],
          [':path', `/${peer}/${stream === 7 ? 'Seven' : 'x'}`],
        ]);
      }
    }
    const held = new StateStore();
    held.apply(world.changes(true), 0, true);
    return held;
  }
  const ids = (text: string, connection: number | null = null): string[] =>
    findStreams(store(), text, connection, 0).streams.map(each => `${each.connection}/${each.stream}`);

  test('connection and stream by number, a stream in every connection, a part of the path', () => {
    expect(ids('2/7')).toEqual(['2/7']);
    expect(ids('#2 / 7')).toEqual(['2/7']);
    expect(ids('7')).toEqual(['2/7', '1/7']);
    expect(ids('7', 1)).toEqual(['1/7', '2/7']);
    expect(ids('sEvEn')).toEqual(['2/7', '1/7']);
    expect(ids('/a/x')).toHaveLength(MOST_FOUND);
    expect(ids('/a/x')[0]).toBe('1/31');
    expect(ids(' ')).toEqual([]);
    expect(ids('9/9')).toEqual([]);
  });
});

describe('requestCommand', () => {
  function detail(fields: readonly (readonly [name: string, value: string, redacted?: string])[]): StreamDetail {
    const all = fields.map(([name, value, redacted]) => ({ name, value, redacted: redacted ?? null }));
    const value = (name: string): string => all.find(field => field.name === name)?.value ?? '';
    return {
      sections: [{ kind: SectionKind.REQUEST, fields: all }],
      facts: { method: value(':method'), path: value(':path') },
      stateRow: { bytesReceived: 5, bytesSent: 0 },
      protocol: 'h2',
    } as unknown as StreamDetail;
  }
  const base = [
    [':method', 'POST'],
    [':scheme', 'https'],
    [':authority', 'h.test:8443'],
  ] as const;

  test('for curl and nghttp: quoted for a shell, without what the gateway added, secrets as a word', () => {
    const it = detail([
      ...base,
      [':path', "/a?b='$(c)'"],
      ['x-name', 'it’s; rm'],
      ['authorization', '', '0123'],
      ['via', '2.0 gateway'],
      ['content-length', '5'],
    ]);
    expect(requestCommand('curl', it)).toBe(
      "curl -v -k --http2 -X POST -H 'x-name: it’s; rm' -H 'authorization: REDACTED' --data-binary '' 'https://h.test:8443/a?b='\\''$(c)'\\'''",
    );
    expect(requestCommand('nghttp', it)).toContain("nghttp -v -H ':method: POST' -H 'x-name: it’s; rm'");
    expect(requestCommand('grpcurl', it)).toBeNull();
  });

  test('for grpcurl, when it is a gRPC call', () => {
    const call = detail([
      ...base,
      [':path', '/demo.Echo/Chat'],
      ['content-type', 'application/grpc+proto'],
      ['grpc-timeout', '1S'],
      ['x-user', 'u1'],
    ]);
    expect(requestCommand('grpcurl', call)).toBe(
      "grpcurl -insecure -H 'x-user: u1' -d '{}' h.test:8443 demo.Echo/Chat",
    );
  });

  test('nothing that acts on a terminal is ever copied', () => {
    expect(requestCommand('curl', detail([...base, [':path', '/\u202e']]))).toBeNull();
    expect(requestCommand('curl', detail([...base, [':path', '/'], ['x', 'a\nb']]))).not.toContain('x:');
    expect(requestCommand('curl', detail([]))).toBeNull();
  });
});
