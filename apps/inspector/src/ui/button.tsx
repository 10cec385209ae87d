import type { ButtonHTMLAttributes, ReactNode } from 'react';
import css from './ui.module.css';

/** A button. `icon`: square, only an icon inside; give it an `aria-label`. */
export function Button(
  props: ButtonHTMLAttributes<HTMLButtonElement> & {
    readonly icon?: boolean;
    readonly small?: boolean;
    readonly bare?: boolean;
  },
): ReactNode {
  const { icon, small, bare, ...rest } = props;
  return (
    <button
      type="button"
      {...rest}
      className={css['button']}
      data-shape={icon === true ? 'icon' : undefined}
      data-size={small === true ? 'small' : undefined}
      data-bare={bare === true ? '' : undefined}
    />
  );
}
