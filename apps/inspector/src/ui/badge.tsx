import type { ReactNode } from 'react';
import css from './ui.module.css';

/** How serious a badge is; each has its own glyph besides its colour. */
export type Tone = 'good' | 'warn' | 'bad' | 'quiet' | 'accent';

const GLYPH: Readonly<Record<Tone, string>> = { good: '●', warn: '▲', bad: '■', quiet: '○', accent: '◆' };

/** A short verdict. Never wraps, never grows past its place. */
export function Badge(props: {
  readonly tone: Tone;
  readonly children: ReactNode;
  readonly title?: string | undefined;
}): ReactNode {
  return (
    <span className={css['badge']} data-tone={props.tone} title={props.title}>
      <span className={css['badgeGlyph']} aria-hidden="true">
        {GLYPH[props.tone]}
      </span>
      <span className={css['badgeText']}>{props.children}</span>
    </span>
  );
}
