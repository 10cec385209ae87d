/** A subscription's filter over records as they lie in the ring. */
import {
  CONNECTION_MASK,
  compileFilter,
  type Field,
  type FieldSection,
  type Filter,
  type FilterSubject,
  type FilterTest,
  FrameMatcher,
  type FrameSelection,
  FrameType,
  STREAM_MASK,
  type StreamFacts,
  type StreamState,
  selectionOf,
} from '@glassway/inspector-protocol';
import type { RowBook, StreamModel } from './row-book.ts';

/** What is known besides the record. */
export interface FilterWorld {
  readonly rows: RowBook;
  /** The field sections at these places of their log that are kept. */
  sections(positions: readonly number[]): readonly FieldSection[];
  /** Now, microseconds. */
  clock(): number;
}

const EVERYTHING = new FrameMatcher({});

/** Chooses what a selection chooses and a filter lets pass, by what is known when it is asked. */
export class FilterMatcher extends FrameMatcher {
  override readonly everything: boolean = false;
  override readonly key: string;
  readonly #test: FilterTest;
  readonly #subject: RecordSubject;

  /** `filter` was understood: it has no problems. `text`: as it came. */
  constructor(selection: FrameSelection, filter: Filter, text: string, world: FilterWorld) {
    // What the record alone can tell is found out without the rest.
    const narrow = new FrameMatcher(selection).everything ? selectionOf(filter) : selection;
    super(narrow);
    this.key = JSON.stringify([new FrameMatcher(narrow).key, text]);
    this.#test = compileFilter(filter);
    this.#subject = new RecordSubject(world);
  }

  override matchesRecord(words: Uint32Array, at: number): boolean {
    if (!super.matchesRecord(words, at)) return false;
    const subject = this.#subject;
    subject.words = words;
    subject.at = at;
    return this.#test(subject);
  }

  /* What is not looked at may have passed or not, and the answer may be another tomorrow. */
  override get counting(): FrameMatcher {
    return EVERYTHING;
  }
}

const clockWords = new Uint32Array(2);
const clockValue = new Float64Array(clockWords.buffer);

/** See the layout of records in `record.ts` of the protocol. */
class RecordSubject implements FilterSubject {
  words: Uint32Array = new Uint32Array(0);
  at = 0;
  readonly #world: FilterWorld;

  constructor(world: FilterWorld) {
    this.#world = world;
  }

  get type(): number {
    return this.words[this.at + 5]! >>> 24;
  }

  get direction(): number {
    return (this.words[this.at + 3]! >>> 30) & 1;
  }

  get leg(): number {
    return this.words[this.at + 3]! >>> 31;
  }

  get worker(): number {
    return this.#world.rows.connections.get(this.connection)?.facts.worker ?? 0;
  }

  get connection(): number {
    return this.words[this.at + 3]! & CONNECTION_MASK;
  }

  get stream(): number {
    return this.words[this.at + 4]! & STREAM_MASK;
  }

  get flags(): number {
    return this.words[this.at + 6]! & 0xff;
  }

  get length(): number {
    return this.words[this.at + 5]! & 0xff_ffff;
  }

  /* `ref` has the low 16 bits; RST_STREAM has the whole in `aux`. */
  get errorCode(): number {
    return this.type === FrameType.RST_STREAM ? this.words[this.at + 9]! : this.words[this.at + 6]! >>> 16;
  }

  get connectionWindow(): number {
    return this.words[this.at + 7]! | 0;
  }

  get streamWindow(): number {
    return this.words[this.at + 8]! | 0;
  }

  get t(): number {
    clockWords[0] = this.words[this.at]!;
    clockWords[1] = this.words[this.at + 1]!;
    return clockValue[0]!;
  }

  get now(): number {
    return this.#world.clock();
  }

  get #row(): StreamModel | undefined {
    return this.#world.rows.connections.get(this.connection)?.streams.get(this.stream);
  }

  get facts(): StreamFacts | undefined {
    return this.#row?.facts;
  }

  get state(): StreamState | undefined {
    return this.#row?.state;
  }

  get fields(): Iterable<Field> {
    return this.#world.sections(this.#row?.sections ?? []).flatMap(section => section.fields);
  }
}
