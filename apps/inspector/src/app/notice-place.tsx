import type { ReactNode } from 'react';
import css from './notice.module.css';
import { useNotice, useTask } from './notice.ts';

/** Where words in passing are shown, and how far something is that takes long. */
export function Notice(): ReactNode {
  const text = useNotice(state => state.text);
  const task = useTask(state => state.task);
  const name = task?.kind === 'opening' ? 'Reading the recording' : 'Making the file';
  return (
    <div className={css['place']}>
      {task !== null && (
        <span className={css['word']}>
          {name}
          {task.share >= 0 ? (
            <progress className={css['bar']} aria-label={name} max={100} value={Math.round(task.share * 100)} />
          ) : (
            <progress className={css['bar']} aria-label={name} />
          )}
        </span>
      )}
      <div role="log" aria-live="polite" aria-label="Notices">
        {text !== '' && <span className={css['word']}>{text}</span>}
      </div>
    </div>
  );
}
