/** Things in the order in which they last changed, so that "all that changed since" is a walk from the end. */

/** What a member of a list carries. */
export interface Changing<T> {
  /** Number of its last change; 0 before the first. */
  changed: number;
  before: T | null;
  after: T | null;
}

/** A doubly linked list through its members. */
export class ChangeList<T extends Changing<T>> {
  #last: T | null = null;

  /** Notes a change: the member (new or known) moves to the end. */
  touch(member: T, change: number): void {
    if (this.#last !== member) {
      if (member.changed > 0) this.remove(member);
      member.before = this.#last;
      if (this.#last !== null) this.#last.after = member;
      this.#last = member;
    }
    member.changed = change;
  }

  /** Takes a member out. */
  remove(member: T): void {
    if (member.before !== null) member.before.after = member.after;
    if (member.after === null) this.#last = member.before;
    else member.after.before = member.before;
    member.before = null;
    member.after = null;
    member.changed = 0;
  }

  /** Calls `visit` for every member changed after `since`, newest first. */
  since(since: number, visit: (member: T) => void): void {
    for (let member = this.#last; member !== null && member.changed > since; member = member.before) visit(member);
  }
}
