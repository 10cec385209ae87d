/**
 * One HTML file for somebody who has no inspector: what was found, why streams stood still, all streams, and the frames of
 * those that were stuck. It has no scripts, loads nothing, and says so in a policy of its own.
 */
import { explainFilter, type Filter } from '../filter/parse.ts';
import type { Recording } from '../loaded-recording.ts';
import { FrameType } from '../record.ts';
import type { StreamFacts, StreamState } from '../rows.ts';
import { isStuck } from '../verdict/engine.ts';
import { type RecordedVerdict, verdictsAtEnd } from '../verdict/recorded.ts';
import type { Verdict } from '../verdict/types.ts';
import { errorName, flagNames, frameName, stateName } from '../vocabulary.ts';
import { bytes, count, lasting, plural, rfcLink } from '../words.ts';
import { connectionName, SectionIndex, shownValue } from './frames.ts';
import { html, Markup } from './markup.ts';
import { REPORT_STYLE, REPORT_STYLE_HASH } from './report-style.ts';
import { frameDetails } from './text.ts';

/** Rows of the table of streams, the stuck ones first. */
const MAX_STREAMS = 2000;
/** Streams whose frames are listed, and frames of each: the newest. */
const MAX_STUCK = 40;
const MAX_FRAMES = 400;
const MAX_VIOLATIONS = 100;

interface Row {
  readonly facts: StreamFacts;
  readonly state: StreamState;
  readonly verdict: Verdict | null;
}

