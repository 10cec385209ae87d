/** TRC-06: sensitive values never reach shared memory, whatever their encoding; equal ones stay recognisable. */
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Recorder } from '../src/trace/recorder.ts';
import { isSensitiveName } from '../src/trace/redact.ts';
import { allocateTrace, type SharedTrace } from '../src/trace/shared.ts';
import { SipHash } from '../src/trace/siphash.ts';
import { Leg } from '../src/trace/trace.ts';
import { FACTS, traceRig } from './trace-rig.ts';

const SECRET = 'correct horse battery staple';

function memoryHolds(shared: SharedTrace, text: string): boolean {
  return Object.values(shared).some(buffer => {
    const bytes = Buffer.from(buffer as SharedArrayBuffer);
    return bytes.includes(text, 0, 'latin1') || bytes.includes(text, 0, 'utf16le');
  });
}

function recorded(revealed: boolean, fill: (recorder: Recorder) => void): SharedTrace {
  const shared = allocateTrace({ ringBytes: 1024 * 40, entryBytes: 1 << 20, maxConnections: 8, maxStreams: 64 });
  const recorder = new Recorder(shared, { clock: () => 0, revealed });
  fill(recorder);
  recorder.flush();
  return shared;
}

function field(name: string, representation: number): (recorder: Recorder) => void {
  return recorder => {
    const tap = recorder.tap(recorder.connectionOpened(FACTS))!;
    tap.onFieldSectionStart(0, 1);
    tap.onField(0, name, SECRET, representation, 0, 30);
    tap.onTableInsert(0, name, SECRET, 100);
    tap.onFieldSectionEnd(0, 1, 0, 30);
  };
}

describe('what never enters shared memory', () => {
  it.each([
    'authorization',
    'cookie',
    'set-cookie',
    'proxy-authorization',
    'x-api-key',
    'x-csrf-token',
    'tokenizer',
    'my-secret-thing',
  ])('the value of %s, in any representation', name => {
    for (const representation of [0, 1, 2, 3]) {
      expect(memoryHolds(recorded(false, field(name, representation)), SECRET)).toBe(false);
    }
    expect(memoryHolds(recorded(true, field(name, 1)), SECRET)).toBe(true);
  });

  it('any HTTP/1.1 value, once a client has marked more names than are remembered', () => {
    const marking = (names: number) => (recorder: Recorder) => {
      const tap = recorder.tap(recorder.connectionOpened(FACTS))!;
      tap.onFieldSectionStart(0, 1);
      for (let i = 0; i < names; i++) tap.onField(0, `x-junk-${i}`, 'v', 3, 0, 10);
      tap.onFieldSectionEnd(0, 1, 0, 30);
      const http1 = recorder.connectionOpened({ ...FACTS, leg: Leg.BACKEND, protocol: 'http/1.1' });
      recorder.http1Request(http1, 1, 'GET', '/', ['x-private', SECRET]);
    };
    expect(memoryHolds(recorded(false, marking(255)), SECRET)).toBe(true);
    expect(memoryHolds(recorded(false, marking(300)), SECRET)).toBe(false);
  });

  it('any value that is marked never indexed (RFC 7541 7.1.3)', () => {
    expect(memoryHolds(recorded(false, field('x-plain', 3)), SECRET)).toBe(false);
    expect(memoryHolds(recorded(false, field('x-plain', 2)), SECRET)).toBe(true);
  });

  it('the same fields on an HTTP/1.1 leg, in any case', () => {
    const shared = recorded(false, recorder => {
      const tap = recorder.tap(recorder.connectionOpened(FACTS))!;
      tap.onFieldSectionStart(0, 1);
      tap.onField(0, 'x-badge', 'first', 3, 0, 30);
      tap.onFieldSectionEnd(0, 1, 0, 30);
      const backend = recorder.connectionOpened({ ...FACTS, leg: Leg.BACKEND, protocol: 'http/1.1' });
      recorder.http1Request(backend, 1, 'GET', '/', ['Authorization', SECRET, 'X-Badge', SECRET]);
      recorder.http1Response(backend, 1, 200, ['Set-Cookie', SECRET]);
    });
    expect(memoryHolds(shared, SECRET)).toBe(false);
  });

  it.each([
    ['when the marked section was not recorded for want of budget', 0],
    ['when the mark stood behind the last field line that is recorded', 600],
  ])('never indexed on HTTP/2, plain on the HTTP/1.1 leg: %s', (_, before) => {
    const rig = traceRig(before === 0 ? { idleBytesPerSecond: 0 } : {});
    const { tap } = rig.open();
    tap.onFieldSectionStart(0, 1);
    for (let i = 0; i < before; i++) tap.onField(0, 'x-other', 'v', 1, 0, 3);
    tap.onField(0, 'x-badge', SECRET, 3, 0, 30);
    tap.onFieldSectionEnd(0, 1, 0, 30);
    const viewer = rig.viewer();
    viewer.subscribe();
    rig.tick();
    const backend = rig.open({ leg: Leg.BACKEND, protocol: 'http/1.1' });
    rig.recorder.http1Request(backend.id, 1, 'GET', '/', ['x-badge', SECRET, 'x-open', 'recorded']);
    rig.recorder.flush();
    expect(memoryHolds(rig.shared, 'recorded')).toBe(true);
    expect(memoryHolds(rig.shared, SECRET)).toBe(false);
  });

  it('a secret that was first seen under a harmless name is still hidden under its own', () => {
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.subscribe();
    const { tap } = rig.open();
    tap.onFieldSectionStart(0, 1);
    tap.onField(0, 'x-plain', SECRET, 1, 0, 30);
    tap.onField(0, 'cookie', SECRET, 1, 0, 30);
    tap.onField(0, 'x-plain', SECRET, 0, 62, 1);
    tap.onFieldSectionEnd(0, 1, 0, 61);
    rig.tick();
    expect(viewer.sections[0]!.fields.map(each => each.value)).toEqual([SECRET, '', SECRET]);
  });
});

