/** Completion of the filter: what the token under the caret could become. */
import { FIELDS, FILTER_FIELDS, type FilterField, fieldHint } from '@glassway/inspector-protocol';

/** One way to go on. */
export interface Completion {
  /** What the token becomes. */
  readonly label: string;
  readonly hint: string;
  /** The whole filter with it, and where the caret goes. */
  readonly text: string;
  readonly caret: number;
}

const GROUPS: readonly (readonly [word: string, hint: string])[] = [
  ['or(', 'one of the tokens inside'],
  ['not(', 'what the tokens inside would show is left out'],
];

const HINTS: Readonly<Record<string, string>> = {
  in: 'received by the gateway',
  out: 'sent by the gateway',
  client: 'client → gateway',
  backend: 'gateway → backend',
};

/** Completions for the token the caret is in or right behind. */
export function complete(text: string, caret: number): readonly Completion[] {
  // A token begins behind a space or an opened group.
  const start = Math.max(text.lastIndexOf(' ', caret - 1), text.lastIndexOf('(', caret - 1)) + 1;
  const rest = text.slice(caret).search(/[\s)]/);
  const end = rest < 0 ? text.length : caret + rest;
  const token = text.slice(start, caret);
  const made = (label: string, hint: string, open: boolean): Completion => {
    const tail = open ? '' : ' ';
    const after = text.slice(end).replace(/^ /, '');
    return {
      label,
      hint,
      text: `${text.slice(0, start)}${label}${tail}${open ? text.slice(end) : after}`,
      caret: start + label.length + tail.length,
    };
  };
  const at = token.search(/[=!<>^$*:]/);
  if (at < 0) {
    const typed = token.toLowerCase();
    const fields = FILTER_FIELDS.filter(field => field.startsWith(typed)).map(field => {
      const opening = field === 'header' ? 'header[' : field === 'stalled' ? 'stalled:' : `${field}=`;
      return made(opening, fieldHint(field), true);
    });
    const groups = GROUPS.filter(([word]) => word.startsWith(typed)).map(([word, hint]) => made(word, hint, true));
    return [...fields, ...groups];
  }
  const field = token.slice(0, at).toLowerCase() as FilterField;
  const words = Object.hasOwn(FIELDS, field) ? FIELDS[field].words : [];
  const comma = Math.max(token.lastIndexOf(','), token.lastIndexOf('='), token.lastIndexOf(':'));
  const kept = token.slice(0, comma + 1);
  const typed = token.slice(comma + 1).toLowerCase();
  const used = new Set(
    kept
      .slice(at + 1)
      .toLowerCase()
      .split(/[,=:]/),
  );
  return words
    .filter(
      word => word.toLowerCase().startsWith(typed) && word.toLowerCase() !== typed && !used.has(word.toLowerCase()),
    )
    .map(word => made(kept + word, HINTS[word] ?? '', false));
}
