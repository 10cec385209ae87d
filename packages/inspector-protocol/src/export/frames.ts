/** What exports read off a recording's frames. */
import type { Field, FieldSection } from '../fields.ts';
import { compileFilter, type FilterSubject } from '../filter/match.ts';
import type { Filter } from '../filter/parse.ts';
import type { Recording } from '../loaded-recording.ts';
import { concat } from '../octets.ts';
import type { PayloadPiece } from '../payloads.ts';
import { FrameType, Mark } from '../record.ts';
import type { ConnectionFacts } from '../rows.ts';

/** Frames of a recording that an export is to hold, as rows of `recording.frames`. */
export function rowsOf(recording: Recording, filter: Pick<Filter, 'nodes'> | null): readonly number[] {
  const rows: number[] = [];
  if (filter === null || filter.nodes.length === 0) {
    for (let row = 0; row < recording.count; row++) rows.push(row);
    return rows;
  }
  const test = compileFilter(filter);
  const subject = new RecordedSubject(recording);
  for (let row = 0; row < recording.count; row++) {
    subject.row = row;
    if (test(subject)) rows.push(row);
  }
  return rows;
}

/** Sections by number, and by connection and stream. */
export class SectionIndex {
  readonly #byNumber = new Map<number, FieldSection>();
  readonly #byStream = new Map<string, FieldSection[]>();

  constructor(sections: readonly FieldSection[]) {
    for (const section of sections) {
      this.#byNumber.set(section.section, section);
      const key = `${section.connection}/${section.stream}`;
      const list = this.#byStream.get(key);
      if (list === undefined) this.#byStream.set(key, [section]);
      else list.push(section);
    }
  }

  /** The section of a HEADERS row, undefined when it was not kept. */
  ofRow(recording: Recording, row: number): FieldSection | undefined {
    const { frames } = recording;
    return (frames.mark[row]! & Mark.SECTION) === 0 ? undefined : this.#byNumber.get(frames.aux[row]!);
  }

  /** Those of a stream, in order. */
  of(connection: number, stream: number): readonly FieldSection[] {
    return this.#byStream.get(`${connection}/${stream}`) ?? [];
  }
}

/** A value as it may be shown: a redacted one by its length and mark. */
export function shownValue(field: Field): string {
  if (field.redacted !== null) return `(redacted, ${field.valueBytes} octets, ${field.redacted.slice(0, 8)})`;
  return field.valueBytes > field.value.length ? `${field.value} (cut, ${field.valueBytes} octets)` : field.value;
}

/** The octets that pieces hold from offset 0 on without a gap. */
export function leading(pieces: readonly PayloadPiece[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (const { offset, octets } of [...pieces].sort((a, b) => a.offset - b.offset)) {
    if (offset !== length) break;
    parts.push(octets);
    length += octets.length;
  }
  return concat(parts);
}

/** The error code of a RST_STREAM or GOAWAY row, 0 of others. */
export function errorCodeOf(recording: Recording, row: number): number {
  const { type, aux, ref } = recording.frames;
  if (type[row] === FrameType.RST_STREAM) return aux[row]!;
  return type[row] === FrameType.GOAWAY ? ref[row]! : 0;
}

/** A connection in words: `client 127.0.0.1:5000 -> gateway 127.0.0.1:8443`. */
export function connectionName(facts: ConnectionFacts): string {
  return facts.leg === 0
    ? `client ${facts.peer} -> gateway ${facts.local}`
    : `gateway ${facts.local} -> backend ${facts.peer}`;
}

class RecordedSubject implements FilterSubject {
  row = 0;
  readonly #recording: Recording;
  readonly #sections: SectionIndex;

  constructor(recording: Recording) {
    this.#recording = recording;
    this.#sections = new SectionIndex(recording.sections);
  }

  get type(): number {
    return this.#recording.frames.type[this.row]!;
  }
  get direction(): number {
    return this.#recording.frames.direction[this.row]!;
  }
  get leg(): number {
    return this.#recording.frames.leg[this.row]!;
  }
  get worker(): number {
    return this.#recording.connections.get(this.connection)?.facts.worker ?? 0;
  }
  get connection(): number {
    return this.#recording.frames.connection[this.row]!;
  }
  get stream(): number {
    return this.#recording.frames.stream[this.row]!;
  }
  get flags(): number {
    return this.#recording.frames.flags[this.row]!;
  }
  get length(): number {
    return this.#recording.frames.length[this.row]!;
  }
  get errorCode(): number {
    return errorCodeOf(this.#recording, this.row);
  }
  get connectionWindow(): number {
    return this.#recording.frames.connectionWindow[this.row]!;
  }
  get streamWindow(): number {
    return this.#recording.frames.streamWindow[this.row]!;
  }
  get t(): number {
    return this.#recording.frames.t[this.row]!;
  }
  get now(): number {
    return this.#recording.now;
  }
  get facts(): FilterSubject['facts'] {
    return this.#recording.streams.get(`${this.connection}/${this.stream}`)?.facts;
  }
  get state(): FilterSubject['state'] {
    return this.#recording.streams.get(`${this.connection}/${this.stream}`)?.state ?? undefined;
  }
  get fields(): FilterSubject['fields'] {
    return this.#sections.of(this.connection, this.stream).flatMap(section => section.fields);
  }
}
