import { type ReactNode, useRef } from 'react';
import css from './menu.module.css';
import ui from './ui.module.css';

/** A button that opens a small panel under itself; Escape and a press elsewhere close it. */
export function Menu(props: {
  /** Of the panel, unique on the page. */
  readonly id: string;
  readonly label: string;
  readonly icon: ReactNode;
  readonly small?: boolean;
  readonly children: ReactNode;
}): ReactNode {
  const { id, label } = props;
  const button = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  // It lies above everything, so that nothing cuts it off, and knows of no place but the window.
  const place = (): void => {
    const box = button.current?.getBoundingClientRect();
    if (box === undefined || panel.current === null) return;
    panel.current.style.top = `${box.bottom + 6}px`;
    panel.current.style.right = `${Math.max(8, innerWidth - box.right)}px`;
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        className={ui['button']}
        data-shape="icon"
        data-size={props.small === true ? 'small' : undefined}
        data-bare=""
        popoverTarget={id}
        aria-label={label}
        title={label}
      >
        {props.icon}
      </button>
      <div
        ref={panel}
        id={id}
        popover="auto"
        role="group"
        aria-label={label}
        className={css['panel']}
        onBeforeToggle={place}
      >
        {props.children}
      </div>
    </>
  );
}

/** Opens the panel of a menu from elsewhere, and gives the focus to its first field. */
export function openMenu(id: string): void {
  const panel = document.getElementById(id);
  panel?.showPopover();
  panel?.querySelector<HTMLElement>('input, button')?.focus();
}

/** Closes it. */
export function closeMenu(id: string): void {
  document.getElementById(id)?.hidePopover();
}
