/** The flight recorder's strip: how many frames came when, and where something stood still or broke a rule. */
import { PATIENCE_US } from '@glassway/inspector-protocol';
import { PastMark, type PastPart } from '../../feed/past.ts';
import type { FrameLog } from '../frame-log.ts';
import type { StateStore } from '../state-store.ts';

/** Parts that the span is divided into. */
export const PAST_PARTS = 240;
const SHORTEST_US = 1_000_000;

/** The span from the oldest frame kept to `now`. Times of frames ascend, so each part costs one binary search. */
export function pastPart(store: StateStore, log: FrameLog, now: number): PastPart {
  const oldest = log.size === 0 ? now : log.columns.t[log.slot(log.first)]!;
  const from = Math.max(0, Math.min(oldest, now - SHORTEST_US));
  // The newest frame may be from after the last word on what time it is.
  const newest = log.size === 0 ? now : log.columns.t[log.slot(log.end - 1)]!;
  const to = Math.max(now, newest, from + SHORTEST_US);
  const counts = new Uint32Array(PAST_PARTS);
  const each = (to - from) / PAST_PARTS;
  let row = log.first;
  for (let part = 0; part < PAST_PARTS; part++) {
    const end = part === PAST_PARTS - 1 ? log.end : Math.max(row, log.rowAt(from + (part + 1) * each));
    counts[part] = end - row;
    row = end;
  }
  return { from, to, counts, marks: marksOf(store, from, to, now) };
}

function marksOf(store: StateStore, from: number, to: number, now: number): Uint8Array {
  const marks = new Uint8Array(PAST_PARTS);
  const scale = PAST_PARTS / (to - from);
  const mark = (bit: number, start: number, end: number): void => {
    if (end < from || start > to) return;
    const last = Math.min(PAST_PARTS - 1, Math.floor((end - from) * scale));
    for (let part = Math.max(0, Math.floor((start - from) * scale)); part <= last; part++) marks[part]! |= bit;
  };
  for (const { facts, violations, streams } of store.connections.values()) {
    for (const { t } of violations) mark(PastMark.VIOLATION, t, t);
    const last = facts.closedAt >= 0 ? facts.closedAt : now;
    for (const { spans, state } of streams.values()) {
      for (const span of spans) {
        const end = span.to >= 0 ? span.to : state.closedAt >= 0 ? state.closedAt : last;
        if (end - span.from >= PATIENCE_US) mark(PastMark.STALL, span.from, end);
      }
    }
  }
  return marks;
}
