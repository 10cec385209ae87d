/** Lanes of the Timeline: the streams of one connection that lived in a span of time, each with its other leg. */
import { FrameType, isStuck } from '@glassway/inspector-protocol';
import type { TimelineLane, TimelinePart } from '../feed/model.ts';
import type { FrameLog } from './frame-log.ts';
import type { Sections } from './sections.ts';
import type { ConnectionEntry, StreamEntry } from './state-entries.ts';
import type { StateView } from './state-store.ts';
import { endOf, phasesOf } from './stream-rows.ts';

/** Lanes shown at most: the newest. */
export const MAX_LANES = 300;
/** DATA frames marked at most: beyond that the marks of a lane touch each other anyway. */
export const MAX_PICKS = 6000;

/** The lanes of `connection` for [from, to], in microseconds. `log` rows before `end` are looked at. */
export function timelinePart(
  store: StateView,
  sections: Sections,
  log: FrameLog,
  end: number,
  connection: ConnectionEntry,
  from: number,
  to: number,
): TimelinePart {
  const alive = [...connection.streams.values()].filter(
    entry => entry.state.openedAt >= 0 && entry.state.openedAt <= to && endOf(connection, entry, to) >= from,
  );
  alive.sort((a, b) => a.state.openedAt - b.state.openedAt || a.state.stream - b.state.stream);
  const shown = alive.slice(-MAX_LANES);
  const lanes = shown.map(entry => lane(store, sections, connection, entry, to));
  const index = new Map(lanes.map((each, at) => [each.stream, at]));
  return {
    connection: connection.facts.id,
    from,
    to,
    lanes,
    omitted: alive.length - shown.length,
    ...picksOf(log, end, connection, index, from, to),
  };
}

function lane(
  store: StateView,
  sections: Sections,
  connection: ConnectionEntry,
  entry: StreamEntry,
  now: number,
): TimelineLane {
  const { facts, state } = entry;
  const pairConnection = facts.pair === null ? undefined : store.connections.get(facts.pair.connection);
  const phases = phasesOf(connection, entry, now);
  const pair = facts.pair === null ? undefined : pairConnection?.streams.get(facts.pair.stream);
  return {
    stream: state.stream,
    label: `${facts.method} ${facts.path === '' ? facts.authority : facts.path}`.trim(),
    urgency: urgencyOf(sections, state.connection, state.stream),
    openedAt: state.openedAt,
    phases,
    stuck: isStuck(store.verdictOn(connection, entry, now)),
    pair:
      pairConnection === undefined || pair === undefined || facts.pair === null
        ? null
        : { ...facts.pair, openedAt: pair.state.openedAt, phases: phasesOf(pairConnection, pair, now) },
  };
}

/** RFC 9218 4: urgency and incremental, as the request or a later PRIORITY_UPDATE said. Null: nothing was said. */
function urgencyOf(sections: Sections, connection: number, stream: number): TimelineLane['urgency'] {
  for (const section of sections.of(connection, stream)) {
    const value = section.fields.find(field => field.name === 'priority')?.value;
    if (value === undefined) continue;
    const urgency = Number(/(?:^|[,\s])u=([0-7])(?![0-9])/.exec(value)?.[1] ?? 3);
    return { urgency, incremental: /(?:^|[,\s])i(?:=\?1)?(?:$|[,\s])/.test(value) };
  }
  return null;
}

/* What the scheduler chose: every DATA frame sent, by lane, in order. */
function picksOf(
  log: FrameLog,
  end: number,
  connection: ConnectionEntry,
  index: ReadonlyMap<number, number>,
  from: number,
  to: number,
): Pick<TimelinePart, 'pickTimes' | 'pickLanes'> {
  const times: number[] = [];
  const lanes: number[] = [];
  const { columns } = log;
  const id = connection.facts.id;
  for (let row = Math.min(log.rowAt(from), end); row < end; row++) {
    const slot = log.slot(row);
    if (columns.connection[slot] !== id || columns.type[slot] !== FrameType.DATA || columns.direction[slot] !== 1)
      continue;
    const t = columns.t[slot]!;
    if (t > to) break;
    const at = index.get(columns.stream[slot]!);
    if (at === undefined) continue;
    times.push(t);
    lanes.push(at);
  }
  const skip = Math.max(0, times.length - MAX_PICKS);
  return { pickTimes: Float64Array.from(times.slice(skip)), pickLanes: Uint16Array.from(lanes.slice(skip)) };
}
