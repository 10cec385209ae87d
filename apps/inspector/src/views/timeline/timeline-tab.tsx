import { type MouseEvent, type ReactNode, useEffect, useRef, useState } from 'react';
import { onColoursChanged } from '../../app/theme.ts';
import { openStream, useUi } from '../../app/ui-store.ts';
import { useFeed } from '../../feed/client.ts';
import type { TimelineLane, TimelinePart } from '../../feed/model.ts';
import { plural, span } from '../../text/format.ts';
import { Hostile } from '../../ui/hostile.tsx';
import { SpanChoice } from '../../ui/span-choice.tsx';
import { PHASE_NAMES } from '../streams/stream-line.tsx';
import { draw, LANE, type Palette, paletteOf, RULER } from './draw.ts';
import css from './timeline.module.css';

const KINDS = ['request', 'waiting', 'sending', 'blocked', 'idle'] as const;

/** A lane per stream with both legs: what it did when, and whose turn the scheduler gave. */
export function TimelineTab(): ReactNode {
  const part = useFeed(snapshot => snapshot.timeline);
  return (
    <div className={css['tab']}>
      <div className={css['head']}>
        <ul className={css['legend']} aria-label="Colours">
          {KINDS.map(kind => (
            <li key={kind}>
              <span data-phase={kind} aria-hidden="true" /> {PHASE_NAMES[kind]}
            </li>
          ))}
          <li>
            <span data-phase="pick" aria-hidden="true" /> DATA sent
          </li>
          <li className={css['how']}>wide: this connection, narrow: the other leg</li>
        </ul>
        <SpanChoice />
      </div>
      {part === null || part.lanes.length === 0 ? (
        <p className={css['none']}>{part === null ? 'A moment …' : 'No stream lived in this span of time.'}</p>
      ) : (
        <Lanes part={part} />
      )}
    </div>
  );
}

function Lanes(props: { readonly part: TimelinePart }): ReactNode {
  const { part } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const palette = useRef<Palette | null>(null);
  const [box, setBox] = useState({ width: 0, height: 0, top: 0 });
  const selected = useUi(state => (state.stream?.connection === part.connection ? state.stream.stream : -1));
  const [colours, setColours] = useState(0);
  const leg = useFeed(snapshot => snapshot.connection?.row.leg ?? 0);

  useEffect(() => {
    const place = scroller.current;
    const surface = canvas.current;
    if (place === null || surface === null) return;
    const measure = (): void =>
      setBox({ width: surface.clientWidth, height: place.clientHeight, top: place.scrollTop });
    const watch = new ResizeObserver(measure);
    watch.observe(place);
    place.addEventListener('scroll', measure, { passive: true });
    return () => {
      watch.disconnect();
      place.removeEventListener('scroll', measure);
    };
  }, []);

  // Another theme has other colours, and so may the system have at any time.
  useEffect(
    () =>
      onColoursChanged(() => {
        palette.current = null;
        setColours(count => count + 1);
      }),
    [],
  );

  // biome-ignore lint/correctness/useExhaustiveDependencies: other colours are another picture
  useEffect(() => {
    const surface = canvas.current;
    const context = surface?.getContext('2d');
    if (!surface || !context || box.width === 0) return;
    palette.current ??= paletteOf(surface.parentElement!);
    const ratio = devicePixelRatio;
    surface.width = Math.round(box.width * ratio);
    surface.height = Math.round(box.height * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    draw(context, part, { ...box, selected }, palette.current);
  }, [part, box, selected, colours]);

  // The newest lanes are at the end, and that is where one wants to look first.
  const followed = useRef(false);
  useEffect(() => {
    if (followed.current || scroller.current === null || box.height === 0) return;
    followed.current = true;
    scroller.current.scrollTop = scroller.current.scrollHeight;
  }, [box.height]);

  const onClick = (event: MouseEvent): void => {
    const lane = part.lanes[Math.floor((event.nativeEvent.offsetY - RULER + box.top) / LANE)];
    if (lane !== undefined && event.nativeEvent.offsetY >= RULER) openStream(part.connection, lane.stream);
  };

  return (
    <div ref={scroller} className={css['scroller']}>
      {/* What remains below the last lane makes the way to the end one of whole lanes: none stands half under the ruler. */}
      <div className={css['labels']} style={{ paddingBottom: Math.max(0, box.height - RULER) % LANE }}>
        <div className={css['corner']} style={{ height: RULER }} />
        <ul aria-label="Streams over time, oldest first">
          {part.lanes.map(lane => (
            <li key={lane.stream} style={{ height: LANE }} data-selected={lane.stream === selected ? '' : undefined}>
              <button type="button" title={spoken(lane)} onClick={() => openStream(part.connection, lane.stream)}>
                <b>{lane.stream}</b> <Hostile text={lane.label} />
              </button>
              <span className={css['below']}>
                {lane.pair === null ? (
                  leg === 0 ? (
                    'no backend'
                  ) : (
                    'no client'
                  )
                ) : (
                  <button type="button" onClick={() => lane.pair && openStream(lane.pair.connection, lane.pair.stream)}>
                    {leg === 0 ? 'backend' : 'client'} {lane.pair.connection} / {lane.pair.stream}
                  </button>
                )}
                {lane.urgency !== null && (
                  <span title="RFC 9218: urgency 0 (first) to 7, i: incremental">
                    u={lane.urgency.urgency}
                    {lane.urgency.incremental ? ', i' : ''}
                  </span>
                )}
              </span>
            </li>
          ))}
        </ul>
      </div>
      {/* The buttons on the left do the same for the keyboard. */}
      <canvas
        ref={canvas}
        className={css['canvas']}
        style={{ height: box.height }}
        role="img"
        aria-label={`${plural(part.lanes.length, 'stream')} over ${span((part.to - part.from) / 1000)}`}
        onClick={onClick}
      />
      {part.omitted > 0 && <p className={css['omitted']}>{plural(part.omitted, 'older stream')} not shown.</p>}
    </div>
  );
}

/* What the bar shows, in words. */
function spoken(lane: TimelineLane): string {
  const phases = lane.phases.map(phase => `${PHASE_NAMES[phase.kind]} ${span((phase.to - phase.from) / 1000)}`);
  return `Stream ${lane.stream}, ${lane.label}: ${phases.join(', ')}`;
}
