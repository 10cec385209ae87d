import { type Field, type FieldSection, Representation, SectionKind } from '@glassway/inspector-protocol';
import { Lock } from 'lucide-react';
import type { ReactNode } from 'react';
import type { FieldChange, SectionChange } from '../../feed/model.ts';
import { bytes, count, plural } from '../../text/format.ts';
import { Hostile } from '../../ui/hostile.tsx';
import css from './drawer.module.css';

const KINDS: Readonly<Record<SectionKind, string>> = {
  [SectionKind.REQUEST]: 'request',
  [SectionKind.RESPONSE]: 'response',
  [SectionKind.INFORMATIONAL]: 'informational',
  [SectionKind.TRAILERS]: 'trailers',
  [SectionKind.PUSH]: 'pushed request',
};

/** One field section: every line with how it stood on the wire, and what the gateway did to it. */
export function FieldTable(props: {
  readonly section: FieldSection;
  readonly change: SectionChange | undefined;
}): ReactNode {
  const { section, change } = props;
  const plain = section.fields.reduce((sum, field) => sum + field.name.length + field.valueBytes, 0);
  return (
    <div className={css['section']}>
      <p className={css['sectionHead']}>
        <b>
          {section.direction === 0 ? 'received' : 'sent'}: {KINDS[section.kind]}
        </b>
        <span>
          {plural(section.fields.length, 'field')}
          {section.fields[0]?.representation === Representation.TEXT
            ? `, ${bytes(plain)}`
            : `, ${bytes(section.wireBytes)} on the wire for ${bytes(plain)}`}
        </span>
      </p>
      <ul className={css['fields']}>
        {section.fields.map((field, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: field lines have no identity but their place
          <li key={at} data-change={change?.lines[at]?.kind}>
            <span className={css['name']}>
              <Hostile text={field.name} title />
            </span>
            <span className={css['value']}>
              <Value field={field} />{' '}
              <span className={css['how']} title={howText(field)}>
                {shortHow(field)}
              </span>
              <Change change={change?.lines[at] ?? null} received={section.direction === 0} />
            </span>
          </li>
        ))}
        {change?.missing.map((field, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: field lines have no identity but their place
          <li key={`missing ${at}`} data-change={change.received ? 'added' : 'removed'}>
            <span className={css['name']}>
              <Hostile text={field.name} title />
            </span>
            <span className={css['value']}>
              <Value field={field} />{' '}
              <span className={css['change']}>{change.received ? 'added by us' : 'left out by us'}</span>
            </span>
          </li>
        ))}
      </ul>
      {section.fieldsOmitted > 0 && (
        <p className={css['omitted']}>{count(section.fieldsOmitted)} more fields were not kept.</p>
      )}
    </div>
  );
}

function Change(props: { readonly change: FieldChange | null; readonly received: boolean }): ReactNode {
  const { change, received } = props;
  if (change === null) return null;
  if (change.kind === 'changed') {
    return (
      <span className={css['change']}>
        {' '}
        {received ? 'passed on as ' : 'came as '}
        <Value field={change.other} />
      </span>
    );
  }
  return <span className={css['change']}> {change.kind === 'added' ? 'added by us' : 'not passed on'}</span>;
}

function Value(props: { readonly field: Field }): ReactNode {
  const { field } = props;
  if (field.redacted !== null) {
    return (
      <span className={css['redacted']} title={`Equal values have equal marks: ${field.redacted}`}>
        <Lock size={11} aria-hidden="true" /> redacted, {bytes(field.valueBytes)} · {field.redacted.slice(0, 6)}
      </span>
    );
  }
  const cut = field.valueBytes > field.value.length;
  return (
    <>
      <Hostile text={field.value} />
      {cut && <span className={css['cut']}> … {bytes(field.valueBytes)} in all</span>}
    </>
  );
}

function shortHow(field: Field): string {
  switch (field.representation) {
    case Representation.INDEXED:
      return `indexed ${field.index}`;
    case Representation.LITERAL_INDEXED:
      return `literal + table ${field.wireBytes} B`;
    case Representation.LITERAL:
      return `literal ${field.wireBytes} B`;
    case Representation.LITERAL_NEVER_INDEXED:
      return `never indexed ${field.wireBytes} B`;
    default:
      return '';
  }
}

function howText(field: Field): string {
  const name = field.index > 0 ? `, name from entry ${field.index}` : '';
  switch (field.representation) {
    case Representation.INDEXED:
      return `Indexed: entry ${field.index}, ${field.wireBytes} octets on the wire (RFC 7541 6.1)`;
    case Representation.LITERAL_INDEXED:
      return `Literal, added to the dynamic table${name}, ${field.wireBytes} octets on the wire (RFC 7541 6.2.1)`;
    case Representation.LITERAL:
      return `Literal, not added to the table${name}, ${field.wireBytes} octets on the wire (RFC 7541 6.2.2)`;
    case Representation.LITERAL_NEVER_INDEXED:
      return `Literal that no intermediary may index${name}, ${field.wireBytes} octets on the wire (RFC 7541 6.2.3)`;
    default:
      return 'HTTP/1.1 text';
  }
}
