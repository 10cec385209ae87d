/** Frames as text in the manner of `nghttp -v`, readable without any tool. */

import type { Recording } from '../loaded-recording.ts';
import { isContent } from '../payloads.ts';
import { FrameType } from '../record.ts';
import { errorName, flagNames, frameName, settingName } from '../vocabulary.ts';
import { hexNumber, hexOctets } from '../words.ts';
import { connectionName, errorCodeOf, SectionIndex, shownValue } from './frames.ts';

/** The text of these rows. Control characters of values are spelled out. */
export function exportText(recording: Recording, rows: readonly number[]): string {
  const sections = new SectionIndex(recording.sections);
  const { frames, connections } = recording;
  const lines: string[] = [];
  let connection = -1;
  for (const row of rows) {
    const id = frames.connection[row]!;
    if (id !== connection) {
      const facts = connections.get(id)?.facts;
      lines.push(`--- connection ${id}${facts === undefined ? '' : `: ${connectionName(facts)}`}`);
      connection = id;
    }
    const type = frames.type[row]!;
    const flags = frames.flags[row]!;
    const verb = frames.direction[row] === 1 ? 'send' : 'recv';
    const head = `length=${frames.length[row]}, flags=${hexNumber(flags, 2)}, stream_id=${frames.stream[row]}`;
    lines.push(`[${(frames.t[row]! / 1e6).toFixed(6).padStart(10)}] ${verb} ${frameName(type)} frame <${head}>`);
    const names = flagNames(type, flags);
    if (names.length > 0) lines.push(`          ; ${names.join(' | ')}`);
    for (const detail of frameDetails(recording, sections, row)) lines.push(`          ${detail}`);
    for (const line of contentLines(recording, row)) lines.push(`          ${line}`);
  }
  return `${lines.join('\n')}\n`;
}

/** What a frame says beyond its head, a line each. */
export function frameDetails(recording: Recording, sections: SectionIndex, row: number): string[] {
  const { frames } = recording;
  const aux = frames.aux[row]!;
  switch (frames.type[row]) {
    case FrameType.HEADERS: {
      const section = sections.ofRow(recording, row);
      if (section === undefined) return ['(fields not kept)'];
      return section.fields.map(field => `${spelled(field.name)}: ${spelled(shownValue(field))}`);
    }
    case FrameType.SETTINGS:
      if ((frames.flags[row]! & 1) !== 0 || frames.length[row] === 0) return [];
      return settingsAt(recording, row).map(([id, value]) => `[${settingName(id)}(${hexNumber(id, 2)}):${value}]`);
    case FrameType.WINDOW_UPDATE:
      return [`(window_size_increment=${aux})`];
    case FrameType.RST_STREAM:
    case FrameType.GOAWAY: {
      const code = errorCodeOf(recording, row);
      return [`(error_code=${errorName(code)}(${hexNumber(code, 2)}))`];
    }
    default:
      return [];
  }
}

/** What is kept of a frame's content, as a dump of octets and text. */
function contentLines(recording: Recording, row: number): string[] {
  const { frames, payloads } = recording;
  const pieces = payloads.of(frames.seq[row]!).filter(piece => isContent(piece.type));
  if (pieces.length === 0) return [];
  const kept = pieces.reduce((sum, piece) => sum + piece.octets.length, 0);
  const lines = [`; ${kept} of ${frames.length[row]} octets`];
  for (const { offset, octets } of pieces) {
    for (let at = 0; at < octets.length; at += 16) lines.push(dumpLine(offset + at, octets.subarray(at, at + 16)));
  }
  return lines;
}

/** `00000010  68 65 6c 6c 6f                                    hello`. */
function dumpLine(offset: number, octets: Uint8Array): string {
  const text = Array.from(octets, octet => (octet >= 0x20 && octet < 0x7f ? String.fromCharCode(octet) : '.')).join('');
  return `${offset.toString(16).padStart(8, '0')}  ${hexOctets(octets, ' ').padEnd(48)}  ${text}`;
}

/** The pairs of a SETTINGS row, as an event of the same moment told them; the first identifier alone when none did. */
export function settingsAt(recording: Recording, row: number): readonly (readonly [id: number, value: number])[] {
  const { frames } = recording;
  const kind = frames.direction[row] === 1 ? 'sent' : 'received';
  const connection = frames.connection[row]!;
  const t = frames.t[row]!;
  let best: readonly (readonly [number, number])[] = [];
  let distance = Number.POSITIVE_INFINITY;
  for (const event of recording.events) {
    if (event.kind !== 'settings' || event.event !== kind || event.connection !== connection) continue;
    const away = Math.abs(event.t - t);
    if (away >= distance) continue;
    distance = away;
    best = event.pairs;
  }
  return best;
}

/** Nothing of a peer's may move the reader's cursor. */
function spelled(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this finds
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, character => {
    const code = character.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}
