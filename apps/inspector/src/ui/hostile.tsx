import { memo, type ReactNode } from 'react';
import { textRuns, visible } from '../text/escape.ts';
import css from './ui.module.css';

/** Text from the network: as text nodes, hidden characters spelled out and marked. `title` shows the whole on hover. */
export const Hostile = memo(function Hostile(props: { readonly text: string; readonly title?: boolean }): ReactNode {
  const runs = textRuns(props.text);
  const only = runs[0];
  const content =
    runs.length <= 1 && only?.escaped !== true
      ? (only?.text ?? '')
      : runs.map((run, at) =>
          run.escaped ? (
            // biome-ignore lint/suspicious/noArrayIndexKey: runs have no identity but their place
            <span key={at} className={css['escaped']}>
              {run.text}
            </span>
          ) : (
            run.text
          ),
        );
  return props.title === true ? <bdi title={visible(props.text)}>{content}</bdi> : <bdi>{content}</bdi>;
});
