/**
 * The field lines of the last message of a kind on an HTTP/1.1 connection, with the numbers of their strings. The next
 * message has mostly the same lines at the same places, and comparing two strings costs less than looking them up.
 */

/** Lines remembered per message. */
const MAX_LINES = 32;
/** Characters of a value that is remembered: this many lines of each open connection stay in memory. */
const MAX_CHARACTERS = 512;

/** One kind of message on one connection. */
export class LastLines {
  private readonly texts: string[] = [];
  // Numbers of name and value; the value's is negative when it stands for a redacted one. A name's 0: not remembered.
  private readonly ids: number[] = [];
  private generation = 0;
  private marks = 0;

  /**
   * Call before a message. Numbers of an earlier generation are forgotten; so are all when one more name was marked as
   * never indexed (`marks` counts them), because then its values have to be hidden from now on.
   */
  renew(generation: number, marks: number): void {
    if (this.generation === generation && this.marks === marks) return;
    this.generation = generation;
    this.marks = marks;
    this.texts.length = 0;
    this.ids.length = 0;
  }

  /** True when the line is the same as last time. */
  is(line: number, name: string, value: string): boolean {
    const at = 2 * line;
    return at < this.texts.length && this.ids[at] !== 0 && this.texts[at + 1] === value && this.texts[at] === name;
  }

  /** Number of a line's name. */
  name(line: number): number {
    return this.ids[2 * line]!;
  }

  /** Number of a line's value, negative when it is redacted. */
  value(line: number): number {
    return this.ids[2 * line + 1]!;
  }

  /** What the line is now. */
  set(line: number, name: string, value: string, nameId: number, valueId: number): void {
    const at = 2 * line;
    if (at > this.texts.length || line >= MAX_LINES) return;
    const fits = value.length <= MAX_CHARACTERS;
    this.texts[at] = fits ? name : '';
    this.texts[at + 1] = fits ? value : '';
    this.ids[at] = fits ? nameId : 0;
    this.ids[at + 1] = valueId;
  }
}
