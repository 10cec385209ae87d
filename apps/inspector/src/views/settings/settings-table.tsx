import {
  type ConnectionFacts,
  rfcLink,
  SETTINGS,
  type SettingMeaning,
  settingName,
} from '@glassway/inspector-protocol';
import type { ReactNode } from 'react';
import { count } from '../../text/format.ts';
import ui from '../../ui/ui.module.css';
import css from './settings.module.css';

/** Settings side by side: the initial value of the RFC, what each side said, and whether ours was acknowledged. */
export function SettingsTable(props: {
  readonly settings: ConnectionFacts['settings'];
  readonly leg: 0 | 1;
  /** Leaves out those that nobody changed, and what they mean. */
  readonly changedOnly?: boolean;
}): ReactNode {
  const sent = new Map(props.settings.sent);
  const acked = new Map(props.settings.acked);
  const received = new Map(props.settings.received);
  const short = props.changedOnly === true;
  const known = short ? [] : SETTINGS.map(setting => setting.id);
  const ids = [...new Set([...known, ...sent.keys(), ...received.keys()])].sort((a, b) => a - b);
  const peer = props.leg === 0 ? 'client' : 'backend';
  if (ids.length === 0) return <p className={css['none']}>Neither side has sent a setting.</p>;
  return (
    <table className={`${ui['table']} ${css['settings']}`} data-short={short ? '' : undefined}>
      <thead>
        <tr>
          <th scope="col">setting</th>
          <th scope="col">at first</th>
          <th scope="col">gateway says</th>
          <th scope="col">{peer} says</th>
          {!short && <th scope="col">so that</th>}
        </tr>
      </thead>
      <tbody>
        {ids.map(id => {
          const meaning = SETTINGS.find(setting => setting.id === id);
          return (
            <tr key={id}>
              <th scope="row">
                <Name id={id} meaning={meaning} />
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
              {!short && <td className={css['effect']}>{effect(id, received.get(id), sent.get(id), peer)}</td>}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Name(props: { readonly id: number; readonly meaning: SettingMeaning | undefined }): ReactNode {
  const link = props.meaning === undefined ? null : rfcLink(props.meaning.rfc);
  const name = settingName(props.id);
  if (link === null) return name;
  return (
    <a href={link.href} title={link.text} target="_blank" rel="noreferrer noopener">
      {name}
    </a>
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

/* What the values in force come to. */
function effect(id: number, theirs: number | undefined, ours: number | undefined, peer: string): string {
  switch (id) {
    case 1:
      return `we keep up to ${count(theirs ?? 4096)} octets of table for what we send`;
    case 2:
      return peer === 'client' && theirs === 0 ? 'the client takes no pushes' : ours === 0 ? 'we take no pushes' : '';
    case 3: {
      const limit = peer === 'client' ? ours : theirs;
      return limit === undefined ? '' : `at most ${count(limit)} requests at a time`;
    }
    case 4:
      return `a new stream lets us send ${count(theirs ?? 65_535)}, the ${peer} ${count(ours ?? 65_535)} octets`;
    case 5:
      return `frames up to ${count(theirs ?? 16_384)} octets out, ${count(ours ?? 16_384)} in`;
    case 8:
      return ours === 1 || theirs === 1 ? 'WebSocket over HTTP/2 is possible' : '';
    default:
      return '';
  }
}
