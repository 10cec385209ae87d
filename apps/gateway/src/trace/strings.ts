/**
 * Strings of field sections by number. Names and values repeat, so a section is written as numbers and each string goes
 * into the ring once. Sensitive values are replaced by their keyed hash here, which is the only way into the ring.
 */
import { Representation } from '@glassway/inspector-protocol';
import { EntryKind, type EntryRing, StringFlag } from './entry-ring.ts';
import { isSensitiveName } from './redact.ts';
import type { SipHash } from './siphash.ts';

/** Octets of a name or value that are kept; the rest is only counted. */
export const MAX_STRING_BYTES = 4096;
const MAX_STRINGS = 8192;
const MAX_TOTAL_BYTES = 2 * 1024 * 1024;
/** Names that a peer marked never indexed are remembered up to this many, so that it cannot fill the memory. */
const MAX_MARKED_NAMES = 256;

interface KnownName {
  readonly id: number;
  readonly sensitive: boolean;
}

/** The writer's side of string numbers. */
export class StringPool {
  readonly #ring: EntryRing;
  readonly #hash: SipHash;
  readonly #revealed: boolean;
  readonly #names = new Map<string, KnownName>();
  readonly #values = new Map<string, number>();
  readonly #secrets = new Map<string, number>();
  readonly #markedNames = new Set<string>();
  readonly #scratch = new Int32Array(2);
  #next = 1;
  #bytes = 0;
  /** True when the value numbered last was redacted. */
  redacted = false;

  /** `revealed`: nothing is redacted. */
  constructor(ring: EntryRing, hash: SipHash, revealed: boolean) {
    this.#ring = ring;
    this.#hash = hash;
    this.#revealed = revealed;
  }

  /** Forgets all numbers, as after the reader lost strings. */
  restart(seq: number, t: number): void {
    this.#names.clear();
    this.#values.clear();
    this.#secrets.clear();
    this.#bytes = 0;
    this.#ring.begin(EntryKind.NEW_STRINGS, 0, seq, t);
    this.#ring.commit();
  }

  /** Call before a section: makes room, so that numbers within a section are of one generation. */
  prepare(seq: number, t: number): void {
    if (this.#names.size + this.#values.size + this.#secrets.size > MAX_STRINGS || this.#bytes > MAX_TOTAL_BYTES) {
      this.restart(seq, t);
    }
  }

  /** Number of a field name. */
  name(name: string, seq: number, t: number): number {
    return (this.#names.get(name) ?? this.#addName(name, seq, t)).id;
  }

  /** Number of a value, or of its hash. Sets `redacted`. `name` must have been numbered before. */
  value(name: string, value: string, representation: number, seq: number, t: number): number {
    this.redacted = this.#isSecret(name, representation);
    const known = this.redacted ? this.#secrets : this.#values;
    const id = known.get(value);
    if (id !== undefined) return id;
    const added = this.#write(value, this.redacted, seq, t);
    known.set(value, added);
    return added;
  }

  #isSecret(name: string, representation: number): boolean {
    if (this.#revealed) return false;
    if (representation === Representation.LITERAL_NEVER_INDEXED) {
      // The other leg may be HTTP/1.1, which cannot say "never indexed": there the name decides.
      if (this.#markedNames.size < MAX_MARKED_NAMES) this.#markedNames.add(name);
      return true;
    }
    if (this.#names.get(name)?.sensitive === true) return true;
    return representation === Representation.TEXT && this.#markedNames.has(name.toLowerCase());
  }

  #addName(name: string, seq: number, t: number): KnownName {
    const known = { id: this.#write(name, false, seq, t), sensitive: isSensitiveName(name) };
    this.#names.set(name, known);
    return known;
  }

  #write(text: string, redacted: boolean, seq: number, t: number): number {
    const id = this.#next++;
    const kept = redacted ? 8 : Math.min(text.length, MAX_STRING_BYTES);
    const ring = this.#ring;
    const at = ring.begin(EntryKind.STRING, 16 + kept, seq, t);
    const word = at >> 2;
    ring.i32[word] = id;
    ring.i32[word + 1] = redacted ? StringFlag.REDACTED : 0;
    ring.i32[word + 2] = text.length;
    ring.i32[word + 3] = kept;
    if (redacted) {
      this.#hash.hash(text, this.#scratch, 0);
      ring.i32[word + 4] = this.#scratch[0]!;
      ring.i32[word + 5] = this.#scratch[1]!;
    } else {
      ring.bytes.write(text, at + 16, kept, 'latin1');
    }
    ring.commit();
    this.#bytes += text.length;
    return id;
  }
}
