/** Completion of the filter: what the token under the caret could become. */

import { ERROR_NAMES, FLAGS, FRAME_NAMES } from '@glassway/inspector-protocol';
import { FILTER_FIELDS, type FilterField, fieldHint } from './parse.ts';

/** One way to go on. */
export interface Completion {
  /** What the token becomes. */
  readonly label: string;
  readonly hint: string;
  /** The whole filter with it, and where the caret goes. */
  readonly text: string;
  readonly caret: number;
}

const WORDS: Readonly<Partial<Record<FilterField, readonly string[]>>> = {
  type: Object.values(FRAME_NAMES),
  dir: ['in', 'out'],
  leg: ['client', 'backend'],
  flag: FLAGS.map(flag => flag.name),
  err: ERROR_NAMES,
};

const HINTS: Readonly<Record<string, string>> = {
  in: 'received by the gateway',
  out: 'sent by the gateway',
  client: 'client → gateway',
  backend: 'gateway → backend',
};

/** Completions for the token the caret is in or right behind. */
export function complete(text: string, caret: number): readonly Completion[] {
  const start = text.lastIndexOf(' ', caret - 1) + 1;
  const space = text.indexOf(' ', caret);
  const end = space < 0 ? text.length : space;
  const token = text.slice(start, caret);
  const made = (label: string, hint: string, open: boolean): Completion => {
    const tail = open ? '' : ' ';
    const rest = text.slice(end).replace(/^ /, '');
    return {
      label,
      hint,
      text: `${text.slice(0, start)}${label}${tail}${open ? text.slice(end) : rest}`,
      caret: start + label.length + tail.length,
    };
  };
  const at = token.search(/[=!<>]/);
  if (at < 0) {
    const typed = token.toLowerCase();
    return FILTER_FIELDS.filter(field => field.startsWith(typed)).map(field =>
      made(`${field}=`, fieldHint(field), true),
    );
  }
  const field = token.slice(0, at).toLowerCase() as FilterField;
  const words = Object.hasOwn(WORDS, field) ? (WORDS[field] ?? []) : [];
  const comma = Math.max(token.lastIndexOf(','), token.lastIndexOf('='));
  const kept = token.slice(0, comma + 1);
  const typed = token.slice(comma + 1).toLowerCase();
  const used = new Set(
    kept
      .slice(at + 1)
      .toLowerCase()
      .split(/[,=]/),
  );
  return words
    .filter(
      word => word.toLowerCase().startsWith(typed) && word.toLowerCase() !== typed && !used.has(word.toLowerCase()),
    )
    .map(word => made(kept + word, HINTS[word] ?? '', false));
}
