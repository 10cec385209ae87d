import { History, SkipForward } from 'lucide-react';
import { type KeyboardEvent, type PointerEvent, type ReactNode, useRef, useState } from 'react';
import { useFeed } from '../feed/client.ts';
import { PastMark, type PastPart } from '../feed/past.ts';
import { count, span } from '../text/format.ts';
import { Button } from '../ui/button.tsx';
import ui from '../ui/ui.module.css';
import css from './scrubber.module.css';
import { backToNow, goToMoment, nextMark, partAt, stepInTime } from './time-travel.ts';
import { useUi } from './ui-store.ts';

const HEIGHT = 20;

/** The flight recorder: all the time that frames are kept of, and the moment of it that is shown. */
export function Scrubber(): ReactNode {
  const past = useFeed(snapshot => snapshot.past);
  const recorded = useFeed(snapshot => snapshot.gateway?.recorded ?? false);
  const at = useUi(ui => ui.at);
  if (past === null) return <div className={css['strip']} />;
  const now = recorded ? 'the end' : 'now';
  const ago = at === null ? 0 : Math.max(0, past.to - at);
  return (
    <section className={css['strip']} data-past={at === null ? undefined : ''} aria-label="Flight recorder">
      <span className={css['side']}>
        <History size={13} aria-hidden="true" />
        {at === null ? (
          <>{span((past.to - past.from) / 1000)} kept</>
        ) : (
          <b title="Everything shown is as it was at this moment.">{(at / 1e6).toFixed(3)} s</b>
        )}
      </span>
      <Track past={past} at={at} now={now} />
      <span className={css['end']}>
        {at === null ? now : `${span(ago / 1000)} ago`}
        {at === null ? (
          <span aria-hidden="true">
            <kbd className={ui['kbd']}>,</kbd> <kbd className={ui['kbd']}>.</kbd> or drag: the past
          </span>
        ) : (
          <Button small title="Show what happens now (g l)" onClick={backToNow}>
            <SkipForward size={13} aria-hidden="true" />
            Back to {now}
          </Button>
        )}
      </span>
    </section>
  );
}

function Track(props: { readonly past: PastPart; readonly at: number | null; readonly now: string }): ReactNode {
  const { past, at, now } = props;
  const track = useRef<HTMLDivElement>(null);
  const [dragged, setDragged] = useState(false);
  const [hover, setHover] = useState<number | null>(null);
  const long = past.to - past.from;
  const share = at === null ? 1 : Math.min(1, Math.max(0, (at - past.from) / long));

  const momentOf = (event: PointerEvent): number => {
    const box = track.current!.getBoundingClientRect();
    return past.from + Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * long;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = event.shiftKey ? 10 : 1;
    let done = true;
    if (event.key === 'ArrowLeft' || event.key === 'ArrowDown') stepInTime(-step);
    else if (event.key === 'ArrowRight' || event.key === 'ArrowUp') stepInTime(step);
    else if (event.key === 'PageUp') nextMark(-1);
    else if (event.key === 'PageDown') nextMark(1);
    else if (event.key === 'Home') goToMoment(past.from);
    else if (event.key === 'End' || event.key === 'Escape') backToNow();
    else done = false;
    if (done) event.preventDefault();
  };

  return (
    <div
      ref={track}
      className={css['track']}
      role="slider"
      tabIndex={0}
      aria-label="Moment shown"
      aria-description="Arrows go through time, with Shift faster; Page Up and Page Down go to stalls and violations; End goes back to now."
      aria-valuemin={0}
      aria-valuemax={Math.round(long / 1e6)}
      aria-valuenow={Math.round((share * long) / 1e6)}
      aria-valuetext={spoken(past, at, now)}
      onKeyDown={onKeyDown}
      onPointerDown={event => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        setDragged(true);
        goToMoment(momentOf(event));
      }}
      onPointerMove={event => {
        const t = momentOf(event);
        setHover(t);
        // The last pixels are now: an edge that can be hit.
        if (dragged) goToMoment(past.to - t < long * 0.006 ? past.to : t);
      }}
      onPointerUp={() => setDragged(false)}
      onPointerCancel={() => setDragged(false)}
      onPointerLeave={() => setHover(null)}
    >
      <Density past={past} />
      {at !== null && <span className={css['after']} style={{ left: `${share * 100}%` }} />}
      <span className={css['head']} style={{ left: `${share * 100}%` }} />
      {hover !== null && (
        <span
          className={css['tip']}
          style={{ left: `${Math.min(94, Math.max(6, ((hover - past.from) / long) * 100))}%` }}
        >
          {describe(past, hover)}
        </span>
      )}
    </div>
  );
}

/* Bars of frames; stalls stand as a band below them, violations as notches from above. */
function Density(props: { readonly past: PastPart }): ReactNode {
  const { counts, marks } = props.past;
  let peak = 1;
  for (const each of counts) peak = Math.max(peak, each);
  let bars = '';
  let stalls = '';
  let violations = '';
  for (let part = 0; part < counts.length; part++) {
    if (counts[part]! > 0) {
      // By the root, so that a trickle can be seen beside a flood.
      const height = Math.max(1.5, Math.sqrt(counts[part]! / peak) * (HEIGHT - 4));
      bars += `M${part} ${HEIGHT - 4}v${-height.toFixed(1)}h1v${height.toFixed(1)}z`;
    }
    if ((marks[part]! & PastMark.STALL) !== 0) stalls += `M${part} ${HEIGHT - 3}h1v3h-1z`;
    if ((marks[part]! & PastMark.VIOLATION) !== 0) violations += `M${part - 0.5} 0h2l-1 5z`;
  }
  return (
    <svg
      className={css['density']}
      viewBox={`0 0 ${counts.length} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <path className={css['bars']} d={bars} />
      <path className={css['stalls']} d={stalls} />
      <path className={css['violations']} d={violations} />
    </svg>
  );
}

function describe(past: PastPart, t: number): string {
  const part = partAt(past, t);
  const seconds = (past.to - past.from) / past.counts.length / 1e6;
  const mark = past.marks[part]!;
  const what = [
    `${span((past.to - t) / 1000)} ago`,
    `${count(Math.round(past.counts[part]! / seconds))} frames/s`,
    (mark & PastMark.STALL) !== 0 ? 'stalled' : '',
    (mark & PastMark.VIOLATION) !== 0 ? 'violation' : '',
  ];
  return what.filter(text => text !== '').join(' · ');
}

function spoken(past: PastPart, at: number | null, now: string): string {
  return at === null ? now : describe(past, at);
}
