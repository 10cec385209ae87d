import type { ButtonHTMLAttributes, ReactNode } from 'react';
import css from './ui.module.css';

/** A button that stands in a sentence and looks like a link: it leads to another place of the page. */
export function LinkButton(props: Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'className' | 'type'>): ReactNode {
  return <button {...props} type="button" className={css['link']} />;
}
