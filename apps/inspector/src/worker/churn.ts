/**
 * Fields that never find themselves in the dynamic table: each time a literal that is added, pushes out something useful
 * and is never referred to (RFC 7541 2.3.2). Counted per connection, direction and field name.
 */
import { type FieldSection, Representation } from '@glassway/inspector-protocol';

/** Literals of one name, none of them ever referred to, from which on they are worth a word. */
export const CHURN_LITERALS = 20;
/** Names counted at most, over all connections; hostile peers can make up as many as they like. */
const MAX_NAMES = 20_000;

/** What was counted of one field name. */
export interface ChurnCount {
  readonly connection: number;
  readonly direction: 0 | 1;
  readonly name: string;
  /** Literals that were added to the table. */
  literals: number;
  /** Lines that were one reference to a whole entry. */
  indexed: number;
  /** Octets of the literals on the wire. */
  wireBytes: number;
}

/** The counts. */
export class Churn {
  readonly #counts = new Map<string, ChurnCount>();

  /** Counts a section. */
  add(section: FieldSection): void {
    for (const field of section.fields) {
      // A path is different each time by nature.
      if (field.name.startsWith(':')) continue;
      const literal = field.representation === Representation.LITERAL_INDEXED;
      if (!literal && field.representation !== Representation.INDEXED) continue;
      const key = `${section.connection}/${section.direction}/${field.name}`;
      let count = this.#counts.get(key);
      if (count === undefined) {
        if (this.#counts.size >= MAX_NAMES) continue;
        const { connection, direction } = section;
        count = { connection, direction, name: field.name, literals: 0, indexed: 0, wireBytes: 0 };
        this.#counts.set(key, count);
      }
      if (literal) {
        count.literals++;
        count.wireBytes += field.wireBytes;
      } else count.indexed++;
    }
  }

  /** Names that never hit, the most wasteful first. */
  wasteful(): ChurnCount[] {
    return [...this.#counts.values()]
      .filter(count => count.literals >= CHURN_LITERALS && count.indexed === 0)
      .sort((a, b) => b.wireBytes - a.wireBytes);
  }

  /** Forgets everything. */
  clear(): void {
    this.#counts.clear();
  }
}
