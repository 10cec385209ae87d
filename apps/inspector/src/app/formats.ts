/** Words for the files that the page can make. */
import type { KeepFormat } from '../feed/model.ts';

/** Name of a format, and what it is good for. */
export const FORMAT_NAMES: Readonly<Record<KeepFormat, readonly [name: string, what: string]>> = {
  glassway: ['Recording', 'everything held here, to open again: .glassway'],
  text: ['Text', 'frames as nghttp -v prints them'],
  har: ['HAR', 'requests, for browsers’ tools'],
  pcapng: ['pcapng', 'frames in made-up TCP, for packet analysers'],
  qlog: ['qlog', 'a JSON text sequence'],
  html: ['HTML report', 'findings, verdicts, streams: one page to send to somebody'],
  'chrome-trace': ['Chrome trace', 'streams as spans, for trace viewers'],
};
