/** Copying. What was copied is said, as nothing else shows it. */
import { notify } from './notice.ts';

/** Copies a text, and says `said`, or why it cannot. */
export async function copyText(text: string, said = 'Copied'): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    notify(said);
  } catch {
    notify('This browser does not let the page copy here');
  }
}
