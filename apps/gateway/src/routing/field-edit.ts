import type { FieldList } from '@glassway/h2-core';
import type { FieldChanges } from '../config/route-settings.ts';

/** Changes of a field section, made ready once. */
export interface FieldEdit {
  /** Names that go, lower case; those set among them. */
  readonly drops: ReadonlySet<string>;
  /** In requests their aliases go as well (see `dashed`), in that form; null: only the very names go. */
  readonly aliases: ReadonlySet<string> | null;
  /** Flat list of what comes. */
  readonly adds: readonly string[];
}

/** A field section with the positions of its never-indexed fields. */
interface Section {
  readonly fields: FieldList;
  readonly sensitive: readonly number[] | null;
}

/** The changes of a response. Null: nothing changes. */
export function fieldEdit({ remove = [], set = {} }: FieldChanges = {}): FieldEdit | null {
  const adds = Object.entries(set).flatMap(([name, value]) => [name.toLowerCase(), value]);
  const drops = new Set([...remove.map(name => name.toLowerCase()), ...adds.filter((_, index) => index % 2 === 0)]);
  return drops.size === 0 ? null : { drops, aliases: null, adds };
}

/**
 * The changes of a request: what the gateway sets or removes nobody else may say by another spelling of its name, which many
 * backends cannot tell from it (D26). Null: nothing changes.
 */
export function requestEdit(changes?: FieldChanges): FieldEdit | null {
  const edit = fieldEdit(changes);
  return edit === null ? null : { ...edit, aliases: new Set([...edit.drops].map(dashed)) };
}

/** The one name under which CGI, WSGI and their like know all its spellings. */
export function dashed(name: string): string {
  return name.includes('_') || name.includes('.') ? name.replaceAll('_', '-').replaceAll('.', '-') : name;
}

/** The section after the changes. */
export function editFields<T extends Section>(section: T, edit: FieldEdit): T {
  return changed(section, edit, edit.adds);
}

/** The section without what the changes set or remove: for trailers, to which nothing is added. */
export function withoutEdited<T extends Section>(section: T, edit: FieldEdit): T {
  return changed(section, edit, []);
}

function changed<T extends Section>(section: T, { drops, aliases }: FieldEdit, adds: readonly string[]): T {
  const { fields: source, sensitive: marks } = section;
  const fields: string[] = [];
  const sensitive: number[] = [];
  for (let i = 0; i + 1 < source.length; i += 2) {
    const name = source[i]!;
    if (aliases === null ? drops.has(name) : aliases.has(dashed(name))) continue;
    if (marks?.includes(i)) sensitive.push(fields.length);
    fields.push(source[i]!, source[i + 1]!);
  }
  fields.push(...adds);
  return { ...section, fields, sensitive: sensitive.length === 0 ? null : sensitive };
}
