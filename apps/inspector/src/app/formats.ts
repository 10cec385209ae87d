/** Words for the files that the page can make. */
import type { KeepFormat } from '../feed/model.ts';

/** Name of a format, and what it is good for. */
export const FORMAT_NAMES: Readonly<Record<KeepFormat, readonly [name: string, what: string]>> = {
  glassway: ['recording', 'everything held here, to open again: .glassway'],
  text: ['text', 'frames as nghttp -v prints them'],
  har: ['HAR', 'requests, for browsers’ tools'],
  pcapng: ['pcapng', 'frames in made-up TCP, for packet analysers'],
  qlog: ['qlog', 'a JSON text sequence'],
  html: ['report', 'findings, streams and the stuck ones’ frames as one HTML page'],
  'chrome-trace': ['Chrome trace', 'streams as spans, for trace viewers'],
};
