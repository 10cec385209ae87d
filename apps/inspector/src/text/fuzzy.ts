/** How well a few typed words fit a title: what a command palette ranks by. */

/** A title that fits. */
export interface Fit {
  /** Greater is better. */
  readonly score: number;
  /** Places of the title that the words stand at, ascending. */
  readonly at: readonly number[];
}

/**
 * Every word of `query` must be found in `text`, whatever the case and the order: best as the beginning of a word, else
 * inside one, else letter by letter, each letter soon after the one before. Null when one is not there.
 */
export function fit(query: string, text: string): Fit | null {
  const haystack = text.toLowerCase();
  const places = new Set<number>();
  let score = 0;
  for (const word of query.toLowerCase().split(/\s+/)) {
    if (word === '') continue;
    const found = atWordStart(word, haystack) ?? inside(word, haystack) ?? letters(word, haystack);
    if (found === null) return null;
    score += found.score;
    for (const place of found.at) places.add(place);
  }
  // Among equals the shorter title is the closer one.
  return { score: score - text.length / 100, at: [...places].sort((a, b) => a - b) };
}

function atWordStart(word: string, text: string): Fit | null {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    if (isStart(text, at)) return { score: 100 + word.length - Math.min(at, 40) / 2, at: run(at, word.length) };
  }
  return null;
}

function inside(word: string, text: string): Fit | null {
  const at = text.indexOf(word);
  // One letter in the middle of a word is no sign of anything.
  return at < 0 || word.length < 2
    ? null
    : { score: 50 + word.length - Math.min(at, 40) / 2, at: run(at, word.length) };
}

const MOST_GAP = 12;

function letters(word: string, text: string): Fit | null {
  const at: number[] = [];
  let from = 0;
  let gaps = 0;
  for (const letter of word) {
    let next = text.indexOf(letter, from);
    // The beginning of a later word beats the middle of this one.
    for (let later = next; later >= 0 && later - from <= MOST_GAP; later = text.indexOf(letter, later + 1)) {
      if (later === from || isStart(text, later)) {
        next = later;
        break;
      }
    }
    if (next < 0 || (at.length > 0 && next - from > MOST_GAP)) return null;
    if (at.length === 0 && !isStart(text, next)) return null;
    gaps += at.length === 0 ? 0 : next - from;
    at.push(next);
    from = next + 1;
  }
  return { score: 20 + word.length - gaps, at };
}

function isStart(text: string, at: number): boolean {
  return at === 0 || /[^a-z0-9]/.test(text[at - 1]!);
}

function run(from: number, length: number): number[] {
  return Array.from({ length }, (_, i) => from + i);
}
