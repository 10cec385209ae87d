import type { ReactNode } from 'react';
import { useUi } from '../../app/ui-store.ts';
import { useFeed } from '../../feed/client.ts';
import { plural } from '../../text/format.ts';
import ui from '../../ui/ui.module.css';
import { FrameGrid } from '../frames/frame-grid.tsx';
import { WindowChart } from '../windows/window-chart.tsx';
import { WindowLegend, WindowSide } from '../windows/window-legend.tsx';
import css from './streams.module.css';

/** Below the table: the windows and the frames of the selected stream, or of the connection. */
export function Dock(): ReactNode {
  const stream = useUi(state => state.stream);
  const total = useFeed(snapshot => snapshot.frames.tab?.total ?? 0);
  const follow = useUi(state => state.follow);
  return (
    <>
      <div className={css['dockHead']}>
        <WindowSide />
        <WindowLegend />
      </div>
      <div className={css['strip']}>
        <WindowChart compact />
      </div>
      <div className={css['dockHead']}>
        <h3 className={ui['eyebrow']}>
          {stream === null ? 'Frames' : `Frames · stream ${stream.stream} and the connection`}
        </h3>
        <span className={css['dockCount']}>
          {plural(total, 'row')}
          {follow ? ' · following' : ''}
        </span>
      </div>
      <FrameGrid slot="tab" showConnection={false} />
    </>
  );
}
