import { type KeyboardEvent, type PointerEvent, useCallback, useState } from 'react';

/** How a pane may be resized. */
export interface SplitOptions {
  /** Where the size is kept in this browser. */
  readonly key: string;
  readonly initial: number;
  readonly min: number;
  readonly max: number;
  readonly axis: 'x' | 'y';
  /** 1 when dragging towards larger coordinates makes the pane larger, else -1. */
  readonly grows: 1 | -1;
  readonly label: string;
}

/** What makes an element the handle: spread it. */
export interface SplitHandle {
  readonly role: 'separator';
  readonly tabIndex: 0;
  readonly 'aria-label': string;
  readonly 'aria-orientation': 'vertical' | 'horizontal';
  readonly 'aria-valuenow': number;
  readonly 'aria-valuemin': number;
  readonly 'aria-valuemax': number;
  readonly onPointerDown: (event: PointerEvent<HTMLElement>) => void;
  readonly onPointerMove: (event: PointerEvent<HTMLElement>) => void;
  readonly onPointerUp: (event: PointerEvent<HTMLElement>) => void;
  readonly onKeyDown: (event: KeyboardEvent) => void;
  readonly onDoubleClick: () => void;
}

const STEP = 16;

/** A pane's size in CSS pixels, resized by pointer, arrow keys, and double click for the initial size. */
export function useSplit(options: SplitOptions): readonly [size: number, handle: SplitHandle] {
  const { key, initial, min, max, axis, grows, label } = options;
  const [size, setSize] = useState(() => clamp(Number(localStorage.getItem(key) ?? initial) || initial, min, max));
  const [from, setFrom] = useState<{ readonly at: number; readonly size: number } | null>(null);

  const resize = useCallback(
    (next: number) => {
      const fits = Math.round(clamp(next, min, max));
      setSize(fits);
      localStorage.setItem(key, String(fits));
    },
    [key, min, max],
  );

  const place = (event: PointerEvent): number => (axis === 'x' ? event.clientX : event.clientY);
  const less = axis === 'x' ? 'ArrowLeft' : 'ArrowUp';
  const more = axis === 'x' ? 'ArrowRight' : 'ArrowDown';
  return [
    clamp(size, min, max),
    {
      role: 'separator',
      tabIndex: 0,
      'aria-label': label,
      'aria-orientation': axis === 'x' ? 'vertical' : 'horizontal',
      'aria-valuenow': size,
      'aria-valuemin': min,
      'aria-valuemax': max,
      onPointerDown: event => {
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
        setFrom({ at: place(event), size });
      },
      onPointerMove: event => {
        if (from !== null) resize(from.size + grows * (place(event) - from.at));
      },
      onPointerUp: () => setFrom(null),
      onKeyDown: event => {
        if (event.key !== less && event.key !== more) return;
        event.preventDefault();
        resize(size + grows * (event.key === more ? STEP : -STEP));
      },
      onDoubleClick: () => resize(initial),
    },
  ];
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}
