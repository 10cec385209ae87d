import type { ConnectionFacts } from '@glassway/inspector-protocol';
import { SETTINGS, type SettingMeaning, settingName } from '@glassway/inspector-protocol';
import type { ReactNode } from 'react';
import { count } from '../../text/format.ts';
import ui from '../../ui/ui.module.css';
import css from './overview.module.css';

/** Settings side by side: the initial value of the RFC, what each side said, and whether ours was acknowledged. */
export function SettingsTable(props: {
  readonly settings: ConnectionFacts['settings'];
  readonly leg: 0 | 1;
}): ReactNode {
  const sent = new Map(props.settings.sent);
  const acked = new Map(props.settings.acked);
  const received = new Map(props.settings.received);
  const ids = [...new Set([...SETTINGS.map(setting => setting.id), ...sent.keys(), ...received.keys()])].sort(
    (a, b) => a - b,
  );
  const peer = props.leg === 0 ? 'client' : 'backend';
  return (
    <section className={css['card']}>
      <h3 className={ui['eyebrow']}>Settings</h3>
      <table className={css['settings']}>
        <thead>
          <tr>
            <th scope="col">setting</th>
            <th scope="col">initial</th>
            <th scope="col">gateway says</th>
            <th scope="col">{peer} says</th>
          </tr>
        </thead>
        <tbody>
          {ids.map(id => {
            const meaning = SETTINGS.find(setting => setting.id === id);
            return (
              <tr key={id}>
                <th scope="row" title={meaning?.rfc}>
                  {settingName(id)}
                </th>
                <td className={css['initial']}>{initialText(meaning)}</td>
                <td>
                  <Value value={sent.get(id)} meaning={meaning} />
                  {sent.has(id) && acked.get(id) !== sent.get(id) && (
                    <span className={css['unacked']}>not acknowledged yet</span>
                  )}
                </td>
                <td>
                  <Value value={received.get(id)} meaning={meaning} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function Value(props: { readonly value: number | undefined; readonly meaning: SettingMeaning | undefined }): ReactNode {
  const { value, meaning } = props;
  if (value === undefined) return <span className={css['initial']}>not sent</span>;
  const initial = meaning?.initial;
  if (initial === undefined || value === initial) return <span>{count(value)}</span>;
  const more = initial === null ? 'limited' : value > initial ? 'raised' : 'lowered';
  return (
    <span className={css['changed']}>
      <b>{count(value)}</b>
      <span className={css['how']}>
        <span aria-hidden="true">{more === 'raised' ? '↑' : more === 'lowered' ? '↓' : '≤'}</span> {more}
      </span>
    </span>
  );
}

function initialText(meaning: SettingMeaning | undefined): string {
  if (meaning === undefined) return '—';
  return meaning.initial === null ? 'no limit' : count(meaning.initial);
}
