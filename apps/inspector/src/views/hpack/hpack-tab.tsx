import type { TableEntry, TableView } from '@glassway/inspector-protocol';
import { Lock } from 'lucide-react';
import type { ReactNode } from 'react';
import { useFeed } from '../../feed/client.ts';
import type { FieldEconomy } from '../../feed/model.ts';
import { bytes, count, plural } from '../../text/format.ts';
import { Hostile } from '../../ui/hostile.tsx';
import ui from '../../ui/ui.module.css';
import { HistoryBar, StepCard } from './history.tsx';
import css from './hpack.module.css';

/* RFC 7541 2.3.3: the dynamic table's newest entry follows the static table's 61. */
const FIRST_DYNAMIC = 62;
const SHOWN_ENTRIES = 256;
const SHOWN_FIELDS = 200;

/** Both dynamic tables, now or after any block that is kept, and what HPACK made of each field. */
export function HpackTab(): ReactNode {
  const part = useFeed(snapshot => snapshot.hpack);
  const detail = useFeed(snapshot => snapshot.connection);
  if (detail?.facts.protocol === 'http/1.1') {
    return <p className={css['none']}>HTTP/1.1 does not compress its fields.</p>;
  }
  if (part === null) return <p className={css['none']}>Asking the gateway for the tables.</p>;
  const { step, start } = part.history;
  const then = step ?? start;
  const peer = detail?.facts.leg === 1 ? 'backend' : 'client';
  return (
    <div className={css['page']}>
      <HistoryBar history={part.history} />
      {step !== null && <StepCard step={step} />}
      <div className={css['tables']}>
        <Table
          title={`Received: the ${peer}’s encoder fills it`}
          table={then === null ? shownNow(part.received) : then.received}
        />
        <Table title="Sent: our encoder fills it" table={then === null ? shownNow(part.sent) : then.sent} />
      </div>
      <Economy fields={part.fields} now={then === null} />
    </div>
  );
}

/* The present comes from the gateway, which has followed the tables from their beginning. */
function shownNow(table: TableView): ShownTable {
  return { ...table, unknown: !table.complete, fresh: 0, evicted: [] };
}

interface ShownTable {
  readonly maxSize: number;
  readonly size: number;
  /** Older entries may be there that are not known. */
  readonly unknown: boolean;
  /** Newest first; the first `fresh` came in with the step shown. */
  readonly entries: readonly TableEntry[];
  readonly fresh: number;
  readonly evicted: readonly TableEntry[];
}

function Table(props: { readonly title: string; readonly table: ShownTable }): ReactNode {
  const { table } = props;
  const share = table.maxSize === 0 ? 0 : Math.min(100, (table.size / table.maxSize) * 100);
  return (
    <section className={css['card']}>
      <h3 className={ui['eyebrow']}>{props.title}</h3>
      <div className={css['gauge']}>
        <span className={css['track']} aria-hidden="true">
          <span style={{ width: `${share}%` }} />
        </span>
        <span>
          {count(table.size)} of {count(table.maxSize)} octets, {table.entries.length}{' '}
          {table.entries.length === 1 ? 'entry' : 'entries'}
        </span>
      </div>
      {table.unknown && (
        <p className={css['warning']}>Field blocks from before are missing: older entries may be there as well.</p>
      )}
      {table.entries.length === 0 && table.evicted.length === 0 ? (
        <p className={css['quiet']}>Empty.</p>
      ) : (
        <ol className={css['entries']}>
          {table.entries.slice(0, SHOWN_ENTRIES).map((entry, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: an entry is its place; every insertion moves all of them
            <Entry key={at} entry={entry} index={FIRST_DYNAMIC + at} state={at < table.fresh ? 'fresh' : 'kept'} />
          ))}
          {table.evicted.map((entry, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: as above
            <Entry key={`out${at}`} entry={entry} index={null} state="evicted" />
          ))}
        </ol>
      )}
      {table.entries.length > SHOWN_ENTRIES && (
        <p className={css['quiet']}>and {count(table.entries.length - SHOWN_ENTRIES)} older ones</p>
      )}
    </section>
  );
}

function Entry(props: {
  readonly entry: TableEntry;
  /** Null: it has left. */
  readonly index: number | null;
  readonly state: 'kept' | 'fresh' | 'evicted';
}): ReactNode {
  const { entry } = props;
  return (
    <li className={css['entry']} data-state={props.state}>
      <span className={css['index']}>
        {props.state === 'fresh' && <span title="came in with this block">+ </span>}
        {props.index ?? 'out'}
      </span>
      <span className={css['name']}>
        <Hostile text={entry.name} title />
      </span>
      <span className={css['value']}>
        {entry.redacted === null ? (
          <Hostile text={entry.value} title />
        ) : (
          <span className={css['redacted']} title={`Equal values have equal marks: ${entry.redacted}`}>
            <Lock size={11} aria-hidden="true" /> redacted · {entry.redacted.slice(0, 6)}
          </span>
        )}
      </span>
      <span className={css['size']}>{count(entry.size)}</span>
    </li>
  );
}

function Economy(props: { readonly fields: readonly FieldEconomy[]; readonly now: boolean }): ReactNode {
  const { fields } = props;
  return (
    <section className={css['card']}>
      <h3 className={ui['eyebrow']}>{props.now ? 'What each field costs' : 'What each field had cost by then'}</h3>
      {fields.length === 0 ? (
        <p className={css['quiet']}>
          {props.now
            ? 'No field section has been seen on this connection since this page was opened.'
            : 'No field section from before this moment is kept.'}
        </p>
      ) : (
        <table className={css['economy']}>
          <thead>
            <tr>
              <th scope="col">field</th>
              <th scope="col">way</th>
              <th scope="col">lines</th>
              <th scope="col">from the table</th>
              <th scope="col">on the wire</th>
              <th scope="col">saved</th>
            </tr>
          </thead>
          <tbody>
            {fields.slice(0, SHOWN_FIELDS).map(field => (
              <tr key={`${field.direction}${field.name}`}>
                <th scope="row">
                  <Hostile text={field.name} title />
                </th>
                <td>{field.direction === 0 ? '← in' : 'out →'}</td>
                <td>{count(field.lines)}</td>
                <td>
                  <Reuse field={field} />
                </td>
                <td>{bytes(field.wireBytes)}</td>
                <td>
                  {field.plainBytes === 0
                    ? '—'
                    : `${Math.max(0, Math.round(100 * (1 - field.wireBytes / field.plainBytes)))} %`}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {fields.length > SHOWN_FIELDS && (
        <p className={css['quiet']}>and {plural(fields.length - SHOWN_FIELDS, 'cheaper name')}</p>
      )}
    </section>
  );
}

function Reuse(props: { readonly field: FieldEconomy }): ReactNode {
  const { field } = props;
  if (field.never === field.lines) return <span className={css['never']}>never indexed</span>;
  const share = Math.round((field.indexed / field.lines) * 100);
  return (
    <span className={css['reuse']} data-churns={field.added > 3 && field.indexed === 0 ? '' : undefined}>
      <span className={css['track']} aria-hidden="true">
        <span style={{ width: `${share}%` }} />
      </span>
      {share} %
    </span>
  );
}
