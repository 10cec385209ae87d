/** What the page draws of the dynamic tables' past. */
import type { FieldSection } from '@glassway/inspector-protocol';

/** An entry of a table. */
export interface HistoryEntry {
  readonly name: string;
  /** Empty when redacted. */
  readonly value: string;
  readonly redacted: string | null;
  /** Octets as counted by RFC 7541 4.1. */
  readonly size: number;
  /** Number of the section that brought it. */
  readonly section: number;
}

/** A table after a step. */
export interface HistoryTable {
  readonly maxSize: number;
  /** Octets of `entries`. */
  readonly size: number;
  /** True: older entries may be there that are not known. */
  readonly unknown: boolean;
  /** Newest first. */
  readonly entries: readonly HistoryEntry[];
  /** How many of them, the newest, came in with this step. */
  readonly fresh: number;
  /** Those that left with it, newest first. */
  readonly evicted: readonly HistoryEntry[];
}

/** A moment: after a field block, or after a table's maximum changed. */
export interface HistoryStep {
  readonly id: number;
  /** Place among the steps kept. */
  readonly index: number;
  readonly t: number;
  readonly direction: 0 | 1;
  /** Null: the maximum changed, to `maxSize`. */
  readonly section: FieldSection | null;
  readonly maxSize: number | null;
  readonly received: HistoryTable;
  readonly sent: HistoryTable;
}

/** The past of both tables of a connection. */
export interface HistoryPart {
  /** Steps by name, oldest first. */
  readonly ids: Float64Array;
  /** When each was, in t. */
  readonly times: Float64Array;
  /** True: there were blocks before the first of them. */
  readonly forgotten: boolean;
  /** The step looked at, the last until the moment shown; null: the present is shown, or what was before the first step. */
  readonly step: HistoryStep | null;
  /** The tables before the first step when those are shown, else null. */
  readonly start: { readonly received: HistoryTable; readonly sent: HistoryTable } | null;
}
