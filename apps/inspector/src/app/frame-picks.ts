/** Frames picked to be copied: ranges of rows of the log, so that what is not on the screen can be among them. */
import { current, frameText } from '../feed/client.ts';
import type { FrameRow } from '../feed/model.ts';
import { plural } from '../text/format.ts';
import { copyText } from './clipboard.ts';
import { moveFrame } from './move.ts';
import { useUi } from './ui-store.ts';

/** Rows from the first to the second, both included. */
export type RowRange = readonly [from: number, to: number];

const ALL: RowRange = [0, Number.MAX_SAFE_INTEGER];

/** True when the entry begins in one of the ranges: a folded run that was picked may have grown since. */
export function isPicked(picked: readonly RowRange[], row: Pick<FrameRow, 'firstRow'>): boolean {
  return picked.some(([from, to]) => row.firstRow >= from && row.firstRow <= to);
}

/** A press on an entry. With Ctrl or Cmd one more is picked, or one less; with Shift all from the last one pressed. */
export function pick(row: FrameRow, how: { readonly more: boolean; readonly range: boolean }): void {
  const { picked, frame } = useUi.getState();
  const own: RowRange = [row.firstRow, row.row];
  const from = beginning();
  if (how.range && from !== null) {
    useUi.setState({ frame: row.row, follow: false, picked: [joined(from, own)], pickedFrom: from });
    return;
  }
  if (!how.more) {
    useUi.setState({ frame: row.row, follow: false, picked: [], pickedFrom: own });
    return;
  }
  // The frame that is selected already is the first of those picked.
  const before = picked.length === 0 && from !== null && frame !== row.row ? [from] : picked;
  const without = before.flatMap(range => cutOut(range, own));
  const next = isPicked(before, row) ? without : [...without, own];
  useUi.setState({ frame: row.row, follow: false, picked: next, pickedFrom: own });
}

/** Goes to the next or previous frame and picks all from where this began. */
export function extendPick(step: 1 | -1): boolean {
  const from = beginning();
  if (!moveFrame(step)) return false;
  const own = selected();
  if (own !== null) useUi.setState({ picked: [joined(from ?? own, own)], pickedFrom: from ?? own });
  return true;
}

/* Where a range begins: at the entry pressed last, unless another was selected by keys since. */
function beginning(): RowRange | null {
  const { picked, pickedFrom, frame } = useUi.getState();
  if (pickedFrom !== null && (picked.length > 0 || frame === pickedFrom[1])) return pickedFrom;
  return selected();
}

function selected(): RowRange | null {
  const { frame } = useUi.getState();
  if (frame === null) return null;
  // A folded run grows: the frame selected may be any of its frames.
  const row = current().frames.tab?.rows.find(each => each.firstRow <= frame && frame <= each.row);
  return row === undefined ? null : [row.firstRow, row.row];
}

/** Picks all that the grid lists. */
export function pickAll(): void {
  useUi.setState({ picked: [ALL] });
}

/** Copies what is picked, or the selected frame, as `nghttp -v` prints it; false when there is none. */
export function copyPicked(): boolean {
  const { picked } = useUi.getState();
  const own = selected();
  const ranges = picked.length > 0 ? picked : own === null ? [] : [own];
  if (ranges.length === 0) return false;
  void frameText(ranges).then(({ text, frames, more }) =>
    copyText(text, `${more ? 'The first ' : ''}${plural(frames, 'frame')} copied`),
  );
  return true;
}

function joined(a: RowRange, b: RowRange): RowRange {
  return [Math.min(a[0], b[0]), Math.max(a[1], b[1])];
}

function cutOut([from, to]: RowRange, [first, last]: RowRange): RowRange[] {
  if (last < from || first > to) return [[from, to]];
  const left: RowRange[] = [];
  if (from < first) left.push([from, first - 1]);
  if (to > last) left.push([last + 1, to]);
  return left;
}
