import { frameName } from '@glassway/inspector-protocol';
import type { ReactNode } from 'react';
import css from './frames.module.css';

const LOOKS: Readonly<Record<number, readonly [glyph: string, kind: string]>> = {
  0: ['▮', 'data'],
  1: ['◆', 'headers'],
  2: ['≡', 'priority'],
  3: ['✕', 'reset'],
  4: ['⚙', 'settings'],
  5: ['◇', 'headers'],
  6: ['●', 'ping'],
  7: ['▼', 'goaway'],
  8: ['▲', 'window'],
  9: ['◈', 'headers'],
  16: ['≡', 'priority'],
};

/** Which of the colours of frame types a type has. */
export function frameKind(type: number): string {
  return LOOKS[type]?.[1] ?? 'priority';
}

/** A frame's type as glyph, text and colour. */
export function FrameTypeName(props: { readonly type: number }): ReactNode {
  return (
    <span className={css['type']} data-kind={frameKind(props.type)}>
      <span className={css['glyph']} aria-hidden="true">
        {LOOKS[props.type]?.[0] ?? '▫'}
      </span>
      {frameName(props.type)}
    </span>
  );
}

/** Which way a frame went, seen from the gateway. */
export function DirectionArrow(props: { readonly direction: number }): ReactNode {
  const sent = props.direction === 1;
  return (
    <span
      className={css['arrow']}
      data-sent={sent ? '' : undefined}
      title={sent ? 'sent by the gateway' : 'received by the gateway'}
    >
      <span aria-hidden="true">{sent ? '→' : '←'}</span>
      <span className={css['srOnly']}>{sent ? 'sent' : 'received'}</span>
    </span>
  );
}
