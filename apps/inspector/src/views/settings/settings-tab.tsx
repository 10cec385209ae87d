import { settingName } from '@glassway/inspector-protocol';
import type { ReactNode } from 'react';
import type { ConnectionDetail, SettingsMoment } from '../../feed/model.ts';
import { count, span, stamp } from '../../text/format.ts';
import ui from '../../ui/ui.module.css';
import css from './settings.module.css';
import { SettingsTable } from './settings-table.tsx';

/** Settings in force, and every SETTINGS frame that was seen. */
export function SettingsTab(props: { readonly detail: ConnectionDetail }): ReactNode {
  const { facts, settings } = props.detail;
  if (facts.protocol === 'http/1.1') {
    return <p className={css['none']}>HTTP/1.1 has no settings: nothing is agreed beforehand.</p>;
  }
  const peer = facts.leg === 0 ? 'client' : 'backend';
  return (
    <div className={ui['page']}>
      <section className={ui['card']}>
        <h3 className={ui['eyebrow']}>In force</h3>
        <SettingsTable settings={facts.settings} leg={facts.leg} />
      </section>
      <section className={ui['card']}>
        <h3 className={ui['eyebrow']}>What was said, newest first</h3>
        {settings.length === 0 ? (
          <p className={css['quiet']}>No SETTINGS frame of this connection was seen since the page opened.</p>
        ) : (
          <ol className={css['history']}>
            {settings.map((moment, at) => {
              // Counted from the oldest, so that it stays that of this frame.
              const ordinal = settings.length - at;
              return <Moment key={ordinal} moment={moment} sent={sentBefore(settings, at)} peer={peer} />;
            })}
          </ol>
        )}
      </section>
    </div>
  );
}

function Moment(props: { readonly moment: SettingsMoment; readonly sent: number; readonly peer: string }): ReactNode {
  const { moment, sent, peer } = props;
  const who = { sent: 'gateway says', received: `${peer} says`, acked: `${peer} acknowledges` }[moment.event];
  return (
    <li data-event={moment.event}>
      <time>{stamp(moment.t)}</time>
      <span className={css['who']}>
        <span aria-hidden="true">{moment.event === 'sent' ? '→' : '←'}</span> {who}
      </span>
      <span className={css['pairs']}>
        {moment.event === 'acked' ? (
          <span className={css['quiet']}>{sent < 0 ? 'our settings' : `after ${span((moment.t - sent) / 1000)}`}</span>
        ) : moment.pairs.length === 0 ? (
          <span className={css['quiet']}>nothing: everything stays as it is</span>
        ) : (
          moment.pairs.map(([id, value]) => (
            <code key={id}>
              {settingName(id)} <b>{count(value)}</b>
            </code>
          ))
        )}
      </span>
    </li>
  );
}

/* When the SETTINGS that this acknowledges was sent: acknowledgements come in the order of the frames. */
function sentBefore(settings: readonly SettingsMoment[], at: number): number {
  if (settings[at]?.event !== 'acked') return -1;
  const older = settings.slice(at + 1);
  const acked = older.filter(moment => moment.event === 'acked').length;
  return older.filter(moment => moment.event === 'sent').at(-1 - acked)?.t ?? -1;
}
