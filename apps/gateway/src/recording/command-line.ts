/** The command lines of record, open, export and stalls. */
import { EXPORT_FORMATS, type ExportFormat } from '@glassway/inspector-protocol';
import type { Command } from 'commander';
import { UsageProblem } from '../config/settings.ts';
import type { RecordingTask } from './commands.ts';

/** Frames from before that a recording begins with. */
const BACKLOG = 100_000;

interface RecordFlags {
  readonly out: string;
  readonly filter: string;
  readonly payloads: boolean;
  readonly seconds: string;
  readonly backlog: string;
}

/** Adds the commands; `found` gets what was asked for. */
export function addRecordingCommands(program: Command, found: (task: RecordingTask) => void): void {
  program
    .command('record')
    .description('record what a running gateway’s inspector shows')
    .argument('<url>', 'the inspector’s address as the gateway printed it, with #token=...')
    .requiredOption('--out <file>', 'where to, for example stall.glassway')
    .option('--filter <filter>', 'which frames, in the language of the inspector’s filter bar', '')
    .option('--seconds <n>', 'stop after this time (default: at Ctrl-C)', '0')
    .option('--payloads', 'with the octets of bodies, where the gateway keeps any (--inspector-payloads)', false)
    .option('--backlog <n>', 'frames from before to begin with, as far as they are kept', String(BACKLOG))
    .action((url: string, options: RecordFlags) => {
      found({
        task: 'record',
        url,
        out: options.out,
        filter: options.filter,
        payloads: options.payloads,
        seconds: whole('--seconds', options.seconds, 86_400),
        backlog: whole('--backlog', options.backlog, 10_000_000),
      });
    });
  program
    .command('open')
    .description('show a recording in the inspector')
    .argument('<file>', 'the recording')
    .option('--port <n>', 'where to serve it on this machine (default: any free port)', '0')
    .action((file: string, options: { port: string }) => {
      found({ task: 'open', file, port: whole('--port', options.port, 65_535) });
    });
  program
    .command('export')
    .description('write a recording in the format of another tool')
    .argument('<file>', 'the recording')
    .requiredOption('--as, --format <format>', EXPORT_FORMATS.join(', '))
    .option('--filter <filter>', 'which frames', '')
    .option('--payloads', 'with the octets of bodies, where the recording has any', false)
    .option('--out <file>', 'where to, - for standard output', '-')
    .action((file: string, options: { format: string; filter: string; out: string; payloads: boolean }) => {
      const { format, filter, payloads, out } = options;
      if (!isFormat(format)) throw new UsageProblem(`--format: "${format}" is none of ${EXPORT_FORMATS.join(', ')}`);
      found({ task: 'export', file, format, filter, payloads, out });
    });
  program
    .command('stalls')
    .description('say which requests of a running gateway stand still, and why')
    .argument('<url>', 'the inspector’s address as the gateway printed it, with #token=...')
    .action((url: string) => found({ task: 'stalls', url }));
}

function isFormat(text: string): text is ExportFormat {
  return (EXPORT_FORMATS as readonly string[]).includes(text);
}

function whole(name: string, text: string, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= most) return value;
  throw new UsageProblem(`${name}: "${text}" is not a whole number from 0 to ${most}`);
}
