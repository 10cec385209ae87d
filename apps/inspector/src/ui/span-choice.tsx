import type { ReactNode } from 'react';
import { useUi } from '../app/ui-store.ts';
import ui from './ui.module.css';

const SPANS: readonly (readonly [seconds: number, label: string])[] = [
  [10, '10 s'],
  [30, '30 s'],
  [120, '2 min'],
  [0, 'all'],
];

/** How far back charts over time go. */
export function SpanChoice(): ReactNode {
  const seconds = useUi(state => state.windowSeconds);
  return (
    <div className={ui['choices']} role="group" aria-label="Time shown">
      {SPANS.map(([value, label]) => (
        <button
          key={value}
          type="button"
          aria-pressed={value === seconds}
          onClick={() => useUi.setState({ windowSeconds: value })}
        >
          {label}
        </button>
      ))}
    </div>
  );
}
