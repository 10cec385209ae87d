/**
 * What HPACK makes of each field name: how often it was one reference into the table, how often a literal, and what it
 * cost. A name that is added to the table each time and never referred to churns: it pushes out what would have been
 * useful (RFC 7541 2.3.2).
 */
import { type FieldSection, Representation } from '@glassway/inspector-protocol';
import type { FieldEconomy } from '../feed/model.ts';

/** Literals of one name, none of them ever referred to, from which on they are worth a word. */
export const CHURN_LITERALS = 20;
/** Names counted at most, over all connections; hostile peers can make up as many as they like. */
const MAX_NAMES = 20_000;

type Count = { -readonly [K in keyof FieldEconomy]: FieldEconomy[K] } & { connection: number };

/** The counts. */
export class Churn {
  readonly #connections = new Map<number, Map<string, Count>>();
  #names = 0;

  /** Counts a section; HTTP/1.1 has no table and does not count. */
  add(section: FieldSection): void {
    for (const field of section.fields) {
      if (field.representation === Representation.TEXT) continue;
      const count = this.#count(section.connection, section.direction, field.name);
      if (count === null) continue;
      count.lines++;
      count.wireBytes += field.wireBytes;
      count.plainBytes += field.name.length + field.valueBytes;
      if (field.representation === Representation.INDEXED) count.indexed++;
      else if (field.representation === Representation.LITERAL_INDEXED) count.added++;
      else if (field.representation === Representation.LITERAL_NEVER_INDEXED) count.never++;
    }
  }

  /** What was counted on a connection, the most expensive names first. */
  of(connection: number): readonly FieldEconomy[] {
    const counts = this.#connections.get(connection);
    return counts === undefined ? [] : [...counts.values()].sort((a, b) => b.wireBytes - a.wireBytes);
  }

  /** Names that churn on any connection, the most wasteful first. A path is different each time by nature. */
  wasteful(): readonly (FieldEconomy & { readonly connection: number })[] {
    const found: Count[] = [];
    for (const counts of this.#connections.values()) {
      for (const count of counts.values()) {
        if (count.added >= CHURN_LITERALS && count.indexed === 0 && !count.name.startsWith(':')) found.push(count);
      }
    }
    return found.sort((a, b) => b.wireBytes - a.wireBytes);
  }

  /** Forgets everything. */
  clear(): void {
    this.#connections.clear();
    this.#names = 0;
  }

  #count(connection: number, direction: 0 | 1, name: string): Count | null {
    let counts = this.#connections.get(connection);
    if (counts === undefined) {
      counts = new Map();
      this.#connections.set(connection, counts);
    }
    const key = `${direction}${name}`;
    let count = counts.get(key);
    if (count === undefined) {
      if (this.#names >= MAX_NAMES) this.#dropOldest();
      count = { connection, direction, name, lines: 0, indexed: 0, added: 0, never: 0, wireBytes: 0, plainBytes: 0 };
      counts.set(key, count);
      this.#names++;
    }
    return count;
  }

  #dropOldest(): void {
    for (const [connection, counts] of this.#connections) {
      this.#names -= counts.size;
      counts.clear();
      this.#connections.delete(connection);
      return;
    }
  }
}
