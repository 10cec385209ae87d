/** Under load not every stream that closed is told of; those that ended badly are, and the logs have all. */
import { describe, expect, it } from 'vitest';
import { exchange, traceRig } from './trace-rig.ts';

const BURST = 4096;

describe('streams that close by the thousand', () => {
  it('are told up to a burst, and all that were reset', () => {
    const rig = traceRig({ ringBytes: 65_536 * 40, entryBytes: 16 << 20, maxStreams: 16_384, creditBytes: 64 << 20 });
    const viewer = rig.viewer();
    viewer.eager = true;
    viewer.subscribe();
    const { id, tap } = rig.open();
    const streams = 6000;
    for (let i = 0; i < streams; i++) {
      const stream = 2 * i + 1;
      if (i % 100 === 0) {
        tap.onStreamState(stream, 0, 5);
        tap.onReset(stream, 8, 'remote', '');
        tap.onStreamState(stream, 5, 6);
      } else exchange(tap, stream);
      if (i % 200 === 199) rig.recorder.flush();
    }
    rig.tick();
    rig.tick();
    const rows = [...viewer.rows().streams.values()].filter(row => row.connection === id);
    const reset = rows.filter(row => row.reset !== null);
    expect(reset).toHaveLength(streams / 100);
    expect(rows.length - reset.length).toBeLessThanOrEqual(BURST);
    expect(rows.length - reset.length).toBeGreaterThan(BURST / 2);
    // Nobody is told that something is forgotten of which he never heard.
    expect(viewer.all('state').flatMap(state => state.rows.forgottenStreams)).toEqual([]);
    expect(viewer.drops.filter(drop => drop.log === 'frames')).toEqual([]);
    const last = [...viewer.rows().connectionStates.values()].find(row => row.id === id)!;
    expect(last.totalStreams).toBe(streams);
  });
});
