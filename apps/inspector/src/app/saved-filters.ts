/** Filters with a name, kept in this browser. */
import { MAX_FILTER_LENGTH } from '@glassway/inspector-protocol';
import { create } from 'zustand';
import { store, stored } from './stored.ts';

const KEY = 'glassway.filters';
/** Filters kept at most: more than a menu can show is no help. */
export const MAX_SAVED = 50;
/** Characters of a name. */
export const MAX_NAME = 60;

/** One of them. */
export interface SavedFilter {
  readonly name: string;
  readonly filter: string;
}

/** The filters, by name. */
export const useSavedFilters = create<{ readonly list: readonly SavedFilter[] }>(() => ({
  list: typeof localStorage === 'undefined' ? [] : stored(KEY, readSaved, []),
}));

/** What was kept, as far as it is understood; null: it is no list. */
export function readSaved(value: unknown): readonly SavedFilter[] | null {
  if (!Array.isArray(value)) return null;
  return value
    .filter((each): each is SavedFilter => typeof each?.name === 'string' && typeof each?.filter === 'string')
    .map(({ name, filter }) => ({ name: name.slice(0, MAX_NAME), filter: filter.slice(0, MAX_FILTER_LENGTH) }))
    .slice(0, MAX_SAVED);
}

/** Keeps a filter; one of the same name is replaced. Returns why not, or null. */
export function saveFilter(name: string, filter: string): string | null {
  const called = name.trim().slice(0, MAX_NAME);
  if (called === '') return 'A filter needs a name.';
  if (filter.trim() === '') return 'There is no filter to keep.';
  const others = useSavedFilters.getState().list.filter(each => each.name !== called);
  if (others.length >= MAX_SAVED) return `${MAX_SAVED} filters are kept already; forget one first.`;
  keep([...others, { name: called, filter: filter.trim() }].sort((a, b) => a.name.localeCompare(b.name)));
  return null;
}

/** Forgets one. */
export function dropFilter(name: string): void {
  keep(useSavedFilters.getState().list.filter(each => each.name !== name));
}

function keep(list: readonly SavedFilter[]): void {
  useSavedFilters.setState({ list });
  store(KEY, list);
}
