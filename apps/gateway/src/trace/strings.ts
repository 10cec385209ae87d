/**
 * Strings of field sections by number: a section is written as numbers, and a string goes into the ring before the
 * section that first names it. Sensitive values are replaced by their keyed hash here, which is the only way into the
 * ring. Numbers live for one *generation*; a new one begins every so many octets, so that whoever reads only the newer
 * part of the ring finds the strings it needs.
 */
import { Representation } from '@glassway/inspector-protocol';
import { EntryKind, type EntryRing, StringFlag } from './entry-ring.ts';
import { isSensitiveName } from './redact.ts';
import type { SipHash } from './siphash.ts';
import { STATIC_ENTRIES } from './table-strings.ts';

/** Octets of a name or value that are kept; the rest is only counted. */
const MAX_STRING_BYTES = 4096;
/** Strings looked up by content, in one generation. */
const MAX_STRINGS = 8192;
/** Values of HTTP/1.1 up to this length are looked up; longer ones are cheaper to write again. */
const MAX_LOOKED_UP = 64;
/** Up to this length a loop is faster than a call out of JavaScript. */
const MAX_LOOP = 48;
/** Names that a peer marked never indexed are remembered up to this many, so that it cannot fill the memory. */
const MAX_MARKED_NAMES = 256;
/** A generation ends after this part of the ring. */
const GENERATIONS_PER_RING = 16;

interface KnownName {
  readonly id: number;
  readonly sensitive: boolean;
}

/** The writer's side of string numbers. */
export class StringPool {
  /** Rises with every generation. */
  generation = 1;
  /** Numbers of names and values of the static table's entries in pairs, by index. 0: not known. */
  readonly statics: Int32Array = new Int32Array(2 * (STATIC_ENTRIES + 1));
  private readonly ring: EntryRing;
  private readonly hash: SipHash;
  private readonly revealed: boolean;
  private readonly names = new Map<string, KnownName>();
  private readonly values = new Map<string, number>();
  private readonly secrets = new Map<string, number>();
  private readonly markedNames = new Set<string>();
  private readonly scratch = new Int32Array(2);
  private next = 1;
  private began = 0;

  /** `revealed`: nothing is redacted. */
  constructor(ring: EntryRing, hash: SipHash, revealed: boolean) {
    this.ring = ring;
    this.hash = hash;
    this.revealed = revealed;
    ring.beginGeneration();
  }

  /** Begins a generation. */
  restart(seq: number, t: number): void {
    this.names.clear();
    this.values.clear();
    this.secrets.clear();
    this.statics.fill(0);
    this.generation++;
    this.began = this.ring.position;
    this.ring.beginGeneration();
    this.ring.begin(EntryKind.NEW_STRINGS, 0, seq, t);
    this.ring.commit();
  }

  /** Call before a section, so that numbers within a section are of one generation. */
  prepare(seq: number, t: number): void {
    if (
      this.ring.position - this.began > this.ring.capacity / GENERATIONS_PER_RING ||
      this.names.size + this.values.size + this.secrets.size > MAX_STRINGS
    ) {
      this.restart(seq, t);
    }
  }

  /** Number of a field name. */
  name(name: string, seq: number, t: number): number {
    return (this.names.get(name) ?? this.addName(name, seq, t)).id;
  }

  /** Number of a value; negative when it stands for the hash of a redacted one. `name` was numbered before. */
  value(name: string, value: string, representation: number, seq: number, t: number): number {
    if (this.isSecret(name, representation)) return -this.secret(value, seq, t);
    if (representation !== Representation.TEXT || value.length > MAX_LOOKED_UP) return this.write(value, false, seq, t);
    let id = this.values.get(value);
    if (id === undefined) {
      id = this.write(value, false, seq, t);
      this.values.set(value, id);
    }
    return id;
  }

  /**
   * A peer marked a field of this name never indexed, whether or not its section is recorded. The other leg may be
   * HTTP/1.1, which cannot say so: there the name decides.
   */
  markName(name: string): void {
    if (this.markedNames.size < MAX_MARKED_NAMES) this.markedNames.add(name);
  }

  /** Rises with every name marked. */
  get marks(): number {
    return this.markedNames.size;
  }

  private secret(value: string, seq: number, t: number): number {
    let id = this.secrets.get(value);
    if (id === undefined) {
      id = this.write(value, true, seq, t);
      this.secrets.set(value, id);
    }
    return id;
  }

  private isSecret(name: string, representation: number): boolean {
    if (this.revealed) return false;
    if (representation === Representation.LITERAL_NEVER_INDEXED) {
      this.markName(name);
      return true;
    }
    if (this.names.get(name)?.sensitive === true) return true;
    return representation === Representation.TEXT && this.markedNames.size > 0 && this.isMarked(name);
  }

  private isMarked(name: string): boolean {
    // Full: which names were marked is not known any more, so every one may have been.
    return this.markedNames.size === MAX_MARKED_NAMES || this.markedNames.has(name.toLowerCase());
  }

  private addName(name: string, seq: number, t: number): KnownName {
    const known = { id: this.write(name, false, seq, t), sensitive: isSensitiveName(name) };
    this.names.set(name, known);
    return known;
  }

  private write(text: string, redacted: boolean, seq: number, t: number): number {
    const id = this.next;
    // Numbers stay positive 31-bit integers; no generation is long enough to meet its own beginning.
    this.next = id === 0x7fff_ffff ? 1 : id + 1;
    const kept = redacted ? 8 : Math.min(text.length, MAX_STRING_BYTES);
    const ring = this.ring;
    const at = ring.begin(EntryKind.STRING, 16 + kept, seq, t);
    const word = at >> 2;
    const { i32, bytes } = ring;
    i32[word] = id;
    i32[word + 1] = redacted ? StringFlag.REDACTED : 0;
    i32[word + 2] = text.length;
    i32[word + 3] = kept;
    if (redacted) {
      this.hash.hash(text, this.scratch, 0);
      i32[word + 4] = this.scratch[0]!;
      i32[word + 5] = this.scratch[1]!;
    } else if (kept > MAX_LOOP) {
      bytes.write(text, at + 16, kept, 'latin1');
    } else {
      for (let i = 0; i < kept; i++) bytes[at + 16 + i] = text.charCodeAt(i);
    }
    ring.commit();
    return id;
  }
}
