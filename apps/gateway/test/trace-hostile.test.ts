/** Whatever a peer makes the core tell, the recorder and the hub take it: nothing throws, and the books stay right. */
import type { Tap } from '@glassway/h2-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reason } from '../src/exchange/reason.ts';
import { FACTS, PAYLOAD, traceRig } from './trace-rig.ts';

const NASTY = '\u0000\u001b[31m\u202e"\\\ud800\u{1f4a9}\n'.repeat(10_000);

describe('nothing that is told is too much', () => {
  it('texts of any length and kind in every event', () => {
    const rig = traceRig({ entryBytes: 4 << 20 });
    const viewer = rig.viewer();
    viewer.subscribe();
    const id = rig.recorder.connectionOpened({
      ...FACTS,
      peer: NASTY,
      local: NASTY,
      tls: { version: 'TLSv1.3', cipher: 'x', servername: NASTY },
    });
    const tap = rig.recorder.tap(id)!;
    tap.onFieldSectionStart(0, 1);
    for (const name of [':method', ':scheme', ':authority', ':path', 'x']) tap.onField(0, name, NASTY, 2, 0, 1);
    tap.onField(0, NASTY, NASTY, 2, 0, 1);
    tap.onField(0, 'cookie', NASTY, 2, 0, 1);
    tap.onFieldSectionEnd(0, 1, 0, 1);
    tap.onStreamState(1, 0, 3);
    tap.onViolation('rule', 'rfc', 1, 1, NASTY);
    tap.onReset(1, 0xffff_ffff, 'remote', NASTY);
    tap.onGoAway(0, 0x7fff_ffff, 0xffff_ffff, NASTY);
    tap.onSettings(
      2,
      Array.from({ length: 6000 }, (_, i) => i % 65_536),
    );
    rig.recorder.reasoned(id, 1, reason('backend_reset', NASTY));
    rig.recorder.resync();
    rig.tick();
    rig.recorder.connectionClosed(id, reason('backend_reset', NASTY));
    rig.tick();
    expect(viewer.rows().connections.get(id)).toMatchObject({ closeReason: { code: 'backend_reset' } });
    expect(viewer.rows().streams.get(`${id}:1`)!.reset).toMatchObject({ code: 0xffff_ffff, initiator: 'remote' });
    expect(viewer.events.map(event => event.kind)).toEqual([
      'connection-opened',
      'stream-state',
      'violation',
      'reset',
      'goaway',
      'settings',
      'reasoned',
      'connection-closed',
    ]);
    expect(viewer.sections[0]!.fields.at(-1)).toMatchObject({ name: 'cookie', value: '', valueBytes: NASTY.length });
  });

  it('calls in any order with any numbers', () => {
    const stream = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 0x7fff_ffff }));
    const word = fc.integer({ min: 0, max: 0xffff_ffff });
    const way = fc.constantFrom(0 as const, 1 as const);
    const text = fc.oneof(fc.string(), fc.constantFrom('cookie', ':path', ':status', 'grpc-status', NASTY));
    const state = fc.integer({ min: 0, max: 6 });
    const window = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    const call: fc.Arbitrary<(tap: Tap) => void> = fc.oneof(
      {
        weight: 6,
        arbitrary: fc
          .tuple(way, fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 255 }), stream, word, window)
          .map(
            ([direction, type, flags, id, aux, size]) =>
              (tap: Tap) =>
                tap.onFrame(direction, type, flags, id, aux & 0xff_ffff, size, size, aux, PAYLOAD, 0),
          ),
      },
      fc
        .tuple(
          way,
          stream,
          fc.array(fc.tuple(text, text, fc.integer({ min: 0, max: 3 }), stream), { maxLength: 5 }),
          state,
        )
        .map(([direction, id, fields, kind]) => (tap: Tap) => {
          tap.onFieldSectionStart(direction, id);
          for (const [name, value, representation, index] of fields) {
            tap.onField(direction, name, value, representation, index, 1);
            if (representation === 1) tap.onTableInsert(direction, name, value, 0);
          }
          tap.onFieldSectionEnd(direction, id, (kind % 5) as 0, 1);
        }),
      fc.tuple(stream, state, state).map(
        ([id, from, to]) =>
          (tap: Tap) =>
            tap.onStreamState(id, from, to),
      ),
      fc.tuple(stream, state, word).map(
        ([id, cause, bytes]) =>
          (tap: Tap) =>
            tap.onSendBlocked(id, cause % 4, bytes),
      ),
      fc.tuple(stream, word).map(
        ([id, bytes]) =>
          (tap: Tap) =>
            tap.onReceiveWithheld(id, bytes),
      ),
      fc.tuple(state, word).map(
        ([event, value]) =>
          (tap: Tap) =>
            tap.onSettings((event % 3) as 0, [4, value, value]),
      ),
      fc.boolean().map(writable => (tap: Tap) => tap.onTransport(writable)),
      fc.tuple(stream, text).map(
        ([id, why]) =>
          (tap: Tap) =>
            tap.onReset(id, 1, 'user', why),
      ),
      fc.tuple(way, word).map(
        ([direction, size]) =>
          (tap: Tap) =>
            tap.onTableResize(direction, size),
      ),
      fc.tuple(way, word).map(
        ([direction, count]) =>
          (tap: Tap) =>
            tap.onTableEvict(direction, count, 0),
      ),
      fc.constant((tap: Tap) => tap.onTableInsert(0, 'hidden', 'insert', 40)),
    );
    fc.assert(
      fc.property(fc.array(call, { maxLength: 60 }), fc.boolean(), (calls, full) => {
        const rig = traceRig(full ? { maxConnections: 1, maxStreams: 1 } : {});
        const viewer = rig.viewer();
        viewer.subscribe();
        const { id, tap } = rig.open();
        for (const each of calls) {
          each(tap);
          if (rig.now % 3 === 0) rig.tick();
          rig.now++;
        }
        rig.recorder.connectionClosed(id, null);
        for (const each of calls.slice(0, 5)) each(tap);
        rig.tick();
        viewer.acknowledge();
        rig.tick();
        const rows = viewer.rows();
        expect(rows.connections.get(id)!.closedAt).toBeGreaterThan(0);
        expect(rows.connectionStates.get(id)).toMatchObject({ openStreams: 0, blocked: 0 });
        for (const row of rows.streamStates.values()) expect(row).toMatchObject({ state: 6, blocked: 0 });
        // Frames told after the end are in the log but on no connection's books.
        const late = calls.slice(0, 5).length;
        const sum = (counts: Map<string, number>) => [...counts.values()].reduce((a, b) => a + b, 0);
        expect(sum(viewer.counted()) - sum(viewer.produced())).toBeLessThanOrEqual(late);
        expect(sum(viewer.counted())).toBeGreaterThanOrEqual(sum(viewer.produced()));
      }),
      { numRuns: 150, verbose: 1 },
    );
  });
});
