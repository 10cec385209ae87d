import type { Field, FieldSection } from '@glassway/inspector-protocol';
import { expect, test } from 'vitest';
import { fieldChanges } from '../src/worker/field-changes.ts';

const line = (name: string, value: string, redacted: string | null = null): Field => ({
  name,
  value: redacted === null ? value : '',
  representation: 0,
  index: 0,
  wireBytes: 0,
  valueBytes: value.length,
  redacted,
});
const section = (number: number, direction: 0 | 1, kind: 0 | 1, ...fields: Field[]): FieldSection => ({
  section: number,
  t: 0,
  connection: 1,
  stream: 1,
  direction,
  kind,
  wireBytes: 0,
  fields,
  fieldsOmitted: 0,
});

test('says of both legs what was added, left out and changed, whatever protocol they speak', () => {
  const came = section(
    1,
    0,
    0,
    line(':method', 'GET'),
    line(':scheme', 'https'),
    line(':authority', 'a'),
    line('te', 'trailers'),
    line('x-forwarded-for', 'evil'),
    line('cookie', 'abc', 'h1'),
  );
  const went = section(
    2,
    1,
    0,
    line(':method', 'GET'),
    line('Host', 'a'),
    line('X-Forwarded-For', '127.0.0.1'),
    line('Cookie', 'abc', 'h1'),
    line('Via', '2.0 glassway'),
  );
  expect(fieldChanges([came], [went])).toEqual([
    {
      section: 1,
      received: true,
      lines: [null, null, null, { kind: 'removed' }, { kind: 'changed', other: went.fields[2] }, null],
      missing: [went.fields[4]],
    },
  ]);
  expect(fieldChanges([went], [came])[0]).toMatchObject({
    received: false,
    lines: [null, null, { kind: 'changed' }, null, { kind: 'added' }],
    missing: [{ name: 'te' }],
  });
});

test('a redacted value that differs is a change; of a section whose counterpart is not kept nothing is said', () => {
  const came = section(1, 0, 1, line('set-cookie', 'abc', 'h1'));
  const went = section(2, 1, 1, line('set-cookie', 'abd', 'h2'));
  expect(fieldChanges([came], [went])[0]?.lines).toMatchObject([{ kind: 'changed' }]);
  expect(fieldChanges([came], [])).toEqual([]);
  expect(fieldChanges([came], [section(3, 1, 0)])).toEqual([]);
});
