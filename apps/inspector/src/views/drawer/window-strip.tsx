import type { ReactNode } from 'react';
import { WindowChart } from '../windows/window-chart.tsx';
import { WindowLegend, WindowSide } from '../windows/window-legend.tsx';
import { Block } from './block.tsx';
import css from './strips.module.css';

/** The stream's window and the connection's over the stream's life, the stalls shaded. */
export function WindowStrip(props: { readonly stream: number }): ReactNode {
  return (
    <Block title={`Windows while stream ${props.stream} was open`}>
      <div className={css['side']}>
        <WindowSide />
        <WindowLegend />
      </div>
      <div className={css['chart']}>
        <WindowChart compact />
      </div>
    </Block>
  );
}
