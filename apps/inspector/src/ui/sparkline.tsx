import { memo, type ReactNode } from 'react';
import css from './ui.module.css';

/** A rate over the last seconds, newest right. Scaled to its own peak; flat zero is a line at the bottom. */
export const Sparkline = memo(function Sparkline(props: {
  readonly values: readonly number[];
  readonly width: number;
  readonly height: number;
  readonly label: string;
}): ReactNode {
  const { values, width, height } = props;
  const peak = Math.max(1, ...values);
  const step = width / Math.max(1, values.length - 1);
  let line = '';
  values.forEach((value, at) => {
    const y = height - 1 - (value / peak) * (height - 2.5);
    line += `${at === 0 ? 'M' : 'L'}${(at * step).toFixed(1)} ${y.toFixed(1)}`;
  });
  return (
    <svg className={css['sparkline']} width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img">
      <title>{props.label}</title>
      {values.length > 1 && (
        <>
          <path className={css['sparkArea']} d={`${line}L${width} ${height}L0 ${height}Z`} />
          <path className={css['sparkLine']} d={line} />
        </>
      )}
    </svg>
  );
});
