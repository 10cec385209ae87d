import { errorName, FRAME_NAMES, frameName, rfcLink } from '@glassway/inspector-protocol';
import type { ReactNode } from 'react';
import { openStream } from '../../app/ui-store.ts';
import { useFeed } from '../../feed/client.ts';
import type { ConnectionDetail } from '../../feed/model.ts';
import { age, bytes, count, span } from '../../text/format.ts';
import { Hostile } from '../../ui/hostile.tsx';
import { LinkButton } from '../../ui/link-button.tsx';
import { Sparkline } from '../../ui/sparkline.tsx';
import ui from '../../ui/ui.module.css';
import { frameKind } from '../frames/frame-type.tsx';
import { SettingsTable } from '../settings/settings-table.tsx';
import { legText, negotiationText, tlsText, windowText, workerText } from '../words.ts';
import css from './overview.module.css';

/** Facts, settings, pings and counters of the connection. */
export function Overview(props: { readonly detail: ConnectionDetail }): ReactNode {
  const { detail } = props;
  const h2 = detail.facts.protocol === 'h2';
  return (
    <div className={ui['page']}>
      <p className={css['sentence']} data-health={detail.row.health}>
        {detail.row.sentence}
      </p>
      <div className={css['cards']}>
        <Facts detail={detail} />
        <Traffic detail={detail} />
        {h2 && <Pings pings={detail.pings} />}
      </div>
      {h2 && (
        <section className={ui['card']}>
          <h3 className={ui['eyebrow']}>Settings that are not as they were at first</h3>
          <SettingsTable settings={detail.facts.settings} leg={detail.facts.leg} changedOnly />
        </section>
      )}
      {h2 && <Counters detail={detail} />}
      {detail.violations.length > 0 && <Violations detail={detail} />}
    </div>
  );
}

function Facts(props: { readonly detail: ConnectionDetail }): ReactNode {
  const { facts } = props.detail;
  const now = useFeed(snapshot => Math.floor(snapshot.now / 1e6) * 1e6);
  const epoch = useFeed(snapshot => snapshot.gateway?.epochMs ?? 0);
  const until = facts.closedAt >= 0 ? facts.closedAt : now;
  const goAway = (label: string, fact: typeof facts.goAwaySent): ReactNode =>
    fact !== null && (
      <Line name={label}>
        {errorName(fact.code)}, last stream {fact.lastStreamId}
        {fact.debug !== '' && (
          <>
            : <Hostile text={fact.debug} />
          </>
        )}
      </Line>
    );
  return (
    <section className={ui['card']}>
      <h3 className={ui['eyebrow']}>Connection {facts.id}</h3>
      <dl className={css['facts']}>
        <Line name="leg">{legText(facts.leg)}</Line>
        <Line name="peer">
          <Hostile text={facts.peer} />
        </Line>
        <Line name="our end">
          <Hostile text={facts.local} />
        </Line>
        <Line name="negotiated by">{negotiationText(facts)}</Line>
        {facts.worker !== undefined && <Line name="process">{workerText(facts.worker)}</Line>}
        <Line name="TLS">{facts.tls === null ? 'none' : tlsText(facts.tls)}</Line>
        {facts.tls !== null && (
          <Line name="cipher">
            <code>
              <Hostile text={facts.tls.cipher} />
            </code>
          </Line>
        )}
        {facts.tls !== null && facts.tls.servername !== '' && (
          <Line name="server name">
            <Hostile text={facts.tls.servername} />
          </Line>
        )}
        <Line name="opened">
          {new Date(epoch + facts.openedAt / 1000).toISOString().slice(11, 23)} UTC,{' '}
          {age((until - facts.openedAt) / 1000)} {facts.closedAt >= 0 ? 'long' : 'ago'}
        </Line>
        {goAway('GOAWAY sent', facts.goAwaySent)}
        {goAway('GOAWAY received', facts.goAwayReceived)}
        {facts.closeReason !== null && (
          <Line name="closed because">
            <Hostile text={facts.closeReason.text} />
          </Line>
        )}
      </dl>
    </section>
  );
}

function Line(props: { readonly name: string; readonly children: ReactNode }): ReactNode {
  return (
    <div>
      <dt>{props.name}</dt>
      <dd>{props.children}</dd>
    </div>
  );
}

