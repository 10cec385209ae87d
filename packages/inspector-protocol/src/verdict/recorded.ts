/** Verdicts at the end of a recording. */
import type { Recording } from '../loaded-recording.ts';
import { backendKey } from '../rows.ts';
import { VerdictEngine } from './engine.ts';
import type { ConnectionView, StreamView, Verdict } from './types.ts';

/** A stream of a recording and what is to be said of it. */
export interface RecordedVerdict {
  readonly connection: number;
  readonly stream: number;
  readonly verdict: Verdict;
}

/** Why streams did not move, or how they ended, as of the recording's end; streams of which there is nothing to say are left out. */
export function verdictsAtEnd(
  recording: Pick<Recording, 'now' | 'connections' | 'streams' | 'backends'>,
): readonly RecordedVerdict[] {
  const views = new Map<number, ConnectionView & { streams: Map<number, StreamView> }>();
  for (const [id, { facts, state }] of recording.connections) {
    if (state !== null) views.set(id, { facts, state, streams: new Map() });
  }
  for (const { facts, state } of recording.streams.values()) {
    if (state !== null) views.get(facts.connection)?.streams.set(facts.stream, { facts, state });
  }
  const engine = new VerdictEngine({
    connection: id => views.get(id),
    backend: (url, worker) => recording.backends.get(backendKey(url, worker)),
  });
  engine.look(recording.now);
  return [...views].flatMap(([connection, view]) =>
    [...view.streams].flatMap(([stream, held]) => {
      const verdict = engine.on(view, held);
      return verdict === null ? [] : [{ connection, stream, verdict }];
    }),
  );
}
