/**
 * Everything the page shows came over a network from somebody. Text is set as text nodes only, and characters that
 * could hide, reorder or overprint what is beside them are spelled out.
 */

/** A run of text: `escaped` runs are our spelling of a character that must not be drawn as itself. */
export interface TextRun {
  readonly text: string;
  readonly escaped: boolean;
}

/*
 * C0 and C1 controls, soft hyphen, Arabic letter mark, zero-width and bidi marks and isolates, line and paragraph
 * separators, invisible operators, byte order mark, interlinear marks, tag characters, and lone surrogates.
 */
const HIDDEN =
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: every code point of the class stands for itself
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this finds
  /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e007f}]|\p{Surrogate}/gu;

function spell(character: string): string {
  switch (character) {
    case '\n':
      return '\\n';
    case '\r':
      return '\\r';
    case '\t':
      return '\\t';
    default: {
      const code = character.codePointAt(0) ?? 0;
      return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
    }
  }
}

/** Cuts hostile text into runs. The usual case, nothing to escape, is one run. */
export function textRuns(text: string): readonly TextRun[] {
  const runs: TextRun[] = [];
  let from = 0;
  HIDDEN.lastIndex = 0;
  for (const match of text.matchAll(HIDDEN)) {
    if (match.index > from) runs.push({ text: text.slice(from, match.index), escaped: false });
    const spelled = spell(match[0]);
    const last = runs.at(-1);
    if (last?.escaped) runs[runs.length - 1] = { text: last.text + spelled, escaped: true };
    else runs.push({ text: spelled, escaped: true });
    from = match.index + match[0].length;
  }
  if (from < text.length) runs.push({ text: text.slice(from), escaped: false });
  return runs;
}

/** The same as plain text, for titles, labels and the clipboard. */
export function visible(text: string): string {
  return text.replace(HIDDEN, spell);
}
