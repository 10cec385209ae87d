import type { ReactNode } from 'react';
import { goTo } from '../../app/move.ts';
import { useUi } from '../../app/ui-store.ts';
import { useFeed } from '../../feed/client.ts';
import { count } from '../../text/format.ts';
import { Badge } from '../../ui/badge.tsx';
import { Hostile } from '../../ui/hostile.tsx';
import ui from '../../ui/ui.module.css';
import css from './findings.module.css';

/** What deserves a look, below the list of connections. Nothing at all while there is nothing. */
export function Findings(): ReactNode {
  const findings = useFeed(snapshot => snapshot.findings);
  const open = useUi(state => state.findings);
  if (findings.length === 0) return null;
  return (
    <section className={css['findings']} aria-label="Findings">
      <button
        type="button"
        className={css['head']}
        aria-expanded={open}
        onClick={() => useUi.setState({ findings: !open })}
      >
        <span className={ui['eyebrow']}>Findings</span>
        <span className={css['count']}>
          {count(findings.length)} <span aria-hidden="true">{open ? '▾' : '▸'}</span>
        </span>
      </button>
      {open && (
        <ul className={css['list']}>
          {findings.map(finding => (
            <li key={finding.key}>
              <button type="button" className={css['finding']} onClick={() => goTo(finding)}>
                <span className={css['title']}>
                  <Badge tone={finding.tone}>{finding.kind}</Badge> <Hostile text={finding.title} />
                </span>
                <span className={css['text']}>
                  <Hostile text={finding.text} />
                </span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
