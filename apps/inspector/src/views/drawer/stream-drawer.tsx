import { grpcStatusMeaning, grpcStatusName, rfcLink } from '@glassway/inspector-protocol';
import { ArrowLeftRight, X } from 'lucide-react';
import type { ReactNode } from 'react';
import { openStream, selectConnection, useUi } from '../../app/ui-store.ts';
import { useFeed } from '../../feed/client.ts';
import type { StreamDetail, StreamRow, Verdict } from '../../feed/model.ts';
import { bytes, plural, span } from '../../text/format.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { Hostile } from '../../ui/hostile.tsx';
import { LinkButton } from '../../ui/link-button.tsx';
import { FrameGrid } from '../frames/frame-grid.tsx';
import { PHASE_NAMES, Waterfall } from '../streams/stream-line.tsx';
import { doubtText, windowText } from '../words.ts';
import { Block } from './block.tsx';
import css from './drawer.module.css';
import { FieldTable } from './field-table.tsx';
import { GrpcBlock } from './grpc.tsx';
import { Http1Progress } from './http1-progress.tsx';
import { StateDiagram } from './state-diagram.tsx';
import { WindowStrip } from './window-strip.tsx';

/** Everything of one stream. */
export function StreamDrawer(): ReactNode {
  const chosen = useUi(state => state.stream);
  const detail = useFeed(snapshot => snapshot.stream);
  const tab = useUi(state => state.tab);
  const inPast = useUi(state => state.at !== null);
  const docked = useUi(state => state.tab === 'streams' && state.dock);
  const known = detail !== null && detail.row.stream === chosen?.stream && detail.row.connection === chosen.connection;
  return (
    <div className={css['drawer']}>
      <header className={css['head']}>
        <div className={css['title']}>
          <h2>
            {detail?.protocol === 'http/1.1' ? 'Request' : 'Stream'} {chosen?.stream}
          </h2>
          {known && <StateBadge detail={detail} />}
          <span className={css['spring']} />
          <Button
            icon
            small
            bare
            aria-label="Close the stream’s pane"
            title="Close (Esc)"
            onClick={() => useUi.setState({ stream: null })}
          >
            <X size={15} />
          </Button>
        </div>
        {known && <RequestLine detail={detail} />}
      </header>
      {known ? (
        <div className={css['body']}>
          {detail.row.doubt !== null && <p className={css['doubt']}>{doubtText(detail.row.doubt)}</p>}
          {detail.row.verdict !== null && <VerdictBox verdict={detail.row.verdict} />}
          <BothLegs detail={detail} />
          {detail.protocol === 'h2' && (
            <Block title="State">
              <StateDiagram state={detail.row.state} path={detail.path} />
              <Numbers detail={detail} />
            </Block>
          )}
          {detail.protocol === 'http/1.1' && (
            <Block title="Request and response">
              <Http1Progress detail={detail} />
            </Block>
          )}
          {detail.protocol === 'h2' && !docked && tab !== 'windows' && <WindowStrip stream={detail.row.stream} />}
          {detail.grpc !== null && <GrpcBlock call={detail.grpc} openedAt={detail.row.openedAt} />}
          <Times detail={detail} />
          <Block title="Fields">
            {detail.sections.length === 0 ? (
              <p className={css['quiet']}>No field section of this stream is kept.</p>
            ) : (
              detail.sections.map(section => (
                <FieldTable
                  key={section.section}
                  section={section}
                  change={detail.changes.find(change => change.section === section.section)}
                />
              ))
            )}
          </Block>
          {!docked && detail.protocol === 'h2' && (
            <Block title="Frames">
              <div className={css['frames']}>
                <FrameGrid slot="drawer" showConnection={false} />
              </div>
            </Block>
          )}
        </div>
      ) : (
        <p className={css['gone']}>
          {inPast
            ? 'This stream had not been opened at this moment, or nothing of it is kept.'
            : 'This stream is not known to the gateway any more, or not yet.'}
        </p>
      )}
    </div>
  );
}

function StateBadge(props: { readonly detail: StreamDetail }): ReactNode {
  const { verdict, stateText } = props.detail.row;
  if (verdict === null) return <Badge tone={props.detail.row.state === 6 ? 'quiet' : 'good'}>{stateText}</Badge>;
  return <Badge tone={verdict.tone}>{verdict.short}</Badge>;
}

function RequestLine(props: { readonly detail: StreamDetail }): ReactNode {
  const { facts } = props.detail;
  const target = facts.scheme === '' ? facts.path : `${facts.scheme}://${facts.authority}${facts.path}`;
  return (
    <p className={css['request']}>
      <b>
        <Hostile text={facts.method} />
      </b>{' '}
      <Hostile text={target} title />
      {facts.status > 0 && (
        <span className={css['status']} data-class={Math.floor(facts.status / 100)}>
          {' '}
          → {facts.status}
        </span>
      )}
      {facts.grpcStatus >= 0 && (
        <span
          className={css['status']}
          title={`grpc-status ${facts.grpcStatus}: ${grpcStatusMeaning(facts.grpcStatus)}`}
        >
          {' '}
          · {grpcStatusName(facts.grpcStatus)}
        </span>
      )}
      {facts.contentType !== '' && (
        <span className={css['type']}>
          {' '}
          <Hostile text={facts.contentType} />
        </span>
      )}
    </p>
  );
}

