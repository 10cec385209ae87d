import { Columns3 } from 'lucide-react';
import type { ReactNode } from 'react';
import { type ColumnTable, HIDEABLE, toggleColumn, useColumns } from '../app/columns.ts';
import css from './column-menu.module.css';
import { Menu } from './menu.tsx';

const NAMES: Readonly<Record<string, string>> = {
  t: 'time',
  in: 'octets in',
  out: 'octets out',
  timeline: 'waterfall',
};

/** Which columns a table shows. */
export function ColumnMenu(props: { readonly table: ColumnTable }): ReactNode {
  const { table } = props;
  const hidden = useColumns(state => state.hidden[table]);
  return (
    <Menu id={`columns-${table}`} label="Columns" icon={<Columns3 size={14} />} small>
      {HIDEABLE[table].map(column => (
        <label key={column} className={css['choice']}>
          <input type="checkbox" checked={!hidden.includes(column)} onChange={() => toggleColumn(table, column)} />
          {NAMES[column] ?? column}
        </label>
      ))}
    </Menu>
  );
}
