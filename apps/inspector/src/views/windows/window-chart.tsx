import { type ReactNode, useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { colour, onColoursChanged } from '../../app/theme.ts';
import { useFeed } from '../../feed/client.ts';
import type { WindowsPart } from '../../feed/model.ts';
import { compact, count, span } from '../../text/format.ts';
import { STREAM_COLOURS, STREAM_DASHES } from './window-legend.tsx';
import css from './windows.module.css';

/** Live windows of the connection and its chosen streams: steps, marks where window came back, shaded stalls. */
export function WindowChart(props: { readonly compact?: boolean }): ReactNode {
  const part = useFeed(snapshot => snapshot.windows);
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart | null>(null);
  const [zoomed, setZoomed] = useState(false);
  const small = props.compact === true;
  const ready = part !== null;
  const lines = part?.streams.length ?? 0;
  const key = part?.key ?? '';

  // biome-ignore lint/correctness/useExhaustiveDependencies: another connection, side or choice of streams is another chart
  useEffect(() => {
    const node = host.current;
    if (node === null || !ready) return;
    const made = new Chart(node, lines, small, setZoomed);
    chart.current = made;
    setZoomed(false);
    const observer = new ResizeObserver(() => made.resize());
    observer.observe(node);
    const stop = onColoursChanged(() => made.recolour());
    return () => {
      stop();
      observer.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [ready, lines, small, key]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new chart has nothing to show yet
  useEffect(() => {
    if (part !== null) chart.current?.show(part);
  }, [part, lines, small, key]);

  return (
    <div className={css['chart']} data-compact={small ? '' : undefined}>
      <div ref={host} className={css['plot']} role="img" aria-label={summary(part)} />
      {zoomed && (
        <button type="button" className={css['reset']} onClick={() => chart.current?.reset()}>
          Back to live
        </button>
      )}
    </div>
  );
}

function summary(part: WindowsPart | null): string {
  if (part === null) return 'No windows to show';
  const last = part.connection.at(-1) ?? 0;
  const stalls = part.spans.length === 0 ? 'no stalls' : `${part.spans.length} stalls`;
  return `Window of the connection: ${count(last)} octets now, ${stalls} in the time shown`;
}

/* uPlot with what it lacks: stalls behind the lines, marks below them, colours of the theme. */
class Chart {
  readonly #host: HTMLElement;
  readonly #plot: uPlot;
  readonly #lines: number;
  #part: WindowsPart | null = null;
  #zoom = false;
  readonly #onZoom: (zoomed: boolean) => void;
  #colours: Readonly<Record<string, string>> = {};

  constructor(host: HTMLElement, lines: number, small: boolean, onZoom: (zoomed: boolean) => void) {
    this.#host = host;
    this.#lines = lines;
    this.#onZoom = onZoom;
    this.#readColours();
    const stepped = uPlot.paths.stepped!({ align: 1 });
    const axis = {
      stroke: () => this.#colours['--ink-3']!,
      grid: { stroke: () => this.#colours['--line']!, width: 1 },
      ticks: { show: false },
    };
    const font = `11px ${getComputedStyle(document.documentElement).getPropertyValue('--sans')}`;
    this.#plot = new uPlot(
      {
        width: Math.max(10, host.clientWidth),
        height: Math.max(10, host.clientHeight),
        legend: { show: false },
        cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
        padding: [small ? 8 : 14, 26, small ? 2 : 4, 0],
        scales: {
          x: { time: false },
          y: { range: (_plot, low, high) => [Math.min(0, low ?? 0), Math.max(1000, (high ?? 0) * 1.04)] },
        },
        axes: [
          {
            ...axis,
            font,
            size: small ? 20 : 30,
            values: (_plot, ticks) => ticks.map(tick => `${round(tick)} s`),
            space: 70,
          },
          { ...axis, font, size: 52, values: (_plot, ticks) => ticks.map(compact), space: small ? 26 : 36 },
        ],
        series: [
          {},
          {
            label: 'connection',
            stroke: () => this.#colours['--t-data']!,
            width: 1.75,
            paths: stepped,
            points: { show: false },
          },
          ...Array.from({ length: lines }, (_, at) => ({
            stroke: () => this.#colours[STREAM_COLOURS[at]!]!,
            dash: [...STREAM_DASHES[at]!],
            width: 1.5,
            paths: stepped,
            points: { show: false },
          })),
        ],
        hooks: {
          drawClear: [plot => this.#shade(plot)],
          draw: [plot => this.#mark(plot), plot => this.#label(plot)],
          setSelect: [plot => this.#zoomTo(plot)],
          ready: [plot => plot.over.addEventListener('dblclick', () => this.reset())],
        },
      },
      [[], [], ...Array.from({ length: lines }, () => [])] as unknown as uPlot.AlignedData,
      host,
    );
  }

  show(part: WindowsPart): void {
    if (part.streams.length !== this.#lines) return;
    this.#part = part;
    if (this.#zoom) return;
    const seconds = part.t.map(t => t / 1e6);
    const data = [seconds, part.connection, ...part.streams.map(line => nulled(line.values))];
    this.#plot.setData(data as unknown as uPlot.AlignedData, false);
    this.#plot.batch(() => {
      this.#plot.setScale('x', { min: part.from / 1e6, max: Math.max(part.to, part.from + 1e5) / 1e6 });
      this.#rescale(part, part.from, part.to);
    });
  }

  /** Shows all again, and what comes in. */
  reset(): void {
    this.#zoom = false;
    this.#onZoom(false);
    if (this.#part !== null) this.show(this.#part);
  }

  resize(): void {
    this.#plot.setSize({ width: Math.max(10, this.#host.clientWidth), height: Math.max(10, this.#host.clientHeight) });
  }

  recolour(): void {
    this.#readColours();
    this.#plot.redraw(false, true);
  }

  destroy(): void {
    this.#plot.destroy();
  }

  #readColours(): void {
    const names = ['--ink-3', '--line', '--t-data', '--t-window', '--bad', '--bad-soft', ...STREAM_COLOURS];
    this.#colours = Object.fromEntries(names.map(name => [name, colour(name)]));
  }

  #rescale(part: WindowsPart, from: number, to: number): void {
    let low = 0;
    let high = 1000;
    for (const values of [part.connection, ...part.streams.map(line => line.values)]) {
      for (let at = 0; at < values.length; at++) {
        const value = values[at]!;
        const t = part.t[at]!;
        if (t < from || t > to || Number.isNaN(value)) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    this.#plot.setScale('y', { min: low, max: high });
  }

  #zoomTo(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < 4 || this.#part === null) return;
    const min = plot.posToVal(left, 'x');
    const max = plot.posToVal(left + width, 'x');
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.#zoom = true;
    this.#onZoom(true);
    plot.setScale('x', { min, max });
  }

  #shade(plot: uPlot): void {
    const { ctx, bbox } = plot;
    for (const stall of this.#part?.spans ?? []) {
      const left = Math.max(bbox.left, plot.valToPos(stall.from / 1e6, 'x', true));
      const right = Math.min(bbox.left + bbox.width, plot.valToPos(stall.to / 1e6, 'x', true));
      if (right <= left) continue;
      ctx.save();
      ctx.fillStyle = this.#colours['--bad-soft']!;
      ctx.fillRect(left, bbox.top, Math.max(2, right - left), bbox.height);
      ctx.restore();
    }
  }

  /* Over the lines, on a ground of its own, and only where it fits. */
  #label(plot: uPlot): void {
    const { ctx, bbox } = plot;
    for (const stall of this.#part?.spans ?? []) {
      const left = Math.max(bbox.left, plot.valToPos(stall.from / 1e6, 'x', true));
      const right = Math.min(bbox.left + bbox.width, plot.valToPos(stall.to / 1e6, 'x', true));
      ctx.save();
      const text = `${stall.stream === 0 ? 'stalled' : `stream ${stall.stream} stalled`} ${span((stall.to - stall.from) / 1000)}`;
      ctx.font = `${11 * devicePixelRatio}px sans-serif`;
      const width = ctx.measureText(text).width;
      if (width + 14 * devicePixelRatio < right - left) {
        ctx.fillStyle = this.#colours['--bad-soft']!;
        ctx.fillRect(
          left + 3 * devicePixelRatio,
          bbox.top + 2 * devicePixelRatio,
          width + 6 * devicePixelRatio,
          16 * devicePixelRatio,
        );
        ctx.fillStyle = this.#colours['--bad']!;
        ctx.textBaseline = 'top';
        ctx.textAlign = 'left';
        ctx.fillText(text, left + 6 * devicePixelRatio, bbox.top + 5 * devicePixelRatio);
      }
      ctx.restore();
    }
  }

  #mark(plot: uPlot): void {
    const { ctx, bbox } = plot;
    const size = 4 * devicePixelRatio;
    const bottom = bbox.top + bbox.height;
    ctx.save();
    for (const mark of this.#part?.marks ?? []) {
      const x = plot.valToPos(mark.t / 1e6, 'x', true);
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      // The connection's marks are filled, those of streams hollow.
      ctx.beginPath();
      ctx.moveTo(x, bottom - size * 1.7);
      ctx.lineTo(x + size, bottom);
      ctx.lineTo(x - size, bottom);
      ctx.closePath();
      ctx.fillStyle = this.#colours['--t-window']!;
      ctx.strokeStyle = this.#colours['--t-window']!;
      if (mark.stream === 0) ctx.fill();
      else ctx.stroke();
    }
    ctx.restore();
  }
}

function nulled(values: Float64Array): (number | null)[] {
  return Array.from(values, value => (Number.isNaN(value) ? null : value));
}

function round(seconds: number): string {
  return Number.isInteger(seconds)
    ? String(seconds)
    : seconds.toFixed(Math.abs(seconds * 10 - Math.round(seconds * 10)) < 1e-6 ? 1 : 2);
}
