import type { ReactNode } from 'react';
import ui from '../../ui/ui.module.css';
import css from './drawer.module.css';

/** A part of the drawer under its title. */
export function Block(props: { readonly title: string; readonly children: ReactNode }): ReactNode {
  return (
    <section className={css['block']}>
      <h3 className={ui['eyebrow']}>{props.title}</h3>
      {props.children}
    </section>
  );
}
