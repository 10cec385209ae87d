/** The rings themselves: what was written is read back in order, or known to be lost. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EntryKind, EntryRing, EntryRingReader, MAX_ENTRY_BYTES } from '../src/trace/entry-ring.ts';
import { FrameRing, FrameRingReader } from '../src/trace/frame-ring.ts';
import { allocateTrace, Control } from '../src/trace/shared.ts';

const small = { ringBytes: 1024 * 40, entryBytes: 1 << 20, maxConnections: 4, maxStreams: 4 };

describe('the ring of records', () => {
  it('refuses sizes that cannot work', () => {
    expect(() => allocateTrace({ ringBytes: 100 })).toThrow(/at least 40960/);
    expect(() => allocateTrace({ entryBytes: 100 })).toThrow(/at least 1048576/);
    expect(() => allocateTrace({ ringBytes: Number.NaN })).toThrow(RangeError);
  });

  it('hands out exactly what is still whole', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { maxLength: 30 }), bursts => {
        const shared = allocateTrace(small);
        const ring = new FrameRing(shared);
        const reader = new FrameRingReader(shared);
        const target = new Uint32Array(1024 * 10);
        let at = 0;
        for (const burst of bursts) {
          for (let i = 0; i < burst; i++) {
            ring.append(0, 0, 0, 0, 0, 0, 0, 0, 0, ring.position * 3);
          }
          ring.publish();
          expect(reader.head()).toBe(ring.position);
          const count = Math.min(1024, reader.head() - at);
          if (reader.copy(at, count, target)) {
            for (let i = 0; i < count; i++) {
              expect(target[i * 10 + 2]).toBe(at + i);
              expect(target[i * 10 + 9]).toBe((at + i) * 3);
            }
            at += count;
          } else {
            expect(reader.oldest()).toBeGreaterThan(at);
            at = reader.oldest();
          }
        }
      }),
      { numRuns: 30, verbose: 1 },
    );
  });

  it('counts on when the published position leaves 32 bits', () => {
    const shared = allocateTrace(small);
    const ring = new FrameRing(shared);
    const reader = new FrameRingReader(shared);
    const control = new Int32Array(shared.control);
    for (const position of [0x7fff_fff0, 0xffff_fff0, 0x1_0000_0010, 0x1_8000_0000]) {
      ring.position = position;
      ring.publish();
      expect(control[Control.FRAMES]).toBe(position | 0);
      expect(reader.head()).toBe(position);
    }
  });
});

describe('the ring of entries', () => {
  it('gives back entries of any size in order, around the end, or tells of an overrun', () => {
    const sizes = fc.integer({ min: 0, max: MAX_ENTRY_BYTES - 64 });
    fc.assert(
      fc.property(fc.array(fc.array(sizes, { maxLength: 12 }), { maxLength: 12 }), bursts => {
        const shared = allocateTrace(small);
        const ring = new EntryRing(shared);
        const reader = new EntryRingReader(shared);
        const all = bursts.flat();
        let written = 0;
        let read = 0;
        for (const burst of bursts) {
          for (const size of burst) {
            const at = ring.begin(EntryKind.PAIRED, size, written, written * 2);
            if (size >= 4) ring.i32[at >> 2] = written;
            if (size > 8) ring.bytes[at + size - 1] = written & 0xff;
            ring.commit();
            written++;
          }
          ring.publish();
          for (;;) {
            const entry = reader.next();
            if (entry === null) break;
            if (entry === 'overrun') {
              read = written;
              continue;
            }
            expect(entry.events).toBe(read);
            expect(entry.seq).toBe(read);
            expect(entry.t).toBe(read * 2);
            if (all[read]! >= 4) expect(reader.i32[entry.offset >> 2]).toBe(read);
            read++;
          }
          expect(read).toBe(written);
        }
      }),
      { numRuns: 50, verbose: 1 },
    );
  });

  it('refuses an entry that readers have no room for', () => {
    const ring = new EntryRing(allocateTrace(small));
    expect(() => ring.begin(EntryKind.EVENT, MAX_ENTRY_BYTES, 0, 0)).toThrow(RangeError);
  });

  it('tells of an overrun once, and how much was lost with the next entry', () => {
    const shared = allocateTrace(small);
    const ring = new EntryRing(shared);
    const reader = new EntryRingReader(shared);
    const write = () => {
      ring.begin(EntryKind.STREAM_STATE, 1000, 0, 0);
      ring.commit();
    };
    for (let i = 0; i < 3000; i++) write();
    ring.publish();
    expect(reader.next()).toBe('overrun');
    expect(reader.next()).toBeNull();
    write();
    ring.publish();
    expect(reader.next()).toMatchObject({ kind: EntryKind.STREAM_STATE, events: 3000 });
  });
});