function VerdictBox(props: { readonly verdict: Verdict }): ReactNode {
  const { verdict } = props;
  const link = rfcLink(verdict.rfc);
  return (
    <div className={css['verdict']} data-tone={verdict.tone}>
      <h3>
        {verdict.upstream && <span>on the other leg: </span>}
        {verdict.code}
      </h3>
      <p>
        {verdict.sentence.map((part, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: parts of a sentence have no identity but their place
          <SentencePiece key={at} part={part} />
        ))}{' '}
        {link !== null && (
          <a href={link.href} target="_blank" rel="noreferrer noopener">
            {link.text}
          </a>
        )}
      </p>
    </div>
  );
}

function SentencePiece(props: { readonly part: Verdict['sentence'][number] }): ReactNode {
  const { text, connection, stream } = props.part;
  if (connection === undefined) return <Hostile text={text} />;
  const go = (): void => (stream === undefined ? selectConnection(connection) : openStream(connection, stream));
  return <LinkButton onClick={go}>{text}</LinkButton>;
}

/* Both legs on one time axis, so that the one that waits for the other can be seen. */
function BothLegs(props: { readonly detail: StreamDetail }): ReactNode {
  const { detail } = props;
  const rows = [detail.row, ...(detail.pair === null ? [] : [detail.pair])];
  const opened = rows.filter(row => row.openedAt >= 0);
  const from = Math.min(...opened.map(row => row.openedAt));
  const to = Math.max(...opened.map(row => row.endAt), from + 1);
  const client = detail.leg === 0 ? detail.row : detail.pair;
  const backend = detail.leg === 0 ? detail.pair : detail.row;
  const kinds = [...new Set(rows.flatMap(row => row.phases.map(phase => phase.kind)))];
  if (opened.length === 0) return null;
  return (
    <Block title="Both legs">
      <div className={css['legs']}>
        <LegLine name="client" row={client} here={detail.leg === 0} from={from} to={to} />
        <LegLine name="backend" row={backend} here={detail.leg === 1} from={from} to={to} />
        <span />
        <span className={css['axis']}>
          <span>{(from / 1e6).toFixed(2)} s</span>
          <span>{span((to - from) / 1000)} later</span>
        </span>
      </div>
      <ul className={css['phases']}>
        {kinds.map(kind => (
          <li key={kind}>
            <span data-phase={kind} aria-hidden="true" /> {PHASE_NAMES[kind]}
          </li>
        ))}
      </ul>
    </Block>
  );
}

function LegLine(props: {
  readonly name: string;
  readonly row: StreamRow | null;
  readonly here: boolean;
  readonly from: number;
  readonly to: number;
}): ReactNode {
  const { row } = props;
  return (
    <>
      <span className={css['leg']}>
        {props.name}{' '}
        {row === null ? (
          '—'
        ) : props.here ? (
          <b>
            {row.connection} / {row.stream}
          </b>
        ) : (
          <LinkButton title="Go to the stream on the other leg" onClick={() => openStream(row.connection, row.stream)}>
            <ArrowLeftRight size={11} aria-hidden="true" /> {row.connection} / {row.stream}
          </LinkButton>
        )}
      </span>
      {row === null ? (
        <span className={css['quiet']}>not on {props.name === 'backend' ? 'a backend' : 'a client'} connection</span>
      ) : (
        <Waterfall phases={row.phases} from={props.from} to={props.to} />
      )}
    </>
  );
}

function Numbers(props: { readonly detail: StreamDetail }): ReactNode {
  const { stateRow } = props.detail;
  const lines: readonly (readonly [name: string, value: string, note: string, alarm: boolean])[] = [
    ['send window', windowText(stateRow.sendWindow), '', stateRow.blocked === 2],
    ['receive window', windowText(stateRow.receiveWindow), '', false],
    ['received', bytes(stateRow.bytesReceived), plural(stateRow.framesReceived, 'frame'), false],
    ['sent', bytes(stateRow.bytesSent), plural(stateRow.framesSent, 'frame'), false],
    ['waits to be sent', stateRow.blocked === 0 ? '—' : bytes(stateRow.pendingBytes), '', stateRow.blocked !== 0],
    [
      'held back by us',
      stateRow.withheldBytes === 0 ? '—' : bytes(stateRow.withheldBytes),
      '',
      stateRow.withheldBytes > 0,
    ],
  ];
  return (
    <dl className={css['numbers']}>
      {lines.map(([name, value, note, alarm]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd data-alarm={alarm ? '' : undefined}>
            {value} {note !== '' && <span>{note}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Times(props: { readonly detail: StreamDetail }): ReactNode {
  const { times } = props.detail;
  if (times.length === 0) return null;
  const total = Math.max(1, times.at(-1)?.us ?? 1);
  return (
    <Block title="Where the time went">
      <dl className={css['times']}>
        {times.map(line => (
          <div key={line.label} data-tone={line.tone}>
            <dt>{line.label}</dt>
            <dd>{span(line.us / 1000)}</dd>
            <span className={css['share']} aria-hidden="true">
              <span style={{ width: `${Math.min(100, (line.us / total) * 100)}%` }} />
            </span>
          </div>
        ))}
      </dl>
    </Block>
  );
}