function Traffic(props: { readonly detail: ConnectionDetail }): ReactNode {
  const { state, facts, row } = props.detail;
  // Of a moment of the past nobody knows how many had left the tables.
  const evicted = state.evictionsReceived + state.evictionsSent;
  const saved = (wire: number, plain: number): string =>
    plain === 0
      ? '—'
      : `${bytes(wire)} for ${bytes(plain)}, ${Math.max(0, Math.round(100 * (1 - wire / plain)))} % saved`;
  return (
    <section className={ui['card']}>
      <h3 className={ui['eyebrow']}>Traffic</h3>
      <dl className={css['facts']}>
        <Line name={facts.protocol === 'h2' ? 'streams' : 'requests'}>
          {count(row.openStreams)} open, {count(state.totalStreams)} in all
        </Line>
        <Line name="received">{bytes(state.bytesReceived)}</Line>
        <Line name="sent">{bytes(state.bytesSent)}</Line>
        {facts.protocol === 'h2' && (
          <>
            <Line name="may send">{windowText(state.sendWindow, ' octets of DATA')}</Line>
            <Line name="peer may send">{windowText(state.receiveWindow, ' octets of DATA')}</Line>
            <Line name="HPACK in">{saved(state.sectionBytesReceived, state.fieldBytesReceived)}</Line>
            <Line name="HPACK out">{saved(state.sectionBytesSent, state.fieldBytesSent)}</Line>
            <Line name="tables">
              {bytes(facts.tableMax.received)} in, {bytes(facts.tableMax.sent)} out
              {!Number.isNaN(evicted) && `; ${count(evicted)} evicted`}
            </Line>
            <Line name="resets">
              {count(state.resetsReceived)} received, {count(state.resetsSent)} sent
            </Line>
            <Line name="violations">{count(state.violations)}</Line>
          </>
        )}
      </dl>
    </section>
  );
}

function Pings(props: { readonly pings: readonly number[] }): ReactNode {
  const { pings } = props;
  const last = pings.at(-1);
  return (
    <section className={ui['card']}>
      <h3 className={ui['eyebrow']}>Ping round trip</h3>
      {last === undefined ? (
        <p className={css['quiet']}>The gateway has not had an answer to a PING of its own on this connection.</p>
      ) : (
        <>
          <p className={css['big']}>{span(last / 1000)}</p>
          <Sparkline values={pings} width={220} height={44} label="Round-trip times, oldest left" />
          <dl className={css['facts']}>
            <Line name="best">{span(Math.min(...pings) / 1000)}</Line>
            <Line name="worst">{span(Math.max(...pings) / 1000)}</Line>
            <Line name="seen">{count(pings.length)}</Line>
          </dl>
        </>
      )}
    </section>
  );
}

/* Counters of the gateway, by type: received in the first half, sent in the second. */
function Counters(props: { readonly detail: ConnectionDetail }): ReactNode {
  const { frames } = props.detail.state;
  const half = frames.length / 2;
  const rows = Array.from({ length: half }, (_, type) => ({
    type,
    received: frames[type] ?? 0,
    sent: frames[half + type] ?? 0,
  }));
  const used = rows.filter(row => row.received + row.sent > 0);
  const most = Math.max(1, ...used.map(row => Math.max(row.received, row.sent)));
  const name = (type: number): string => (type === half - 1 ? 'others' : (FRAME_NAMES[type] ?? frameName(type)));
  return (
    <section className={ui['card']}>
      <h3 className={ui['eyebrow']}>Frames</h3>
      {used.length === 0 ? (
        <p className={css['quiet']}>None yet.</p>
      ) : (
        <table className={`${ui['table']} ${css['counters']}`}>
          <thead>
            <tr>
              <th scope="col">type</th>
              <th scope="col">received</th>
              <td />
              <th scope="col">sent</th>
              <td />
            </tr>
          </thead>
          <tbody>
            {used.map(row => (
              <tr key={row.type}>
                <th scope="row" data-kind={frameKind(row.type)}>
                  {name(row.type)}
                </th>
                <td>{count(row.received)}</td>
                <td>
                  <Bar kind={frameKind(row.type)} part={row.received / most} />
                </td>
                <td>{count(row.sent)}</td>
                <td>
                  <Bar kind={frameKind(row.type)} part={row.sent / most} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Bar(props: { readonly kind: string; readonly part: number }): ReactNode {
  return (
    <span
      className={css['bar']}
      data-kind={props.kind}
      style={{ width: `${Math.max(props.part > 0 ? 1 : 0, props.part * 100)}%` }}
    />
  );
}

function Violations(props: { readonly detail: ConnectionDetail }): ReactNode {
  return (
    <section className={ui['card']}>
      <h3 className={ui['eyebrow']}>Violations, newest first</h3>
      <ul className={css['violations']}>
        {props.detail.violations.map(violation => {
          const link = rfcLink(violation.rfc);
          return (
            <li key={`${violation.t}/${violation.rule}`}>
              <code>
                <Hostile text={violation.rule} />
              </code>{' '}
              <Hostile text={violation.message} />
              {violation.stream > 0 && (
                <>
                  {' '}
                  <LinkButton onClick={() => openStream(props.detail.facts.id, violation.stream)}>
                    stream {violation.stream}
                  </LinkButton>
                </>
              )}
              {link !== null && (
                <>
                  {' '}
                  <a href={link.href} target="_blank" rel="noreferrer noopener">
                    {link.text}
                  </a>
                </>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
