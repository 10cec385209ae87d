/** That every limit is in the table, tested, and documented as it is. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { errorCodeName, ODDITIES, RULES, resolveOptions } from '../../src/index.ts';
import type { LimitOption } from '../support/limit.ts';
import { FAMILIES, LIMITS, type LimitRow } from './table.ts';

const rows = Object.entries(LIMITS) as [LimitOption, LimitRow][];
const DEFAULTS = resolveOptions('server');

test('every option that is a number is a limit of the table, and the table has no other', () => {
  // LIM-01
  const numbers = Object.entries(DEFAULTS).filter(([, value]) => typeof value === 'number');
  expect(rows.map(([option]) => option).sort()).toEqual(numbers.map(([name]) => name).sort());
});

test.each(rows)('%s has its five tests in the file of its family', (option, { family }) => {
  // LIM-01
  const source = readFileSync(new URL(`./${family}.test.ts`, import.meta.url), 'utf8');
  // The compiler sees to it that a limit has all cases.
  expect(source.split(`limit('${option}', {`)).toHaveLength(2);
  expect(source).not.toMatch(/\.skip\(|\.todo\(|\.only\(/);
});

test('the files of this folder are the families', () => {
  const files = readdirSync(new URL('.', import.meta.url)).filter(file => file.endsWith('.test.ts'));
  expect(files.sort()).toEqual([...Object.keys(FAMILIES), 'table'].map(name => `${name}.test.ts`).sort());
});

test.each(rows)('%s is turned off by the value that the table says', (option, { off = 0 }) => {
  expect(resolveOptions('server', { [option]: off })[option]).toBe(off);
  if (off !== 0) expect(() => resolveOptions('server', { [option]: off + 1 })).toThrow();
});

test.each(rows)('%s ends in ENHANCE_YOUR_CALM unless the RFC has a code for it', (_, { rule }) => {
  if (rule === null) return;
  const { code, rfc } = RULES[rule];
  if (rfc.startsWith('9113 10.5')) expect(errorCodeName(code)).toBe('ENHANCE_YOUR_CALM');
});

/** A default as people read it. */
function shown(option: LimitOption): string {
  const value = DEFAULTS[option];
  if (option.endsWith('Ms')) return value === 0 ? 'off' : value % 1000 === 0 ? `${value / 1000} s` : `${value} ms`;
  const octets = /Size$|Memory$/.test(option);
  if (octets && value % 2 ** 20 === 0) return `${value / 2 ** 20} MiB`;
  if (octets && value % 1024 === 0) return `${value / 1024} KiB`;
  return value.toLocaleString('en-US');
}

/** Defaults that follow from others, and those of a client where they differ. */
const NOTES: Partial<Record<LimitOption, string>> = {
  maxConcurrentStreams: '; pushes: 100',
  maxConcurrentResetStreams: ', or twice `maxConcurrentStreams`; client: 1,024',
  resetStreamDurationMs: ' (RFC 9113 5.1: no timers)',
  dataFrameBudget: ': half of `initialWindowSize`, at least 64 KiB',
  oddityBurst: ', or twice `maxConcurrentStreams` when that is more, at most 4,000',
};

/** A greatest value as the RFCs write it. */
function power(value: number): string {
  const bits = Math.log2(value + 1);
  return value > 65_536 && Number.isInteger(bits) ? `2^${bits}-1` : value.toLocaleString('en-US');
}

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

