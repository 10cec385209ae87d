/** A word in passing, such as “Copied”: shown for a moment, and said to screen readers. */
import { create } from 'zustand';
import { type Task, whenTask } from '../feed/client.ts';
import { count } from '../text/format.ts';

const SHOWN_MS = 2400;
const LONG_MS = 8000;

/** The word, '' while there is none. */
export const useNotice = create<{ readonly text: string }>(() => ({ text: '' }));

let timer: ReturnType<typeof setTimeout> | undefined;

/** Shows a word, for so many milliseconds. */
export function notify(text: string, ms: number = SHOWN_MS): void {
  clearTimeout(timer);
  useNotice.setState({ text });
  timer = setTimeout(() => useNotice.setState({ text: '' }), ms);
}

/** What takes long now; null: nothing. */
export const useTask = create<{ readonly task: Task | null }>(() => ({ task: null }));

/** Shows the feed's long tasks. Call once. */
export function startTasks(): void {
  whenTask(
    task => useTask.setState({ task }),
    (frames, kept) => {
      if (kept < frames) notify(`Of ${count(frames)} frames the newest ${count(kept)} fit into this page`, LONG_MS);
    },
  );
}
