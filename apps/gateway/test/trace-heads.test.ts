/** Heads that come again and again are written to shared memory once; what viewers see is the same. */
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Control } from '../src/trace/shared.ts';
import { Leg } from '../src/trace/trace.ts';
import { traceRig } from './trace-rig.ts';

const HTTP1 = { leg: Leg.BACKEND, protocol: 'http/1.1', negotiation: 'http/1.1' } as const;

describe('a head written before', () => {
  it('costs its number', () => {
    const rig = traceRig();
    const { id } = rig.open(HTTP1);
    const written = () => new Int32Array(rig.shared.control)[Control.ENTRIES]! * 8;
    const octets = (ordinal: number, path: string) => {
      const before = written();
      rig.recorder.http1Request(id, ordinal, 'GET', path, ['host', 'example.test', 'accept', 'text/html']);
      rig.recorder.flush();
      return written() - before;
    };
    octets(1, '/');
    const again = octets(2, '/');
    const other = octets(3, '/other');
    // The state's entry, and the section's with eight words; the other one has four field lines and a string besides.
    expect(again).toBe(40 + 56);
    expect(other).toBeGreaterThan(again + 4 * 16);
  });

  it('is told whole, whatever changes between two of them', () => {
    // Few names and values, so that heads come again; a change of any part must be seen.
    const word = fc.constantFrom('', 'a', 'b', 'accept', 'cookie');
    const line = fc.record({
      name: fc.constantFrom('host', 'x-a', 'cookie', 'accept'),
      value: word,
      representation: fc.constantFrom(0, 1, 2),
      index: fc.constantFrom(0, 62),
      wireBytes: fc.constantFrom(1, 5),
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.array(line, { maxLength: 4 })), { maxLength: 40 }), heads => {
        const rig = traceRig({ revealed: true });
        const viewer = rig.viewer();
        viewer.subscribe();
        const { tap } = rig.open();
        const backend = rig.open(HTTP1).id;
        const expected: unknown[] = [];
        heads.forEach(([text, lines], i) => {
          const fields = lines.map(({ name, value, representation, index, wireBytes }) =>
            text
              ? { name, value, representation: 4, index: 0, wireBytes: 0 }
              : { name, value, representation, index, wireBytes },
          );
          expected.push(text ? [{ name: ':status', value: '200' }, ...fields] : fields);
          if (text) {
            const flat = fields.flatMap(({ name, value }) => [name, value]);
            rig.recorder.http1Response(backend, i + 1, 200, flat);
            return;
          }
          tap.onFieldSectionStart(0, 2 * i + 1);
          for (const { name, value, representation, index, wireBytes } of fields) {
            // As HPACK has it: an index above 61 in an empty table names no entry, so it is looked up by content.
            tap.onField(0, name, value, representation, representation === 0 ? 62 : index, wireBytes);
          }
          tap.onFieldSectionEnd(0, 2 * i + 1, 0, 9);
        });
        rig.tick();
        expect(viewer.sections).toHaveLength(heads.length);
        viewer.sections.forEach((section, i) => {
          const lines = expected[i] as { name: string; value: string }[];
          expect(section.fields.map(({ name, value }) => ({ name, value }))).toEqual(
            lines.map(({ name, value }) => ({ name, value })),
          );
        });
      }),
    );
  });

  it('survives the renewal of string numbers', () => {
    const rig = traceRig({ entryBytes: 1 << 20 });
    const viewer = rig.viewer();
    viewer.eager = true;
    viewer.subscribe();
    const { id } = rig.open(HTTP1);
    for (let i = 1; i <= 3000; i++) {
      rig.recorder.http1Request(id, i, 'GET', `/${i % 3 === 0 ? i : ''}`, ['host', 'example.test', 'x-n', `${i % 7}`]);
      if (i % 50 === 0) rig.tick();
    }
    rig.tick();
    expect(viewer.drops).toEqual([]);
    viewer.sections.forEach(({ fields, stream }) => {
      const values = fields.map(field => field.value);
      expect(values).toEqual(['GET', `/${stream % 3 === 0 ? stream : ''}`, 'example.test', `${stream % 7}`]);
    });
    expect(viewer.sections).toHaveLength(3000);
  });
});

// TRC-06
it('a value told in the clear is hidden as soon as a client marks its name never indexed', () => {
  const rig = traceRig();
  const viewer = rig.viewer();
  viewer.subscribe();
  const { tap } = rig.open();
  const { id } = rig.open(HTTP1);
  const fields = ['host', 'example.test', 'x-badge', 'correct horse'];
  rig.recorder.http1Request(id, 1, 'GET', '/', fields);
  rig.recorder.http1Request(id, 2, 'GET', '/', fields);
  rig.tick();
  Buffer.from(rig.shared.entries).fill(0, 0, new Int32Array(rig.shared.control)[Control.ENTRIES]! * 8);
  tap.onFieldSectionStart(0, 1);
  tap.onField(0, 'x-badge', 'correct horse', 3, 0, 20);
  tap.onFieldSectionEnd(0, 1, 0, 20);
  rig.recorder.http1Request(id, 3, 'GET', '/', fields);
  rig.tick();
  expect(Buffer.from(rig.shared.entries).includes('correct horse')).toBe(false);
  const badges = viewer.sections.map(section => section.fields.find(field => field.name === 'x-badge'));
  expect(badges.map(field => field?.value)).toEqual(['correct horse', 'correct horse', '', '']);
});

it('a request over HTTP/1.1 has its Host, so that it can be compared with the :authority of the other leg', () => {
  const rig = traceRig();
  const viewer = rig.viewer();
  viewer.subscribe();
  const { id } = rig.open(HTTP1);
  rig.recorder.http1Request(id, 1, 'GET', '/', ['accept', 'text/html'], 'example.test');
  rig.tick();
  expect(viewer.sections[0]?.fields.map(({ name, value }) => `${name}: ${value}`)).toEqual([
    ':method: GET',
    ':path: /',
    'host: example.test',
    'accept: text/html',
  ]);
});
