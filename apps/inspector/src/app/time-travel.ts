/** The moment that all views show: now, or one of the past that the page still has frames of. */
import { current } from '../feed/client.ts';
import { PastMark, type PastPart } from '../feed/past.ts';
import { goTo, useUi } from './ui-store.ts';

/** A hundredth of what is kept. */
const STEPS = 100;

/** Shows the moment at `t`; at the end of what is kept, now. */
export function goToMoment(t: number): void {
  const { past } = current();
  if (past === null) return;
  goTo(t >= past.to ? null : Math.max(past.from, t));
}

/** Shows now. */
export function backToNow(): boolean {
  goTo(null);
  return true;
}

/** Goes `steps` hundredths of what is kept back (negative) or forth; false while there is nothing to go through. */
export function stepInTime(steps: number): boolean {
  const { past } = current();
  if (past === null) return false;
  const at = Math.max(past.from, useUi.getState().at ?? past.to);
  goToMoment(at + (steps * (past.to - past.from)) / STEPS);
  return true;
}

/** Goes to where the next stall or violation begins, or (-1) the one before; false when there is none. */
export function nextMark(step: 1 | -1): boolean {
  const { past } = current();
  if (past === null) return false;
  const at = useUi.getState().at ?? past.to;
  const starts = marksOf(past).map(({ t }) => t);
  const tolerance = (past.to - past.from) / past.marks.length;
  const next = step > 0 ? starts.find(t => t > at + tolerance) : starts.findLast(t => t < at - tolerance);
  if (next === undefined) return false;
  goToMoment(next);
  return true;
}

/** Where something began to go wrong, oldest first. `t`: the end of the part it began in, so that it is seen. */
export function marksOf(past: PastPart): readonly { readonly t: number; readonly kind: number }[] {
  const each = (past.to - past.from) / past.marks.length;
  const found: { t: number; kind: number }[] = [];
  past.marks.forEach((mark, part) => {
    const fresh = mark & ~(part === 0 ? 0 : past.marks[part - 1]!);
    // Every part with a violation counts, a stall where it begins.
    const kind = (mark & PastMark.VIOLATION) | (fresh & PastMark.STALL);
    if (kind !== 0) found.push({ t: past.from + (part + 1) * each, kind });
  });
  return found;
}

/** Which part of the strip a moment is in. */
export function partAt(past: PastPart, t: number): number {
  const part = Math.floor(((t - past.from) / (past.to - past.from)) * past.counts.length);
  return Math.min(past.counts.length - 1, Math.max(0, part));
}
