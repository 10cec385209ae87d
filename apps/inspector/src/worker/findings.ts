/**
 * What deserves a look, worst first: stalls, broken rules, limits nearly reached, GOAWAY with an error, many resets or PINGs,
 * fields that churn.
 */
import { Blocked, errorName, FrameType } from '@glassway/inspector-protocol';
import type { Finding } from '../feed/model.ts';
import { bytes, count, plural } from '../text/format.ts';
import type { Churn } from './churn.ts';
import { healthOf, stuckStream } from './health.ts';
import type { ConnectionEntry, Violation } from './state-entries.ts';
import type { StateView } from './state-store.ts';

const MAX_FINDINGS = 50;
const MAX_CHURN = 5;
/* Resets are a storm when they are this many and most of the streams. */
const STORM_RESETS = 20;
/* PINGs are one when they are this many, more than one in a second, and more than everything else that came. */
const STORM_PINGS = 50;
const SECOND_US = 1_000_000;
/* How long it is worth a look that a limit was nearly reached, microseconds. */
const LIMIT_US = 60_000_000;

/** The findings as of now. */
export function findingsOf(store: StateView, churn: Churn, now: number): Finding[] {
  const stalls: Finding[] = [];
  const near: Finding[] = [];
  const rest: Finding[] = [];
  for (const entry of store.connections.values()) {
    const { health, verdict, sentence } = healthOf(entry, now);
    // One stream's own window leads to that stream; the connection's leads to all that wait for it.
    const stream = entry.state.blocked === Blocked.NOT ? (stuckStream(entry, now) ?? 0) : 0;
    const { id, peer } = entry.facts;
    if (health === 'stalled') {
      stalls.push({
        key: `stall/${id}`,
        kind: 'stall',
        tone: 'bad',
        title: sentence,
        text: `${peer}, ${verdict}`,
        connection: id,
        stream,
      });
    }
    rest.push(...goAways(entry), ...storms(entry), ...pings(entry, now));
    near.push(...limits(entry, now));
  }
  const churns = churn
    .wasteful()
    .slice(0, MAX_CHURN)
    .map((field): Finding => {
      const each = Math.round(field.wireBytes / field.added);
      const who = field.direction === 1 ? 'sent' : 'received';
      return {
        key: `churn/${field.connection}/${field.direction}/${field.name}`,
        kind: 'churn',
        tone: 'warn',
        title: `${field.name} never hits the table`,
        text: `connection ${field.connection}, ${who} ${count(field.added)} times: ${bytes(each)} each, ${bytes(field.wireBytes)} in all`,
        connection: field.connection,
        stream: 0,
      };
    });
  return [...stalls, ...violations(store), ...near, ...rest.reverse(), ...churns].slice(0, MAX_FINDINGS);
}

/* One finding per rule, whoever broke it: it leads to the newest place. */
function violations(store: StateView): Finding[] {
  const byRule = new Map<string, { newest: Violation; times: number; connections: Set<number> }>();
  for (const entry of store.connections.values()) {
    for (const violation of entry.violations) {
      const known = byRule.get(violation.rule) ?? { newest: violation, times: 0, connections: new Set() };
      byRule.set(violation.rule, known);
      known.times++;
      known.connections.add(entry.facts.id);
      if (violation.t > known.newest.t) known.newest = violation;
    }
  }
  const newestFirst = [...byRule.values()].sort((a, b) => b.newest.t - a.newest.t);
  return newestFirst.map(({ newest, times, connections }) => ({
    key: `violation/${newest.rule}`,
    kind: 'violation',
    tone: 'bad',
    title: newest.message,
    text: [
      newest.rule,
      connections.size === 1
        ? `connection ${newest.connection}`
        : `${plural(connections.size, 'connection')}, last ${newest.connection}`,
      ...(times > 1 ? [`${count(times)} times`] : []),
    ].join(', '),
    connection: newest.connection,
    stream: newest.stream,
  }));
}

/* About to trip: no longer so once the rule is broken, or when it is long ago. */
function limits({ facts, violations, limits }: ConnectionEntry, now: number): Finding[] {
  const found: Finding[] = [];
  for (const { rule, text, used, limit, t } of limits.values()) {
    if (now - t > LIMIT_US || facts.closedAt >= 0 || violations.some(violation => violation.rule === rule)) continue;
    found.push({
      key: `limit/${facts.id}/${rule}`,
      kind: 'limit',
      tone: 'warn',
      title: `A limit is about to trip: ${text}`,
      text: `${rule}, connection ${facts.id}: the ${facts.leg === 0 ? 'client' : 'backend'} has used ${count(used)} of ${count(limit)}`,
      connection: facts.id,
      stream: 0,
    });
  }
  return found;
}

function goAways(entry: ConnectionEntry): Finding[] {
  const found: Finding[] = [];
  for (const [who, goAway] of [
    ['received', entry.facts.goAwayReceived],
    ['sent', entry.facts.goAwaySent],
  ] as const) {
    // When a rule was broken, the violation is the finding and our GOAWAY merely its end.
    if (goAway === null || goAway.code === 0 || (who === 'sent' && entry.violations.length > 0)) continue;
    let lost = 0;
    for (const stream of entry.streams.keys()) if (stream > goAway.lastStreamId) lost++;
    found.push({
      key: `goaway/${entry.facts.id}/${who}`,
      kind: 'goaway',
      tone: 'bad',
      title: `GOAWAY ${who}: ${errorName(goAway.code)}`,
      text: `connection ${entry.facts.id}, ${lost === 0 ? 'no stream lost' : `${plural(lost, 'stream')} lost`}${goAway.debug === '' ? '' : `: ${goAway.debug}`}`,
      connection: entry.facts.id,
      stream: 0,
    });
  }
  return found;
}

function storms(entry: ConnectionEntry): Finding[] {
  const { resetsReceived, resetsSent, totalStreams } = entry.state;
  const resets = Math.max(resetsReceived, resetsSent);
  if (resets < STORM_RESETS || resets * 2 < totalStreams) return [];
  const by = resetsSent > resetsReceived ? 'the gateway' : entry.facts.leg === 0 ? 'the client' : 'the backend';
  return [
    {
      key: `resets/${entry.facts.id}`,
      kind: 'resets',
      tone: 'bad',
      title: `${count(resets)} of ${count(totalStreams)} streams reset by ${by}`,
      text: `connection ${entry.facts.id}, ${entry.facts.peer}`,
      connection: entry.facts.id,
      stream: 0,
    },
  ];
}

function pings({ facts, state }: ConnectionEntry, now: number): Finding[] {
  const received = state.frames.slice(0, state.frames.length / 2);
  const asked = received[FrameType.PING] ?? 0;
  const others = received.reduce((sum, frames) => sum + frames, 0) - asked;
  const seconds = ((facts.closedAt < 0 ? now : facts.closedAt) - facts.openedAt) / SECOND_US;
  // Answers to our own keepalive are among them, but those are seconds apart.
  if (asked < STORM_PINGS || asked <= others || asked < seconds) return [];
  const who = facts.leg === 0 ? 'client' : 'backend';
  return [
    {
      key: `pings/${facts.id}`,
      kind: 'pings',
      tone: 'warn',
      title: `${count(asked)} PINGs from the ${who}, more than all its other frames`,
      text: `connection ${facts.id}, ${facts.peer}: keepalive too often, or a flood; each costs an answer`,
      connection: facts.id,
      stream: 0,
    },
  ];
}
