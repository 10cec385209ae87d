import type { FieldList } from '@glassway/h2-core';
import type { FieldChanges } from '../config/route-settings.ts';

/** Changes of a field section, made ready once. */
export interface FieldEdit {
  /** Names that go, lower case; those set among them. */
  readonly drops: ReadonlySet<string>;
  /** Flat list of what comes. */
  readonly adds: readonly string[];
}

/** A field section with the positions of its never-indexed fields. */
interface Section {
  readonly fields: FieldList;
  readonly sensitive: readonly number[] | null;
}

/** Null: nothing changes. */
export function fieldEdit({ remove = [], set = {} }: FieldChanges = {}): FieldEdit | null {
  const adds = Object.entries(set).flatMap(([name, value]) => [name.toLowerCase(), value]);
  const drops = new Set([...remove.map(name => name.toLowerCase()), ...adds.filter((_, index) => index % 2 === 0)]);
  return drops.size === 0 ? null : { drops, adds };
}

/** The section after the changes. */
export function editFields<T extends Section>(section: T, { drops, adds }: FieldEdit): T {
  const { fields: source, sensitive: marks } = section;
  const fields: string[] = [];
  const sensitive: number[] = [];
  for (let i = 0; i + 1 < source.length; i += 2) {
    if (drops.has(source[i]!)) continue;
    if (marks?.includes(i)) sensitive.push(fields.length);
    fields.push(source[i]!, source[i + 1]!);
  }
  fields.push(...adds);
  return { ...section, fields, sensitive: sensitive.length === 0 ? null : sensitive };
}
