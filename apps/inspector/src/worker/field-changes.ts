/** What the gateway did to a field section on its way from one leg to the other. */
import type { Field, FieldSection } from '@glassway/inspector-protocol';
import type { FieldChange, SectionChange } from '../feed/model.ts';

/* HTTP/1.1 says `host` where HTTP/2 says `:authority`, and has no scheme. */
const SAME: Readonly<Record<string, string>> = { host: ':authority' };
const OF_THE_PROTOCOL: ReadonlySet<string> = new Set([':scheme', ':protocol']);

/** The section on the other leg that `section` became, or came from; undefined when it is not kept. */
export function counterpart(section: FieldSection, others: readonly FieldSection[]): FieldSection | undefined {
  return others.find(other => other.kind === section.kind && other.direction !== section.direction);
}

/** How the lines of `section` differ from those of `other`, line by line, and which lines it has not. */
export function sectionChange(section: FieldSection, other: FieldSection): SectionChange {
  const received = section.direction === 0;
  const theirs = new Map<string, Field[]>();
  for (const field of other.fields) {
    const name = nameOf(field);
    const list = theirs.get(name);
    if (list === undefined) theirs.set(name, [field]);
    else list.push(field);
  }
  const lines: (FieldChange | null)[] = section.fields.map(field => {
    const name = nameOf(field);
    const list = theirs.get(name);
    const same = list?.findIndex(each => equal(each, field)) ?? -1;
    if (list !== undefined && same >= 0) {
      list.splice(same, 1);
      return null;
    }
    const next = list?.shift();
    if (next !== undefined) return { kind: 'changed', other: next };
    return OF_THE_PROTOCOL.has(name) ? null : { kind: received ? 'removed' : 'added' };
  });
  const missing = [...theirs.values()].flat().filter(field => !OF_THE_PROTOCOL.has(nameOf(field)));
  return { section: section.section, received, lines, missing };
}

/** The changes of all sections of a stream whose counterparts are known. */
export function fieldChanges(own: readonly FieldSection[], others: readonly FieldSection[]): readonly SectionChange[] {
  return own.flatMap(section => {
    const other = counterpart(section, others);
    return other === undefined ? [] : [sectionChange(section, other)];
  });
}

function nameOf(field: Field): string {
  const name = field.name.toLowerCase();
  return SAME[name] ?? name;
}

function equal(a: Field, b: Field): boolean {
  return a.value === b.value && a.redacted === b.redacted && a.valueBytes === b.valueBytes;
}