/** The report of these rows. */
export function exportReport(
  recording: Recording,
  rows: readonly number[],
  filter: Pick<Filter, 'nodes'> | null,
): string {
  const { hello, now, connections } = recording;
  const verdicts = new Map(verdictsAtEnd(recording).map(each => [`${each.connection}/${each.stream}`, each]));
  const streams = streamsOf(recording, rows, filter, verdicts);
  const stuck = streams.filter(({ verdict }) => isStuck(verdict));
  const at = new Date(hello.epochMs + now / 1000).toISOString().replace('T', ' ').slice(0, 19);
  const csp = `default-src 'none'; style-src '${REPORT_STYLE_HASH}'; base-uri 'none'; form-action 'none'`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${csp}">
<meta name="viewport" content="width=device-width">
<meta name="referrer" content="no-referrer">
<title>Glassway report, ${at} UTC</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${headline(stuck.length)}</h1>
<p class="soft">Gateway ${hello.name}, release ${hello.release}, as of ${at} UTC${
    filter === null || filter.nodes.length === 0 ? '' : `; only frames that match: ${explainFilter(filter)}`
  }.</p>
<dl class="facts">${[
    fact('connections', count(connections.size)),
    fact('streams', count(streams.length)),
    fact('stuck', count(stuck.length)),
    fact('frames', count(rows.length)),
    fact('not recorded', recording.dropped === 0 ? 'nothing' : plural(recording.dropped, 'frame')),
  ]}</dl>
</header>
<main>
${findings(recording, stuck)}
${connectionTable(recording)}
${streamTable(streams, now)}
${stuckStreams(recording, stuck, rows)}
</main>
<footer><p class="soft">Confidential values were replaced by their length and a keyed hash in the gateway, before they were recorded. Times are seconds since the gateway started. This file has no scripts and loads nothing.</p></footer>
</body>
</html>
`;
  return page.html;
}

/* A style element holds text, not markup, so nothing in it is escaped. */
const STYLE = new Markup(REPORT_STYLE);

function headline(stuck: number): string {
  return stuck === 0 ? 'Nothing stood still' : `${plural(stuck, 'stream')} stood still`;
}

function fact(name: string, value: string): Markup {
  return html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
}

/* As HAR does it: streams of HTTP/1.1 have no frames that a filter could ask about, so they are all there. */
function streamsOf(
  recording: Recording,
  rows: readonly number[],
  filter: Pick<Filter, 'nodes'> | null,
  verdicts: ReadonlyMap<string, RecordedVerdict>,
): Row[] {
  const { frames, connections, streams } = recording;
  const all = filter === null || filter.nodes.length === 0;
  const wanted = new Set<string>();
  if (!all) for (const row of rows) wanted.add(`${frames.connection[row]}/${frames.stream[row]}`);
  const list: Row[] = [];
  for (const [key, { facts, state }] of streams) {
    if (state === null) continue;
    if (!all && !wanted.has(key) && connections.get(facts.connection)?.facts.protocol !== 'http/1.1') continue;
    list.push({ facts, state, verdict: verdicts.get(key)?.verdict ?? null });
  }
  const first = ({ verdict }: Row): number => (isStuck(verdict) ? 0 : 1);
  return list.sort((a, b) => first(a) - first(b) || a.state.openedAt - b.state.openedAt);
}

function findings(recording: Recording, stuck: readonly Row[]): Markup {
  const cards = [
    ...stuck.slice(0, MAX_STUCK).map(({ facts, verdict }) => verdictCard(facts, verdict!)),
    ...goAways(recording),
    ...violations(recording),
  ];
  const more = stuck.length > MAX_STUCK ? html`<p>${plural(stuck.length - MAX_STUCK, 'more stuck stream')}.</p>` : null;
  return html`<section><h2>Findings</h2>${
    cards.length === 0 ? html`<p>No stream was stuck, no rule broken, no connection ended with an error.</p>` : cards
  }${more}</section>`;
}

function verdictCard(facts: StreamFacts, verdict: Verdict): Markup {
  const name = `${facts.method} ${facts.path}`.trim();
  const link = rfcLink(verdict.rfc);
  return html`<div class="card ${verdict.tone === 'bad' ? 'bad' : 'warn'}">
<span class="code">${verdict.code}${verdict.upstream ? ' on the other leg' : ''}</span>
<p>${verdict.sentence.map(part => part.text)} ${link === null ? '' : html`<a href="${link.href}">${link.text}</a>`}</p>
<p class="soft">Connection ${facts.connection}, <a href="#s${facts.connection}-${facts.stream}">stream ${facts.stream}</a>: <code>${name}</code></p>
</div>`;
}

function goAways(recording: Recording): Markup[] {
  return [...recording.connections.values()].flatMap(({ facts }) =>
    ([facts.goAwayReceived, facts.goAwaySent] as const).flatMap((goAway, sent) =>
      goAway === null || goAway.code === 0
        ? []
        : [
            html`<div class="card warn"><span class="code">GOAWAY ${errorName(goAway.code)}</span><p>${
              sent === 1 ? 'Sent' : 'Received'
            } on connection ${facts.id} at ${seconds(goAway.at)} s, last stream ${goAway.lastStreamId}. ${goAway.debug}</p></div>`,
          ],
    ),
  );
}

function violations(recording: Recording): Markup[] {
  const list: Markup[] = [];
  for (const event of recording.events) {
    if (event.kind !== 'violation' || list.length === MAX_VIOLATIONS) continue;
    list.push(
      html`<div class="card warn"><span class="code">${event.rule}</span><p>${event.message} ${
        event.rfc === '' ? '' : `(RFC ${event.rfc})`
      }</p><p class="soft">Connection ${event.connection}, stream ${event.stream}, at ${seconds(event.t)} s</p></div>`,
    );
  }
  return list;
}

function connectionTable({ connections, now }: Recording): Markup {
  const rows = [...connections.values()].map(({ facts, state }) => {
    const ended = facts.closedAt < 0 ? 'open' : `closed after ${lasting((facts.closedAt - facts.openedAt) / 1000)}`;
    const tls = facts.tls === null ? 'cleartext' : facts.tls.version;
    return html`<tr><td class="n">${facts.id}</td><td class="mono">${connectionName(facts)}</td><td>${
      facts.protocol === 'h2' ? `h2, ${facts.negotiation}` : facts.protocol
    }, ${tls}</td><td>${ended}${facts.closedAt < 0 ? ` for ${lasting((now - facts.openedAt) / 1000)}` : ''}${
      facts.closeReason === null ? '' : `: ${facts.closeReason.text}`
    }</td><td class="n">${count(state?.totalStreams ?? 0)}</td><td class="n">${bytes(state?.bytesReceived ?? 0)}</td><td class="n">${bytes(
      state?.bytesSent ?? 0,
    )}</td></tr>`;
  });
  return html`<section><h2>Connections</h2><div class="wide"><table>
<thead><tr><th class="n">id</th><th>between</th><th>protocol</th><th>state</th><th class="n">streams</th><th class="n">in</th><th class="n">out</th></tr></thead>
<tbody>${rows}</tbody></table></div></section>`;
}

function streamTable(streams: readonly Row[], now: number): Markup {
  const shown = streams.slice(0, MAX_STREAMS);
  const opened = shown.filter(({ state }) => state.openedAt >= 0);
  let from = Number.POSITIVE_INFINITY;
  let to = 0;
  for (const { state } of opened) {
    from = Math.min(from, state.openedAt);
    to = Math.max(to, endOf(state, now));
  }
  const rows = shown.map(row => {
    const { facts, state, verdict } = row;
    const tone = verdict === null || verdict.tone === 'quiet' ? '' : `is-${verdict.tone}`;
    const name = `${facts.connection}/${facts.stream}`;
    const id = isStuck(verdict) ? html`<a href="#s${facts.connection}-${facts.stream}">${name}</a>` : name;
    const status = facts.grpcStatus >= 0 ? `${facts.status}, grpc ${facts.grpcStatus}` : String(facts.status || '—');
    return html`<tr><td class="mono">${id}</td><td>${facts.method}</td><td class="mono">${
      facts.path || facts.authority
    }</td><td>${status}</td><td>${stateName(state.state)}</td><td class="${tone}">${verdict?.short ?? ''}</td><td class="n">${bytes(
      state.bytesReceived,
    )}</td><td class="n">${bytes(state.bytesSent)}</td><td class="n t">${
      state.openedAt < 0 ? '—' : lasting((endOf(state, now) - state.openedAt) / 1000)
    }</td><td>${state.openedAt < 0 ? null : waterfall(state, from, Math.max(to, from + 1), now)}</td></tr>`;
  });
  const left = streams.length - shown.length;
  return html`<section><h2>Streams</h2><div class="wide"><table>
${streams.length === 0 ? null : html`<caption>Bars span ${seconds(from)} s to ${seconds(to)} s: grey before the response, blue after, red while it cannot send.</caption>`}
<thead><tr><th>id</th><th>method</th><th>path</th><th>status</th><th>state</th><th>verdict</th><th class="n">in</th><th class="n">out</th><th class="n">took</th><th>when</th></tr></thead>
<tbody>${rows}</tbody></table></div>${left > 0 ? html`<p class="soft">${plural(left, 'more stream')} not shown.</p>` : null}</section>`;
}

function waterfall(state: StreamState, from: number, to: number, now: number): Markup {
  const x = (t: number): number => Math.round(((t - from) / (to - from)) * 1000);
  const end = endOf(state, now);
  const head = state.headSentAt < 0 ? end : state.headSentAt;
  const blocked = state.closedAt < 0 && state.blocked !== 0 ? Math.max(state.blockedSince, state.openedAt) : end;
  const part = (kind: string, start: number, stop: number): Markup | null =>
    stop <= start
      ? null
      : html`<rect class="${kind}" x="${x(start)}" y="1" width="${Math.max(4, x(stop) - x(start))}" height="10"/>`;
  return html`<svg viewBox="0 0 1000 12" preserveAspectRatio="none" aria-hidden="true">${[
    part('pw', state.openedAt, Math.min(head, blocked)),
    part('ps', head, blocked),
    part('pb', blocked, end),
  ]}</svg>`;
}

function stuckStreams(recording: Recording, stuck: readonly Row[], rows: readonly number[]): Markup | null {
  if (stuck.length === 0) return null;
  const sections = new SectionIndex(recording.sections);
  const shown = stuck.slice(0, MAX_STUCK);
  return html`<section><h2>Frames of the streams that stood still</h2>
<p class="soft">With those of the connection itself, which move its windows; the newest ${MAX_FRAMES} of each.</p>
${shown.map((row, at) => stuckStream(recording, sections, row, rows, at === 0))}</section>`;
}

function stuckStream(
  recording: Recording,
  sections: SectionIndex,
  { facts, verdict }: Row,
  rows: readonly number[],
  open: boolean,
): Markup {
  const { frames } = recording;
  const own = rows.filter(
    row =>
      frames.connection[row] === facts.connection && (frames.stream[row] === facts.stream || frames.stream[row] === 0),
  );
  const shown = own.slice(-MAX_FRAMES);
  const lines = shown.map(
    row =>
      html`<tr><td class="mono t n">${seconds(frames.t[row]!)}</td><td>${
        frames.direction[row] === 1 ? 'sent' : 'received'
      }</td><td class="mono t">${frameName(frames.type[row]!)}</td><td class="n">${frames.stream[row]!}</td><td class="mono t">${flagNames(
        frames.type[row]!,
        frames.flags[row]!,
      ).join(' ')}</td><td class="n">${count(frames.length[row]!)}</td><td class="n">${count(
        frames.connectionWindow[row]!,
      )}</td><td class="n">${frames.stream[row] === 0 ? '' : count(frames.streamWindow[row]!)}</td><td class="mono">${
        frames.type[row] === FrameType.HEADERS ? '' : frameDetails(recording, sections, row).join(', ')
      }</td></tr>`,
  );
  const fields = sections
    .of(facts.connection, facts.stream)
    .map(
      section =>
        html`<table><caption>${section.direction === 1 ? 'Fields sent' : 'Fields received'} at ${seconds(
          section.t,
        )} s</caption><tbody>${section.fields.map(
          field => html`<tr><td class="mono f">${field.name}</td><td class="mono">${shownValue(field)}</td></tr>`,
        )}</tbody></table>`,
    );
  const name = `${facts.method} ${facts.path}`.trim();
  return html`<details id="s${facts.connection}-${facts.stream}"${open ? OPEN : null}>
<summary><b>${facts.connection}/${facts.stream}</b> <code>${name}</code> <span class="is-bad">${verdict?.short ?? ''}</span></summary>
<div>${verdict === null ? null : html`<p>${verdict.sentence.map(part => part.text)}</p>`}
${fields}
<div class="wide"><table><caption>${shown.length < own.length ? `The newest ${shown.length} of ${plural(own.length, 'frame')}` : plural(own.length, 'frame')}</caption>
<thead><tr><th class="n">s</th><th>direction</th><th>type</th><th class="n">stream</th><th>flags</th><th class="n">length</th><th class="n">connection window</th><th class="n">stream window</th><th>detail</th></tr></thead>
<tbody>${lines}</tbody></table></div></div>
</details>`;
}

const OPEN = new Markup(' open');

function endOf(state: StreamState, now: number): number {
  return state.closedAt >= 0 ? state.closedAt : now;
}

function seconds(us: number): string {
  return (us / 1e6).toFixed(4);
}