describe('what stays visible', () => {
  it('length and equality within one process', () => {
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.subscribe();
    const { tap } = rig.open();
    const values = ['a=1', 'a=2', 'a=1', '', 'a=1'];
    values.forEach((value, i) => {
      tap.onFieldSectionStart(i === 4 ? 1 : 0, 1);
      tap.onField(0, i === 4 ? 'set-cookie' : 'cookie', value, 1, 0, 30);
      tap.onFieldSectionEnd(i === 4 ? 1 : 0, 1, 0, 30);
    });
    rig.tick();
    const fields = viewer.sections.map(section => section.fields[0]!);
    expect(fields.map(each => each.valueBytes)).toEqual([3, 3, 3, 0, 3]);
    for (const each of fields) expect(each.redacted).toMatch(/^[0-9a-f]{16}$/);
    expect(fields[0]!.redacted).toBe(fields[2]!.redacted);
    expect(fields[0]!.redacted).toBe(fields[4]!.redacted);
    expect(fields[0]!.redacted).not.toBe(fields[1]!.redacted);
  });

  it('not equality between processes: every recorder has its own key', () => {
    const hashes = [0, 1].map(() => {
      const rig = traceRig();
      const viewer = rig.viewer();
      viewer.subscribe();
      const { tap } = rig.open();
      tap.onFieldSectionStart(0, 1);
      tap.onField(0, 'cookie', SECRET, 1, 0, 30);
      tap.onFieldSectionEnd(0, 1, 0, 30);
      rig.tick();
      return viewer.sections[0]!.fields[0]!.redacted;
    });
    expect(hashes[0]).not.toBe(hashes[1]);
  });

  it('names in any case, and nothing else, decide', () => {
    expect(['Cookie', 'X-API-KEY', 'csrf-Token', 'clientSecret'].every(isSensitiveName)).toBe(true);
    expect(['accept', 'x-api', 'cookies', 'author', ':path'].some(isSensitiveName)).toBe(false);
  });

  it('long values are cut and many sections survive the renewal of string numbers', () => {
    const rig = traceRig({ entryBytes: 32 << 20, creditBytes: 1 << 30 });
    const viewer = rig.viewer();
    viewer.subscribe();
    const { tap } = rig.open();
    for (let i = 0; i < 20_000; i++) {
      tap.onFieldSectionStart(0, 1);
      tap.onField(0, `x-${i % 3}`, i === 0 ? 'v'.repeat(10_000) : `value ${i}`, 2, 0, 30);
      tap.onFieldSectionEnd(0, 1, 0, 30);
      if (i % 2000 === 0) rig.tick();
    }
    rig.tick();
    const { sections } = viewer;
    expect(sections).toHaveLength(20_000);
    expect(sections[0]!.fields[0]).toMatchObject({ value: 'v'.repeat(4096), valueBytes: 10_000 });
    sections.forEach((section, i) => {
      if (i > 0) expect(section.fields[0]!.value).toBe(`value ${i}`);
      expect(section.fields[0]!.name).toBe(`x-${i % 3}`);
    });
  });

  it('of a section with too many fields, how many are not shown', () => {
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.subscribe();
    const { tap } = rig.open();
    tap.onFieldSectionStart(0, 1);
    for (let i = 0; i < 1000; i++) tap.onField(0, 'x', `${i}`, 2, 0, 3);
    tap.onFieldSectionEnd(0, 1, 0, 3000);
    rig.tick();
    expect(viewer.sections[0]!.fields).toHaveLength(512);
    expect(viewer.sections[0]!.fieldsOmitted).toBe(488);
  });
});

describe('SipHash-2-4', () => {
  const key = Uint8Array.from({ length: 16 }, (_, i) => i);
  const text = (length: number) => String.fromCharCode(...Array.from({ length }, (_, i) => i));
  const hash = (hasher: SipHash, input: string) => {
    const out = new Int32Array(2);
    hasher.hash(input, out, 0);
    return [out[1]!, out[0]!].map(word => (word >>> 0).toString(16).padStart(8, '0')).join('');
  };

  // Vectors of the reference implementation: key 00..0f, input 00, 01, 02 ... of each length.
  it.each([
    [0, '726fdb47dd0e0e31'],
    [1, '74f839c593dc67fd'],
    [7, 'ab0200f58b01d137'],
    [8, '93f5f5799a932462'],
    [15, 'a129ca6149be45e5'],
  ])('of %i octets', (length, expected) => {
    expect(hash(new SipHash(key), text(length))).toBe(expected);
  });

  it('differs where the input or the key differs', () => {
    const other = new SipHash(key.map(octet => octet ^ 1));
    const hasher = new SipHash(key);
    const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map(code => String.fromCharCode(code)) });
    fc.assert(
      fc.property(latin1, latin1, (a, b) => {
        expect(hash(hasher, a) === hash(hasher, b)).toBe(a === b);
        expect(hash(hasher, a)).not.toBe(hash(other, a));
      }),
      { verbose: 1 },
    );
  });
});
