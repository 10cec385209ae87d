/** Which columns of the tables are shown, kept in this browser. */
import { create } from 'zustand';
import { store, stored } from './stored.ts';

const KEY = 'glassway.columns';

/** Columns that can be hidden, by table; those that say what a row is always stay. */
export const HIDEABLE = {
  streams: ['method', 'status', 'state', 'verdict', 'in', 'out', 'timeline'],
  frames: ['t', 'direction', 'stream', 'flags', 'length', 'detail'],
} as const;
/** A table with columns to choose. */
export type ColumnTable = keyof typeof HIDEABLE;

/** Hidden columns by table. */
export type Hidden = Readonly<Record<ColumnTable, readonly string[]>>;

const NONE: Hidden = { streams: [], frames: [] };

/** What is hidden. */
export const useColumns = create<{ readonly hidden: Hidden }>(() => ({
  hidden: typeof localStorage === 'undefined' ? NONE : stored(KEY, readHidden, NONE),
}));

/** What was kept, as far as it is understood. */
export function readHidden(value: unknown): Hidden | null {
  if (typeof value !== 'object' || value === null) return null;
  const kept = (table: ColumnTable): readonly string[] => {
    const list: unknown = (value as Record<string, unknown>)[table];
    return HIDEABLE[table].filter(name => Array.isArray(list) && list.includes(name));
  };
  return { streams: kept('streams'), frames: kept('frames') };
}

/** Hides a shown column, shows a hidden one. */
export function toggleColumn(table: ColumnTable, column: string): void {
  const { hidden } = useColumns.getState();
  const list = hidden[table];
  const next = list.includes(column) ? list.filter(each => each !== column) : [...list, column];
  useColumns.setState({ hidden: { ...hidden, [table]: next } });
  store(KEY, useColumns.getState().hidden);
}
