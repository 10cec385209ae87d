/**
 * Both dynamic tables of a connection as they stood after every field block, followed from the blocks themselves (RFC 7541
 * 2.3.2, 4). What an index names is counted from the newest entry, and the oldest leave first: so whatever is known of a table
 * is right also when the blocks before were not seen, and only its old end may be missing.
 *
 * An entry lives from one step to another, so a table at any step is a stretch of one list of entries: a step costs a few
 * numbers, not a table.
 */
import { type FieldSection, Representation } from '@glassway/inspector-protocol';
import type { HistoryEntry, HistoryStep, HistoryTable } from '../feed/model.ts';
import type { TableSize } from './table-sizes.ts';

/** Steps kept; older ones are forgotten, which `HistoryPart.forgotten` says. */
const MAX_STEPS = 4096;
/** RFC 7541 4.1. */
const ENTRY_OVERHEAD = 32;
/** RFC 9113 6.5.2. */
const DEFAULT_MAX_SIZE = 4096;

interface Mark {
  /** Entries that had come in, and of those how many had left again. */
  readonly inserted: number;
  readonly evicted: number;
  readonly maxSize: number;
  readonly unknown: boolean;
}

type Happening =
  | { readonly t: number; readonly section: FieldSection; readonly size: null }
  | { readonly t: number; readonly section: null; readonly size: TableSize };

interface Step {
  /** The section's number; of a change of size its number, negative, from -1. */
  readonly id: number;
  readonly what: Happening;
  readonly before: readonly [Mark, Mark];
  readonly after: readonly [Mark, Mark];
}

/** One table on its way. */
class Following {
  readonly entries: HistoryEntry[] = [];
  evicted = 0;
  size = 0;
  maxSize: number;
  unknown: boolean;

  constructor(maxSize: number, unknown: boolean) {
    this.maxSize = maxSize;
    this.unknown = unknown;
  }

  get mark(): Mark {
    const { evicted, maxSize, unknown } = this;
    return { inserted: this.entries.length, evicted, maxSize, unknown };
  }

  insert(entry: HistoryEntry): void {
    this.entries.push(entry);
    this.size += entry.size;
    this.evict();
  }

  /** RFC 7541 4.3, 4.4. What is not known is older than all that is, so it leaves first. */
  evict(): void {
    while (this.size > this.maxSize && this.evicted < this.entries.length) {
      this.size -= this.entries[this.evicted++]!.size;
      this.unknown = false;
    }
    if (this.maxSize === 0) this.unknown = false;
  }

  /** Entries came in that nobody told of: none of the older ones can be named any more. */
  lose(): void {
    this.evicted = this.entries.length;
    this.size = 0;
    this.unknown = true;
  }
}

/** The tables over time. */
export class TableHistory {
  readonly #steps: readonly Step[];
  readonly #entries: readonly [readonly HistoryEntry[], readonly HistoryEntry[]];
  readonly #places: ReadonlyMap<number, number>;
  /* Before anything happened. */
  readonly #marks: readonly [Mark, Mark];
  /** True: blocks before the first step were not kept. */
  readonly forgotten: boolean;

  /**
   * `sections` of one connection in the order they came; `complete`: none before them is missing; `maxSizes`: what the
   * tables' maximum is now, received and sent, for a connection of which no change is known.
   */
  constructor(
    sections: readonly FieldSection[],
    sizes: readonly TableSize[],
    complete: boolean,
    maxSizes: readonly [number, number],
  ) {
    const first = (direction: 0 | 1): number =>
      sizes.some(size => size.direction === direction) ? DEFAULT_MAX_SIZE : maxSizes[direction];
    const tables = [new Following(first(0), !complete), new Following(first(1), !complete)] as const;
    const steps: Step[] = [];
    this.#marks = [tables[0].mark, tables[1].mark];
    for (const what of inOrder(sections, sizes)) {
      const before = [tables[0].mark, tables[1].mark] as const;
      const id = what.section === null ? -1 - what.size.number : what.section.section;
      if (what.section === null) {
        const table = tables[what.size.direction];
        table.maxSize = what.size.maxSize;
        table.evict();
      } else apply(tables[what.section.direction], what.section);
      steps.push({ id, what, before, after: [tables[0].mark, tables[1].mark] });
    }
    const from = Math.max(0, steps.length - MAX_STEPS);
    this.#steps = steps.slice(from);
    this.#entries = [tables[0].entries, tables[1].entries];
    this.#places = new Map(this.#steps.map(({ id }, at) => [id, at]));
    this.forgotten = from > 0 || !complete;
  }

  /** What the steps are called, oldest first. */
  get ids(): Float64Array {
    return Float64Array.from(this.#steps, step => step.id);
  }

  /** When they were, in the same order. */
  get times(): Float64Array {
    return Float64Array.from(this.#steps, step => step.what.t);
  }

  /** The tables before the first step. */
  get start(): { readonly received: HistoryTable; readonly sent: HistoryTable } {
    const first = this.#steps[0]?.before ?? this.#marks;
    return { received: this.#table(0, first[0], first[0]), sent: this.#table(1, first[1], first[1]) };
  }

  /** The last step until `t`, null when all that are kept came later. */
  at(t: number): HistoryStep | null {
    let low = 0;
    let high = this.#steps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#steps[middle]!.what.t <= t) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? null : this.step(this.#steps[low - 1]!.id);
  }

  /** One step, null when it is not kept. */
  step(id: number): HistoryStep | null {
    const place = this.#places.get(id);
    if (place === undefined) return null;
    const { what, before, after } = this.#steps[place]!;
    const direction = what.section?.direction ?? what.size!.direction;
    const table = (of: 0 | 1): HistoryTable => this.#table(of, before[of], after[of]);
    return {
      id,
      index: place,
      t: what.t,
      direction,
      section: what.section,
      maxSize: what.size?.maxSize ?? null,
      received: table(0),
      sent: table(1),
    };
  }

  #table(direction: 0 | 1, before: Mark, after: Mark): HistoryTable {
    const entries = this.#entries[direction];
    const present = entries.slice(after.evicted, after.inserted).reverse();
    return {
      maxSize: after.maxSize,
      size: present.reduce((sum, entry) => sum + entry.size, 0),
      unknown: after.unknown,
      entries: present,
      fresh: after.inserted - Math.max(before.inserted, after.evicted),
      evicted: entries.slice(before.evicted, after.evicted).reverse(),
    };
  }
}

function apply(table: Following, section: FieldSection): void {
  if (section.fieldsOmitted > 0) table.lose();
  for (const field of section.fields) {
    if (field.representation !== Representation.LITERAL_INDEXED) continue;
    table.insert({
      name: field.name,
      value: field.value,
      redacted: field.redacted,
      size: field.name.length + field.valueBytes + ENTRY_OVERHEAD,
      section: section.section,
    });
  }
}

/** Blocks and changes by time; a change comes before the block that begins with it. */
function* inOrder(sections: readonly FieldSection[], sizes: readonly TableSize[]): Generator<Happening> {
  let at = 0;
  for (const section of sections) {
    for (; at < sizes.length && sizes[at]!.t <= section.t; at++) {
      yield { t: sizes[at]!.t, section: null, size: sizes[at]! };
    }
    yield { t: section.t, section, size: null };
  }
  for (; at < sizes.length; at++) yield { t: sizes[at]!.t, section: null, size: sizes[at]! };
}
