/** Recordings in the formats of other tools. Everything in them was redacted in the gateway, before it was recorded. */
import type { Filter } from '../filter/parse.ts';
import type { Recording } from '../loaded-recording.ts';
import { rowsOf } from './frames.ts';
import { exportHar } from './har.ts';
import { exportPcapng } from './pcapng.ts';
import { exportReport } from './report.ts';
import { exportText } from './text.ts';
import { exportChromeTrace, exportQlog } from './trace.ts';

/** Names of formats. */
export const EXPORT_FORMATS = ['text', 'har', 'pcapng', 'qlog', 'chrome-trace', 'html'] as const;
/** One of `EXPORT_FORMATS`. */
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/**
 * Writes the frames that a filter lets pass (null: all) and what belongs to them. What was kept of bodies goes along only
 * with `content`: it is as secret as they were.
 */
export function exportRecording(
  whole: Recording,
  format: ExportFormat,
  filter: Pick<Filter, 'nodes'> | null,
  content = false,
): string | Uint8Array {
  const recording = content ? whole : { ...whole, payloads: whole.payloads.withoutContent() };
  const rows = rowsOf(recording, filter);
  switch (format) {
    case 'text':
      return exportText(recording, rows);
    case 'har':
      return exportHar(recording, rows);
    case 'pcapng':
      return exportPcapng(recording, rows);
    case 'qlog':
      return exportQlog(recording, rows);
    case 'chrome-trace':
      return exportChromeTrace(recording, rows);
    case 'html':
      return exportReport(recording, rows, filter);
  }
}
