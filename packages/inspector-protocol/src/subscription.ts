/** Which frames a viewer wants, and the one predicate both sides use to say whether a record is among them. */
import { CONNECTION_MASK, STREAM_MASK } from './record.ts';

/** A choice of frames. Every list is a set of alternatives; what is left out does not restrict. */
export interface FrameSelection {
  /** Frame types, 0..255. */
  readonly types?: readonly number[];
  /** Connection numbers. */
  readonly connections?: readonly number[];
  /** Stream identifiers, on whichever connections are chosen. */
  readonly streams?: readonly number[];
  /** 0 received, 1 sent. */
  readonly direction?: 0 | 1;
  /** 0 client to gateway, 1 gateway to backend. */
  readonly leg?: 0 | 1;
}

/** Lists longer than this are refused: a selection is compared with every frame. */
export const MAX_SELECTION_ENTRIES = 1000;

/** A selection made ready for comparing; knows nothing of where records are kept. */
export class FrameMatcher {
  /** True when every record matches. */
  readonly everything: boolean;
  /** Equal for selections that choose the same frames. */
  readonly key: string;
  readonly #types: Uint8Array | null;
  readonly #connections: ReadonlySet<number> | null;
  readonly #streams: ReadonlySet<number> | null;
  readonly #direction: number;
  readonly #leg: number;

  constructor(selection: FrameSelection) {
    const types = canonical(selection.types);
    const connections = canonical(selection.connections);
    const streams = canonical(selection.streams);
    this.#direction = selection.direction ?? -1;
    this.#leg = selection.leg ?? -1;
    this.key = JSON.stringify([types, connections, streams, this.#direction, this.#leg]);
    this.#types = types === null ? null : new Uint8Array(256);
    for (const type of types ?? []) this.#types![type] = 1;
    this.#connections = connections === null ? null : new Set(connections);
    this.#streams = streams === null ? null : new Set(streams);
    this.everything =
      types === null && connections === null && streams === null && this.#direction < 0 && this.#leg < 0;
  }

  /** True when the record with these words (see the record's layout) is chosen. */
  matches(connectionWord: number, streamWord: number, type: number): boolean {
    if (this.everything) return true;
    if (!this.matchesConnection(connectionWord, type)) return false;
    return this.#streams === null || this.#streams.has(streamWord & STREAM_MASK);
  }

  /** True when the record that begins at `words[at]` is chosen. */
  matchesRecord(words: Uint32Array, at: number): boolean {
    return this.matches(words[at + 3]!, words[at + 4]!, words[at + 5]! >>> 24);
  }

  /** What counts the records that nobody looks at. */
  get counting(): FrameMatcher {
    return this;
  }

  /** The same as `matches` without regard to the stream. */
  matchesConnection(connectionWord: number, type: number): boolean {
    if (this.#direction >= 0 && ((connectionWord >>> 30) & 1) !== this.#direction) return false;
    if (this.#leg >= 0 && connectionWord >>> 31 !== this.#leg) return false;
    if (this.#types !== null && this.#types[type & 0xff] === 0) return false;
    return this.#connections === null || this.#connections.has(connectionWord & CONNECTION_MASK);
  }
}

function canonical(list: readonly number[] | undefined): readonly number[] | null {
  return list === undefined ? null : [...new Set(list)].sort((a, b) => a - b);
}
