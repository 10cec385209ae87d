/** Draws the Timeline's lanes. Everything comes in as numbers and colours, so nothing here knows the page. */
import type { Phase, PhaseKind, TimelinePart } from '../../feed/model.ts';

/** Height of a lane, in CSS pixels. */
export const LANE = 34;
/** Height of the ruler above. */
export const RULER = 22;

/** Colours, as the theme has them now. */
export interface Palette {
  readonly phases: Readonly<Record<PhaseKind, string>>;
  readonly grid: string;
  readonly ink: string;
  readonly quiet: string;
  readonly link: string;
  readonly pick: string;
  readonly stuck: string;
  readonly selected: string;
  readonly font: string;
}

/** What is seen of the lanes. */
export interface View {
  readonly width: number;
  readonly height: number;
  /** Pixels scrolled. */
  readonly top: number;
  readonly selected: number;
}

/** Reads the colours of an element. */
export function paletteOf(element: Element): Palette {
  const style = getComputedStyle(element);
  // `light-dark()` is resolved by asking for a real property, not for the custom one.
  const probe = document.createElement('span');
  element.append(probe);
  const colour = (name: string): string => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const palette: Palette = {
    phases: {
      request: colour('--p-request'),
      waiting: colour('--p-waiting'),
      sending: colour('--p-sending'),
      blocked: colour('--p-blocked'),
      idle: colour('--p-idle'),
    },
    grid: colour('--line'),
    ink: colour('--ink-2'),
    quiet: colour('--ink-3'),
    link: colour('--ink-3'),
    pick: colour('--ink'),
    stuck: colour('--bad-soft'),
    selected: colour('--selected'),
    font: `11px ${style.fontFamily}`,
  };
  probe.remove();
  return palette;
}

/** The time at a place, and the other way round. */
export function scaleOf(part: Pick<TimelinePart, 'from' | 'to'>, width: number): (t: number) => number {
  const long = Math.max(1, part.to - part.from);
  return t => ((t - part.from) / long) * width;
}

/** Steps of a ruler: 1, 2 or 5 times a power of ten, about one per 110 pixels. */
export function ticksOf(from: number, to: number, width: number): readonly number[] {
  const rough = ((to - from) / Math.max(1, width)) * 110;
  if (!(rough > 0)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(factor => factor * power).find(candidate => candidate >= rough) ?? 10 * power;
  const ticks: number[] = [];
  for (let t = Math.ceil(from / step) * step; t <= to; t += step) ticks.push(t);
  return ticks;
}

/** Draws one picture. */
export function draw(context: CanvasRenderingContext2D, part: TimelinePart, view: View, palette: Palette): void {
  const { width, height, top } = view;
  const x = scaleOf(part, width);
  context.clearRect(0, 0, width, height);
  context.font = palette.font;
  context.textBaseline = 'middle';
  const first = Math.max(0, Math.floor(top / LANE));
  const last = Math.min(part.lanes.length, Math.ceil((top + height - RULER) / LANE));
  context.save();
  context.beginPath();
  context.rect(0, RULER, width, height - RULER);
  context.clip();
  for (let at = first; at < last; at++) {
    const lane = part.lanes[at]!;
    const y = RULER + at * LANE - top;
    if (lane.stream === view.selected) fill(context, palette.selected, 0, y, width, LANE);
    else if (lane.stuck) fill(context, palette.stuck, Math.max(0, x(lane.openedAt)), y, width, LANE);
  }
  context.fillStyle = palette.grid;
  for (const t of ticksOf(part.from, part.to, width)) context.fillRect(Math.round(x(t)), RULER, 1, height);
  for (let at = first; at < last; at++) {
    const lane = part.lanes[at]!;
    const y = RULER + at * LANE - top;
    context.fillStyle = palette.grid;
    context.fillRect(0, y + LANE - 1, width, 1);
    bar(context, palette, lane.phases, x, width, y + 5, 10);
    if (lane.pair === null) continue;
    bar(context, palette, lane.pair.phases, x, width, y + 21, 6);
    const from = x(lane.pair.openedAt);
    if (from < 0) continue;
    context.strokeStyle = palette.link;
    context.beginPath();
    context.moveTo(from + 0.5, y + 15);
    context.lineTo(from + 0.5, y + 21);
    context.stroke();
  }
  picks(context, part, x, first, last, top, palette.pick);
  context.restore();
  ruler(context, part, x, width, palette);
}

function fill(context: CanvasRenderingContext2D, colour: string, x: number, y: number, w: number, h: number): void {
  context.fillStyle = colour;
  context.fillRect(x, y, w, h);
}

function bar(
  context: CanvasRenderingContext2D,
  palette: Palette,
  phases: readonly Phase[],
  x: (t: number) => number,
  width: number,
  y: number,
  height: number,
): void {
  for (const phase of phases) {
    const from = Math.max(0, x(phase.from));
    const to = Math.min(width, x(phase.to));
    if (to < 0 || from > width) continue;
    const thin = phase.kind === 'waiting';
    fill(
      context,
      palette.phases[phase.kind],
      from,
      thin ? y + height * 0.3 : y,
      Math.max(1.5, to - from),
      thin ? height * 0.4 : height,
    );
  }
}

/* A tick under the lane for each DATA frame sent: whose turn it was. */
function picks(
  context: CanvasRenderingContext2D,
  part: TimelinePart,
  x: (t: number) => number,
  first: number,
  last: number,
  top: number,
  colour: string,
): void {
  context.fillStyle = colour;
  const { pickLanes, pickTimes } = part;
  for (let i = 0; i < pickLanes.length; i++) {
    const at = pickLanes[i]!;
    if (at >= first && at < last) context.fillRect(x(pickTimes[i]!), RULER + at * LANE - top + 16, 1, 3);
  }
}

function ruler(
  context: CanvasRenderingContext2D,
  part: TimelinePart,
  x: (t: number) => number,
  width: number,
  palette: Palette,
): void {
  context.fillStyle = palette.quiet;
  const ticks = ticksOf(part.from, part.to, width);
  const digits = ticks.length > 1 ? Math.max(0, Math.ceil(-Math.log10((ticks[1]! - ticks[0]!) / 1e6))) : 1;
  for (const t of ticks) {
    const at = x(t);
    if (at < width - 40) context.fillText(`${(t / 1e6).toFixed(digits)} s`, at + 4, RULER / 2);
  }
  fill(context, palette.grid, 0, RULER - 1, width, 1);
}
