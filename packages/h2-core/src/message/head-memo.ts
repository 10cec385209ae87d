import type { Octets } from '@glassway/hpack';
import type { FieldList } from '../handler.ts';

/** Heads remembered at once. */
const SLOTS = 4;
/** Heads remembered ahead of being of use; what is of use earns it back. */
const CREDIT = 16;
/** One in so many is remembered when the heads of a connection do not come again. */
const PROBE = 64;
/** Longer ones are not remembered, so that a connection keeps little. */
const MAX_FIELDS = 64;
const MAX_OCTETS = 1024;
/** Up to this many octets a loop beats the call into native code. */
const SHORT_COPY = 64;

/** A response head as it was encoded. */
export interface EncodedHead {
  readonly status: number;
  readonly fields: FieldList;
  /** What content-length says, -1 without one. */
  readonly contentLength: number;
  /** The field lines, valid while the encoder's table is at `revision`. */
  readonly octets: Uint8Array;
  readonly revision: number;
}

/**
 * The response heads a server sent last, with their octets: servers send the same ones over and over, and an HPACK table
 * that did not change in between gives the same octets. Costs a comparison of strings, mostly by identity.
 */
export class HeadMemo {
  private heads: (EncodedHead | null)[] | null = null;
  private credit = CREDIT;
  private passedOver = 0;

  /** The head with this status and these fields; its octets may be out of date. */
  find(status: number, fields: FieldList): EncodedHead | null {
    if (this.heads === null) return null;
    const head = this.heads[slotOf(status, fields)] as EncodedHead | null;
    return head !== null && head.status === status && isSame(head.fields, fields) ? head : null;
  }

  /** Appends the octets of a head, and notes that it was of use. */
  repeat(head: EncodedHead, out: Octets): void {
    if (this.credit < CREDIT) this.credit++;
    const { octets } = head;
    const { length } = octets;
    out.ensure(length);
    const { buffer } = out;
    const at = out.length;
    if (length > SHORT_COPY) buffer.set(octets, at);
    else for (let i = 0; i < length; i++) buffer[at + i] = octets[i] as number;
    out.length = at + length;
  }

  /** Remembers what was written to `out` from `from` on, without a change of the encoder's table. */
  keep(status: number, fields: FieldList, contentLength: number, out: Octets, from: number, revision: number): void {
    if (fields.length > MAX_FIELDS || out.length - from > MAX_OCTETS) return;
    if (this.credit > 0) {
      this.credit--;
    } else {
      if (++this.passedOver < PROBE) return;
      this.passedOver = 0;
    }
    const octets = out.buffer.slice(from, out.length);
    this.heads ??= new Array<EncodedHead | null>(SLOTS).fill(null);
    this.heads[slotOf(status, fields)] = { status, fields: fields.slice(), contentLength, octets, revision };
  }

  /** The connection is over. */
  clear(): void {
    this.heads = null;
  }
}

/* Responses of one program differ in their status, in which fields they have and in how long the values are. */
function slotOf(status: number, fields: FieldList): number {
  let sum = status + fields.length;
  // What is no string is for the check to refuse.
  for (let i = 1; i < fields.length; i += 2) sum += fields[i]?.length ?? 0;
  return sum & (SLOTS - 1);
}

function isSame(kept: FieldList, fields: FieldList): boolean {
  if (kept.length !== fields.length) return false;
  for (let i = 0; i < kept.length; i++) if (kept[i] !== fields[i]) return false;
  return true;
}