function documentation(): string {
  const parts: string[] = [];
  for (const [family, heading] of Object.entries(FAMILIES)) {
    parts.push(`## ${heading}\n`, line(['option', 'default', 'off', 'what it stops', 'event', 'what the peer sees']));
    parts.push(line(['---', '---', '---', '---', '---', '---']));
    for (const [option, row] of rows) {
      if (row.family !== family) continue;
      const { rule, cve = [], off = 0 } = row;
      const sees = rule === null ? row.sees : row.sees.replaceAll('{}', errorCodeName(RULES[rule].code));
      const stops = cve.length === 0 ? row.stops : `${row.stops} (${cve.join(', ')})`;
      const event = rule === null ? '-' : `\`${rule}\``;
      parts.push(line([`\`${option}\``, `${shown(option)}${NOTES[option] ?? ''}`, power(off), stops, event, sees]));
    }
    parts.push('');
  }
  const oddities = Object.entries(ODDITIES).map(([id, text]) => line([`\`${id}\``, text]));
  return `# Limits

<!-- Written by packages/h2-core/test/limits/table.test.ts: run it with -u after a change. -->

What a peer may do to a connection of \`@glassway/h2-core\`, and what happens when it does more. Every limit is an option of
\`CoreOptions\`, given to \`Connection\`, \`handshake\` and \`connect\`, and can be turned off. What comes back with time is a
bucket of tokens, full at first; what is outstanding (unread octets, unwritten replies, open streams) counts until it is not.
Frames for streams that we reset ourselves are forgiven as long as they can have been on their way, and their octets go back to
the window.

A hit is an event first: the tap's \`onViolation\` names the rule before anything is written. Then GOAWAY ends the connection,
with the rule as its debug data (unless \`goAwayDebugData\` is false), or RST_STREAM ends the stream; \`error.rule\` says the same
to the program. [errors.md](errors.md) has all rules. Each limit has five tests, in \`packages/h2-core/test/limits/\`: just below,
at, above, what honest peers do that looks alike, and turned off.

${parts.join('\n')}
Oddities, which \`oddityBurst\` counts, are told to the tap one by one (\`onOddity\`):

${[line(['oddity', 'what the peer did']), line(['---', '---']), ...oddities].join('\n')}

## Before a limit is reached

A tap hears of it when a peer has used three quarters of \`oddityBurst\`, \`emptyDataBurst\`, \`settingsWorkBurst\`,
\`maxLocalErrorResetStreams\` or \`dataFrameBudget\` (\`onLimitNear\`), once, and again after half was free.

## Without an option

| what | bound | beyond |
| --- | --- | --- |
| compressed octets of a section that has CONTINUATION | \`maxHeaderListSize\` | GOAWAY(ENHANCE_YOUR_CALM), \`headers.too-large\`, before they are decoded |
| informational responses to one request, together | \`maxHeaderListSize\` | RST_STREAM(ENHANCE_YOUR_CALM), \`headers.informational\` |
| informational responses that a program does not read (\`./client\`) | 64 | RST_STREAM(ENHANCE_YOUR_CALM) |
| promises that a program has not taken from \`pushes\`, also when their responses are complete (\`./client\`) | \`maxReservedStreams\` | RST_STREAM(REFUSED_STREAM), \`push.too-many\` |
| octets of their responses, together | the connection's receive window | RST_STREAM(CANCEL), \`push.untaken\` |
| promises to a client without \`enablePush\` that has not had its SETTINGS acknowledged (\`./client\`) | 0 | RST_STREAM(CANCEL) |
| streams remembered that ended without a reset of ours | 256 | late frames: RST_STREAM(STREAM_CLOSED), \`stream.closed\` |
| late frames forgiven, DATA aside | 4 for each stream remembered | \`odd.late\` |
| octets of frames other than DATA that a server cannot send, because the client asks on and does not read (CVE-2019-9517) | 1 MiB | nothing is read until they are written |
| the same, of either role, when whoever moves the octets reads on all the same | 64 MiB | GOAWAY(ENHANCE_YOUR_CALM), \`flood.replies\` |
| GOAWAY debug data kept | 1,024 octets | cut off |
| requests of ours that wait for a stream | 10,000 | the program is told (\`api.queue-full\`) |
| priorities kept for streams to come | 1,024, and with open streams \`maxConcurrentStreams\` | not kept; GOAWAY(PROTOCOL_ERROR), \`priority-update.limit\` |
| stream identifiers | 2^31-1 | GOAWAY(NO_ERROR) when the last has ended; further requests take another connection |
| octets and frames after a fatal error | - | ignored, everything is freed |
`;
}

test('docs/limits.md says what the source does', async () => {
  // LIM-01
  await expect(documentation()).toMatchFileSnapshot('../../../../docs/limits.md');
});
