import type { ReactNode } from 'react';
import css from './notice.module.css';
import { useNotice } from './notice.ts';

/** Where words in passing are shown. */
export function Notice(): ReactNode {
  const text = useNotice(state => state.text);
  return (
    <div className={css['place']} role="log" aria-live="polite" aria-label="Notices">
      {text !== '' && <span className={css['word']}>{text}</span>}
    </div>
  );
}
