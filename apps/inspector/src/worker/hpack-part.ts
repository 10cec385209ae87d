/** What the HPACK tab shows: the tables as the gateway has them now, what each field costs, and the past followed from the blocks. */
import type { FieldSection, LogEvent, TableView } from '@glassway/inspector-protocol';
import type { HistoryPart, HpackPart } from '../feed/model.ts';
import { Churn } from './churn.ts';
import type { Sections } from './sections.ts';
import type { StateStore } from './state-store.ts';
import { TableHistory } from './table-history.ts';
import { TableSizes } from './table-sizes.ts';

/* The past is made anew this often. */
const HISTORY_MS = 500;

/** A moment of the past. */
export interface TablesMoment {
  /** Microseconds. */
  readonly t: number;
  /** One of several steps at the same time, null: the last one. */
  readonly step: number | null;
}

/** Everything known of HPACK. */
export class Hpack {
  readonly churn: Churn = new Churn();
  readonly sizes: TableSizes = new TableSizes();
  readonly #store: StateStore;
  readonly #sections: Sections;
  #tables: { readonly connection: number; readonly received: TableView; readonly sent: TableView } | null = null;
  #past: { readonly connection: number; readonly madeAt: number; readonly of: TableHistory } | null = null;

  constructor(store: StateStore, sections: Sections) {
    this.#store = store;
    this.#sections = sections;
  }

  /** A section that was not counted yet. */
  section(section: FieldSection): void {
    this.churn.add(section);
  }

  /** Takes in what happened. */
  happened(events: readonly LogEvent[]): void {
    this.sizes.add(events);
  }

  /** The gateway answered with the tables of this connection. */
  answered(connection: number, received: TableView, sent: TableView): void {
    this.#tables = { connection, received, sent };
  }

  /**
   * The tab's part; null before the gateway answered. `moment`: of the past, as a time or more exactly as a step, null: the
   * present; `churn`: what the fields came to by then, null: by now; `now`: milliseconds.
   */
  part(connection: number | null, moment: TablesMoment | null, churn: Churn | null, now: number): HpackPart | null {
    const tables = this.#tables;
    if (tables === null || tables.connection !== connection) return null;
    const fields = (churn ?? this.churn).of(connection);
    return { ...tables, fields, history: this.#history(connection, moment, now) };
  }

  /** Forgets everything. */
  clear(): void {
    this.churn.clear();
    this.sizes.clear();
    this.#tables = null;
    this.#past = null;
  }

  #history(connection: number, moment: TablesMoment | null, now: number): HistoryPart {
    const held = this.#past;
    let history = held?.of;
    if (history === undefined || held?.connection !== connection || now - held.madeAt >= HISTORY_MS) {
      const facts = this.#store.connections.get(connection)?.facts;
      const max = facts?.tableMax ?? { received: 4096, sent: 4096 };
      const complete = facts !== undefined && facts.openedAt >= this.#sections.knownSince;
      const sections = this.#sections.ofConnection(connection);
      history = new TableHistory(sections, this.sizes.of(connection), complete, [max.received, max.sent]);
      this.#past = { connection, madeAt: now, of: history };
    }
    const { ids, times, forgotten } = history;
    if (moment === null) return { ids, times, forgotten, step: null, start: null };
    const step = (moment.step === null ? null : history.step(moment.step)) ?? history.at(moment.t);
    return { ids, times, forgotten, step, start: step === null ? history.start : null };
  }
}
