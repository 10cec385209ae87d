/** Field sections by number, the newest kept. Numbers are u32 and gapless, so a section older than the window is gone. */
import type { FieldSection } from '@glassway/inspector-protocol';

/** Sections kept. */
export const MAX_SECTIONS = 20_000;

/** What was heard of field sections. */
export class Sections {
  readonly #byNumber = new Map<number, FieldSection>();
  readonly #byStream = new Map<string, FieldSection[]>();
  /** Nothing is missing that came after this moment, t. */
  knownSince: number = Number.NEGATIVE_INFINITY;
  #gap = false;

  /** Sections held. */
  get size(): number {
    return this.#byNumber.size;
  }

  /** Adds sections; those known already are replaced. */
  add(sections: readonly FieldSection[]): void {
    if (this.#gap && sections.length > 0) {
      this.#gap = false;
      this.knownSince = sections[0]!.t;
    }
    for (const section of sections) {
      const known = this.#byNumber.has(section.section);
      this.#byNumber.set(section.section, section);
      const key = keyOf(section.connection, section.stream);
      const list = this.#byStream.get(key);
      if (list === undefined) this.#byStream.set(key, [section]);
      else if (!known) list.push(section);
    }
    for (const [number, section] of this.#byNumber) {
      if (this.#byNumber.size <= MAX_SECTIONS) break;
      this.#byNumber.delete(number);
      this.knownSince = Math.max(this.knownSince, section.t);
      this.#forget(section);
    }
  }

  /** The section a HEADERS frame names; undefined when it was not kept. */
  get(number: number): FieldSection | undefined {
    return this.#byNumber.get(number);
  }

  /** The sections of a stream in the order they came. */
  of(connection: number, stream: number): readonly FieldSection[] {
    return this.#byStream.get(keyOf(connection, stream)) ?? [];
  }

  /** All that are held, in the order they came. */
  all(): readonly FieldSection[] {
    return [...this.#byNumber.values()];
  }

  /** Sections before the next ones did not come. */
  missed(): void {
    this.#gap = true;
  }

  /** Those of a connection, in the order they came. */
  ofConnection(connection: number): FieldSection[] {
    return this.all().filter(section => section.connection === connection);
  }

  /** Forgets everything. */
  clear(): void {
    this.#byNumber.clear();
    this.#byStream.clear();
    this.knownSince = Number.NEGATIVE_INFINITY;
    this.#gap = false;
  }

  #forget(section: FieldSection): void {
    const key = keyOf(section.connection, section.stream);
    const list = this.#byStream.get(key)?.filter(other => other.section !== section.section) ?? [];
    if (list.length === 0) this.#byStream.delete(key);
    else this.#byStream.set(key, list);
  }
}

function keyOf(connection: number, stream: number): string {
  return `${connection}/${stream}`;
}
