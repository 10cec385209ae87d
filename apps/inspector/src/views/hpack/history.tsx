import { type FieldSection, Representation, representationText, SectionKind } from '@glassway/inspector-protocol';
import { ChevronFirst, ChevronLast, ChevronLeft, ChevronRight, Lock } from 'lucide-react';
import type { ReactNode } from 'react';
import { goTo, openStream } from '../../app/ui-store.ts';
import type { HistoryPart, HistoryStep } from '../../feed/model.ts';
import { bytes, count, plural, stamp } from '../../text/format.ts';
import { Button } from '../../ui/button.tsx';
import { Hostile } from '../../ui/hostile.tsx';
import { LinkButton } from '../../ui/link-button.tsx';
import css from './history.module.css';

/** The way through the tables' past: block by block, or by a slider; the right end is the present. All views go along. */
export function HistoryBar(props: { readonly history: HistoryPart }): ReactNode {
  const { ids, times, forgotten, step, start } = props.history;
  const last = ids.length;
  const now = step === null && start === null;
  // Before the first block there is nothing to step back to.
  const at = now ? last : (step?.index ?? -1);
  const move = (index: number): void => {
    const place = Math.max(0, index);
    if (place >= last) goTo(null);
    else goTo(times[place]!, ids[place]!);
  };
  const place = now ? 'now' : step === null ? `before the first of ${count(last)}` : stepText(step, last);
  return (
    <div className={css['bar']}>
      <Button icon small bare aria-label="First block" title="First block" disabled={at <= 0} onClick={() => move(0)}>
        <ChevronFirst size={15} />
      </Button>
      <Button
        icon
        small
        bare
        aria-label="Block before"
        title="Block before"
        disabled={at <= 0}
        onClick={() => move(at - 1)}
      >
        <ChevronLeft size={15} />
      </Button>
      <input
        type="range"
        className={css['slider']}
        min={0}
        max={last}
        value={Math.max(0, at)}
        aria-label="Field block"
        aria-valuetext={place}
        onChange={event => move(event.target.valueAsNumber)}
      />
      <Button icon small bare aria-label="Block after" title="Block after" disabled={now} onClick={() => move(at + 1)}>
        <ChevronRight size={15} />
      </Button>
      <Button small aria-pressed={now} onClick={() => goTo(null)}>
        <ChevronLast size={13} />
        Now
      </Button>
      <span className={css['place']}>
        {now ? plural(last, 'block') : place}
        {forgotten && ' · what came before the first is forgotten'}
      </span>
    </div>
  );
}

function stepText(step: HistoryStep, total: number): string {
  return `${count(step.index + 1)} of ${count(total)}, at ${stamp(step.t)} s`;
}

const KINDS: Readonly<Record<SectionKind, string>> = {
  [SectionKind.REQUEST]: 'request',
  [SectionKind.RESPONSE]: 'response',
  [SectionKind.INFORMATIONAL]: 'informational response',
  [SectionKind.TRAILERS]: 'trailers',
  [SectionKind.PUSH]: 'pushed request',
};

/** What one step did: every field line of its block with its octets, or the new size of a table. */
export function StepCard(props: { readonly step: HistoryStep }): ReactNode {
  const { step } = props;
  const { section } = step;
  const table = step.direction === 0 ? step.received : step.sent;
  const moved = `${entries(table.fresh)} in, ${entries(table.evicted.length)} out`;
  if (section === null) {
    return (
      <section className={css['card']}>
        <p className={css['head']}>
          <b>{step.direction === 0 ? 'Received' : 'Sent'}: the table may now hold</b> {count(step.maxSize ?? 0)} octets
          <span className={css['moved']}>{moved}</span>
        </p>
      </section>
    );
  }
  const plain = section.fields.reduce((sum, field) => sum + field.name.length + field.valueBytes, 0);
  const saved = plain === 0 ? 0 : Math.max(0, Math.round(100 * (1 - section.wireBytes / plain)));
  return (
    <section className={css['card']}>
      <p className={css['head']}>
        <b>
          {step.direction === 0 ? '← Received' : '→ Sent'}: {KINDS[section.kind]}
        </b>
        <LinkButton onClick={() => openStream(section.connection, section.stream)}>stream {section.stream}</LinkButton>
        <span>
          {bytes(section.wireBytes)} for {bytes(plain)}: {saved} % saved
        </span>
        <span className={css['moved']}>{moved}</span>
      </p>
      <Lines section={section} />
    </section>
  );
}

function entries(number: number): string {
  return `${count(number)} ${number === 1 ? 'entry' : 'entries'}`;
}

function Lines(props: { readonly section: FieldSection }): ReactNode {
  const { fields, fieldsOmitted } = props.section;
  return (
    <>
      <ol className={css['lines']}>
        {fields.map((field, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: field lines have no identity but their place
          <li key={at} data-kind={field.representation}>
            <span className={css['name']}>
              <Hostile text={field.name} title />
            </span>
            <span className={css['value']}>
              {field.redacted === null ? (
                <Hostile text={field.value} title />
              ) : (
                <span className={css['redacted']}>
                  <Lock size={11} aria-hidden="true" /> redacted · {field.redacted.slice(0, 6)}
                </span>
              )}
            </span>
            <span className={css['how']}>
              {field.representation === Representation.LITERAL_NEVER_INDEXED && <Lock size={11} aria-hidden="true" />}{' '}
              {representationText(field.representation, field.index)}
            </span>
            <span className={css['octets']}>
              {count(field.wireBytes)} <span>of {count(field.name.length + field.valueBytes)}</span>
            </span>
          </li>
        ))}
      </ol>
      {fieldsOmitted > 0 && (
        <p className={css['quiet']}>
          {plural(fieldsOmitted, 'line')} more were not kept: older entries of this table are not known from here on.
        </p>
      )}
    </>
  );
}
