/** A word in passing, such as “Copied”: shown for a moment, and said to screen readers. */
import { create } from 'zustand';

const SHOWN_MS = 2400;

/** The word, '' while there is none. */
export const useNotice = create<{ readonly text: string }>(() => ({ text: '' }));

let timer: ReturnType<typeof setTimeout> | undefined;

/** Shows a word. */
export function notify(text: string): void {
  clearTimeout(timer);
  useNotice.setState({ text });
  timer = setTimeout(() => useNotice.setState({ text: '' }), SHOWN_MS);
}
