/**
 * Arithmetic of the frame grid's scrolling. Browsers cap an element's height (about 17 to 33 million pixels), and a
 * million rows of 24 pixels are more than some allow. So the spacer is never taller than `MAX_SPACER`, and when the
 * content is, one pixel of scrollbar stands for several pixels of content. The true position is kept as an offset in
 * content pixels; wheel and keys move it exactly, only dragging the scrollbar goes through the scale.
 */

/** Tallest spacer element, in CSS pixels. Below every browser's limit with room for zoom. */
export const MAX_SPACER = 6_000_000;

/** What is visible of `rows` rows. */
export interface RowWindow {
  /** First row to draw. */
  readonly first: number;
  /** Rows to draw from there; the last may be cut by the viewport's edge. */
  readonly length: number;
  /** Where the first row's top edge is, in pixels from the viewport's top: 0 or negative. */
  readonly shift: number;
}

/** Height of the spacer element for this much content. */
export function spacerHeight(rows: number, rowHeight: number): number {
  return Math.min(rows * rowHeight, MAX_SPACER);
}

/** The largest offset, in content pixels. */
export function maxOffset(rows: number, rowHeight: number, viewport: number): number {
  return Math.max(0, rows * rowHeight - viewport);
}

/** The nearest offset that is in range. */
export function clampOffset(offset: number, rows: number, rowHeight: number, viewport: number): number {
  return Math.min(Math.max(0, offset), maxOffset(rows, rowHeight, viewport));
}

/** The `scrollTop` that stands for an offset. */
export function toScrollTop(offset: number, rows: number, rowHeight: number, viewport: number): number {
  const travel = maxOffset(rows, rowHeight, viewport);
  if (travel === 0) return 0;
  const track = Math.max(0, spacerHeight(rows, rowHeight) - viewport);
  return (offset / travel) * track;
}

/** The offset a `scrollTop` stands for. */
export function fromScrollTop(scrollTop: number, rows: number, rowHeight: number, viewport: number): number {
  const track = Math.max(0, spacerHeight(rows, rowHeight) - viewport);
  if (track === 0) return 0;
  return Math.min(1, Math.max(0, scrollTop / track)) * maxOffset(rows, rowHeight, viewport);
}

/** Which rows an offset shows in `drawn` pixels, of which `viewport` (a little less, perhaps) count for scrolling. */
export function rowWindow(
  offset: number,
  rows: number,
  rowHeight: number,
  viewport: number,
  drawn: number = viewport,
): RowWindow {
  const at = clampOffset(offset, rows, rowHeight, viewport);
  const first = Math.min(Math.floor(at / rowHeight), Math.max(0, rows - 1));
  const last = Math.min(rows, Math.ceil((at + drawn) / rowHeight));
  return { first, length: Math.max(0, last - first), shift: first * rowHeight - at };
}

/** The offset that brings `row` wholly into view while moving as little as possible. */
export function reveal(row: number, offset: number, rows: number, rowHeight: number, viewport: number): number {
  const top = row * rowHeight;
  if (top < offset) return clampOffset(top, rows, rowHeight, viewport);
  if (top + rowHeight > offset + viewport) return clampOffset(top + rowHeight - viewport, rows, rowHeight, viewport);
  return clampOffset(offset, rows, rowHeight, viewport);
}
