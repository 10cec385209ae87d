// A response head that was sent before goes out again without being encoded; what the peer reads must not depend on it.
import { Decoder, defaultIndexing, Encoder } from '@glassway/hpack';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ConnectionOptions, FieldList } from '../src/index.ts';
import { type Endpoint, server } from './support/endpoint.ts';
import { GET, headers, settings } from './support/frames.ts';

const HEADER_TABLE_SIZE = 1;
const PAGE: FieldList = ['content-type', 'text/html', 'server', 'of some length, so that it is indexed'];

afterEach(() => void vi.restoreAllMocks());

/** A server with what its peer reads. */
class Rig {
  readonly t: Endpoint;
  readonly decoder = new Decoder();
  private next = 1;

  constructor(options: Partial<ConnectionOptions> = {}) {
    this.t = server(options);
    this.t.frames();
  }

  respond(status: number, fields: FieldList, sensitive: readonly number[] | null = null) {
    const id = this.next;
    this.next += 2;
    this.t.receive(headers(id, GET));
    if (sensitive === null) this.t.connection.respond(this.t.stream(id), status, fields, true);
    else this.t.connection.respond(this.t.stream(id), status, fields, true, sensitive);
    const frame = this.t.frames().find(({ streamId }) => streamId === id);
    const octets = frame?.payload ?? new Uint8Array();
    const lines: string[] = [];
    const never: string[] = [];
    this.decoder.decode(octets, {
      onField: (name, value, secret) => {
        lines.push(name, value);
        if (secret) never.push(name);
      },
    });
    return { octets: Buffer.from(octets).toString('hex'), lines, never };
  }

  resize(size: number): void {
    this.t.receive(settings(HEADER_TABLE_SIZE, size));
    this.t.frames();
    this.decoder.setMaxTableSize(size);
  }
}

describe('a response head sent again', () => {
  test('property: has the octets of an encoder that remembers no heads, at any table size, and reads as what was sent', () => {
    // HPE-12
    const name = fc.constantFrom('content-type', 'etag', 'x-a', 'set-cookie', 'date', 'authorization', 'cache-control');
    const value = fc.constantFrom('', '1', 'ab', 'ba', 'a value of some length', 'a value of same length');
    const head = fc.record({
      status: fc.constantFrom(200, 204, 299, 404),
      fields: fc.array(fc.tuple(name, value), { maxLength: 5 }),
    });
    const resize = fc.constantFrom(0, 64, 100, 4096).map(size => ({ size }));
    const step = fc.oneof({ weight: 12, arbitrary: fc.nat(5) }, { weight: 1, arbitrary: resize });
    const heads = fc.array(head, { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(heads, fc.array(step, { maxLength: 60 }), (pool, steps) => {
        const remembers = new Rig();
        const plain = new Rig({ indexing: defaultIndexing });
        for (const what of steps) {
          if (typeof what === 'object') {
            remembers.resize(what.size);
            plain.resize(what.size);
            continue;
          }
          const { status, fields } = pool[what] as (typeof pool)[number];
          const sent = remembers.respond(status, fields.flat());
          expect(sent).toEqual(plain.respond(status, fields.flat()));
          expect(sent.lines).toEqual([':status', String(status), ...fields.flat()]);
        }
      }),
    );
  });

  test('is not encoded again, be the list of its fields the same object or not', () => {
    const rig = new Rig();
    for (let i = 0; i < 2; i++) rig.respond(299, PAGE);
    const field = vi.spyOn(Encoder.prototype, 'field');
    for (const list of [PAGE, [...PAGE]]) expect(rig.respond(299, list).lines).toEqual([':status', '299', ...PAGE]);
    expect(field).not.toHaveBeenCalled();
    rig.respond(299, ['content-type', 'text/htmm', ...PAGE.slice(2)]);
    expect(field).toHaveBeenCalled();
  });

  test('is encoded anew when the program has changed the list it gave before', () => {
    const rig = new Rig();
    const list = [...PAGE];
    for (let i = 0; i < 3; i++) rig.respond(200, list);
    list[1] = 'text/htmm';
    expect(rig.respond(200, list).lines).toEqual([':status', '200', ...list]);
  });

  test('is encoded anew after a table that has lost what it refers to', () => {
    const rig = new Rig();
    for (let i = 0; i < 3; i++) rig.respond(200, PAGE);
    rig.resize(0);
    rig.resize(4096);
    for (let i = 0; i < 3; i++) expect(rig.respond(200, PAGE).lines).toEqual([':status', '200', ...PAGE]);
  });

  test('RFC 7541 7.1.3: keeps its never-indexed marks, and none that it had another time', () => {
    // HPE-06
    const rig = new Rig();
    for (let i = 0; i < 3; i++) expect(rig.respond(200, PAGE).never).toEqual([]);
    expect(rig.respond(200, PAGE, [2]).never).toEqual(['server']);
    expect(rig.respond(200, PAGE).never).toEqual([]);
    for (let i = 0; i < 3; i++) expect(rig.respond(200, ['authorization', 'x']).never).toEqual(['authorization']);
  });

  test('heads that never come again soon are remembered no more, until one does', () => {
    const rig = new Rig();
    const slice = vi.spyOn(Array.prototype, 'slice');
    const kept = () => slice.mock.contexts.filter(list => (list as unknown[])[0] === 'etag').length;
    for (let i = 0; i < 400; i++) rig.respond(200, ['etag', String(1000 + i)]);
    expect(kept()).toBeGreaterThan(0);
    expect(kept()).toBeLessThan(40);
  });

  test('a bad field list is refused, whatever was sent before', () => {
    const rig = new Rig();
    for (let i = 0; i < 3; i++) rig.respond(200, PAGE);
    expect(() => rig.respond(200, [...PAGE, 'connection', 'close'])).toThrow(/connection-specific/);
    expect(() => rig.respond(200, PAGE.slice(0, 3))).toThrow(/a value for every name/);
    expect(() => rig.respond(304, ['content-length', '1'])).not.toThrow();
  });
});
