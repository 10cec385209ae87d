/** Which span of time a chart shows. */
import type { FrameLog } from './frame-log.ts';
import type { ConnectionEntry } from './state-entries.ts';

/** A span, in t. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** The last so many seconds of a connection before `moment`; 0: all that is kept. */
export function lastSeconds(log: FrameLog, entry: ConnectionEntry, seconds: number, moment: number): Span {
  const { openedAt, closedAt } = entry.facts;
  const to = closedAt >= 0 ? Math.min(closedAt, moment) : moment;
  const oldest = log.size === 0 ? 0 : log.columns.t[log.slot(log.first)]!;
  const from = Math.max(0, openedAt, seconds === 0 ? oldest : to - seconds * 1e6);
  // In the past the connection may not have been there yet: then a second in which nothing was.
  return from < to ? { from, to } : { from: Math.max(0, to - 1e6), to };
}

/** A stream from its beginning to its end, with a little of what was around it. */
export function lifeOf(log: FrameLog, entry: ConnectionEntry, stream: number | undefined, moment: number): Span {
  const state = stream === undefined ? undefined : entry.streams.get(stream)?.state;
  const whole = lastSeconds(log, entry, 0, moment);
  if (state === undefined || state.openedAt < 0) return whole;
  const end = state.closedAt < 0 ? whole.to : Math.min(whole.to, state.closedAt);
  // A chart of less than a tenth of a second has no marks that differ.
  const lasted = end - state.openedAt;
  const margin = Math.max((100_000 - lasted) / 2, lasted * 0.04);
  return { from: Math.max(entry.facts.openedAt, state.openedAt - margin), to: Math.min(whole.to, end + margin) };
}
