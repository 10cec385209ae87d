/** The frame grids that are looked at: each a view of the log through a filter, followed as frames come. */
import { isVolatile, parseFilter } from '@glassway/inspector-protocol';
import type { FramesLook, FramesPart, FramesSlot } from '../feed/model.ts';
import type { FrameLog } from './frame-log.ts';
import { asksFor, compile, type Knowledge } from './frame-match.ts';
import { frameRows } from './frame-rows.ts';
import { FrameView } from './frame-view.ts';

/* How often a filter over what streams are like, and not frames, is run anew. */
const VOLATILE_MS = 1000;

interface Held {
  readonly key: string;
  readonly view: FrameView;
  /** What passes depends on more than the frames, so on the moment `at` too. */
  readonly volatile: boolean;
  readonly at: number | null;
  /** When it must be made anew, because what passes depends on more than the frames; milliseconds. */
  readonly staleAt: number;
}

/** What of the log is shown. */
export interface Shown {
  /** Row after the last one. */
  readonly end: number;
  /** The moment of the past, t; null: now. */
  readonly at: number | null;
  /** Row of the selected frame, null: none. */
  readonly selected: number | null;
}

/** One view for each place where frames are listed. */
export class FrameViews {
  readonly #log: FrameLog;
  readonly #knowledge: Knowledge;
  readonly #clock: () => number;
  readonly #views = new Map<FramesSlot, Held>();

  /** `clock`: monotonic milliseconds. */
  constructor(log: FrameLog, knowledge: Knowledge, clock: () => number) {
    this.#log = log;
    this.#knowledge = knowledge;
    this.#clock = clock;
  }

  /** The view of the tab's grid, while somebody looks at it. */
  get tab(): FrameView | undefined {
    return this.#views.get('tab')?.view;
  }

  /** What one grid shows; null: nobody looks. */
  part(slot: FramesSlot, look: FramesLook | null, { end, at, selected }: Shown): FramesPart | null {
    if (look === null) {
      this.#views.delete(slot);
      return null;
    }
    const key = JSON.stringify([look.filter, look.connection, look.stream, look.fold]);
    let held = this.#views.get(slot);
    if (held?.key !== key || this.#clock() >= held.staleAt || (held.volatile && held.at !== at)) {
      const filter = parseFilter(scoped(look));
      const view = new FrameView(this.#log, compile(filter, this.#knowledge), look.fold, end);
      const volatile = isVolatile(filter);
      held = { key, view, volatile, at, staleAt: volatile ? this.#clock() + VOLATILE_MS : Number.POSITIVE_INFINITY };
      this.#views.set(slot, held);
    } else held.view.update(end);
    const { view } = held;
    const first = look.follow ? Math.max(0, view.size - look.length) : look.first;
    const index = selected === null ? view.size : view.indexOf(selected);
    return {
      key,
      base: view.base,
      total: view.size,
      rows: frameRows(this.#log, view, this.#knowledge.sections, this.#knowledge.store, first, look.length),
      selected: selected ?? -1,
      selectedIndex: index < view.size && view.at(index).firstRow <= selected! ? index : -1,
    };
  }

  /** Forgets all views. */
  clear(): void {
    this.#views.clear();
  }
}

/* A filter that names connections itself, or those of a worker, is not narrowed to the one selected. */
function scoped(look: FramesLook): string {
  const { nodes } = parseFilter(look.filter);
  const parts = [look.filter];
  const isScoped = asksFor(nodes, 'conn') || asksFor(nodes, 'worker');
  if (look.connection !== null && !isScoped) parts.push(`conn=${look.connection}`);
  if (look.stream !== null) parts.push(`stream=${look.stream}`);
  return parts.join(' ');
}
