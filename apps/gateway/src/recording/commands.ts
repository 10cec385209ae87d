/** The commands around recordings: record, open, export, and stalls, which asks a running gateway what stands still. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import {
  type ExportFormat,
  exportRecording,
  loadRecording,
  plainText,
  bytes as sizeText,
} from '@glassway/inspector-protocol';
import { newToken } from '../admin/guard.ts';
import { AdminServer } from '../admin/server.ts';
import { findInspectorPage } from '../inspector-page.ts';
import { FileSource } from './file-source.ts';
import { type RecordOptions, selectionText, startRecording, understood } from './record.ts';
import { RecordedHub } from './recorded-hub.ts';
import { connectViewer } from './viewer-client.ts';

/** A recording of more octets than this takes long enough to read that it should be said. */
const LARGE = 32 * 1024 * 1024;

/** What one of the commands was asked to do. */
export type RecordingTask =
  | ({ readonly task: 'record' } & RecordOptions)
  | { readonly task: 'open'; readonly file: string; readonly port: number }
  | {
      readonly task: 'export';
      readonly file: string;
      readonly format: ExportFormat;
      readonly filter: string;
      /** Whether what was recorded of bodies goes into it. */
      readonly payloads: boolean;
      /** `-`: standard output. */
      readonly out: string;
    }
  | { readonly task: 'stalls'; readonly url: string };

/** Does it. `until` resolves when the person wants to stop. Rejects with a sentence. */
export function runRecordingTask(
  task: RecordingTask,
  print: (text: string) => void,
  until: Promise<unknown>,
): Promise<void> {
  switch (task.task) {
    case 'record':
      return record(task, print, until);
    case 'open':
      return openRecording(task.file, task.port, print, until);
    case 'export':
      return exportFile(task, print);
    case 'stalls':
      return stalls(task.url, print);
  }
}

async function record(options: RecordOptions, print: (text: string) => void, until: Promise<unknown>): Promise<void> {
  const run = await startRecording(options);
  print(`recording ${selectionText(options.filter)} to ${options.out}; Ctrl-C ends it\n`);
  void until.then(() => run.stop());
  const { frames, dropped, bytes } = await run.done;
  const lost = dropped === 0 ? '' : `, ${dropped} more were dropped`;
  print(`${options.out}: ${frames} frames${lost}, ${bytes} octets; look at it with glassway open ${options.out}\n`);
}

async function openRecording(
  file: string,
  port: number,
  print: (text: string) => void,
  until: Promise<unknown>,
): Promise<void> {
  const source = new FileSource(file);
  if (source.size > LARGE) print(`${file}: ${sizeText(source.size)}, which takes a moment\n`);
  const hub = new RecordedHub(source);
  const token = newToken();
  const server = new AdminServer(hub, { host: '127.0.0.1', port, token, staticRoot: findInspectorPage() });
  const listening = await server.listen();
  print(`${file}: ${hub.frames} frames. Open http://127.0.0.1:${listening}/#token=${token}\nCtrl-C ends it.\n`);
  await until;
  await server.close();
  source.close();
}

async function exportFile(
  { file, format, filter, payloads, out }: Extract<RecordingTask, { task: 'export' }>,
  print: (text: string) => void,
): Promise<void> {
  const made = exportRecording(loadRecording(await contents(file, print)), format, understood(filter), payloads);
  if (out === '-') await new Promise<void>(resolve => process.stdout.write(made, () => resolve()));
  else await writeFile(out, made);
}

async function stalls(url: string, print: (text: string) => void): Promise<void> {
  const client = connectViewer(url, {
    onHello: () => ({
      type: 'subscribe',
      id: 1,
      frames: null,
      fields: null,
      events: false,
      payloads: null,
      backlog: 0,
    }),
    onText: message => {
      if (message.type === 'snapshot') client.send({ type: 'get', id: 1, what: 'verdicts' });
      if (message.type !== 'reply' || message.what !== 'verdicts') return;
      if (message.verdicts.length === 0) print('Nothing stands still.\n');
      for (const { verdict } of message.verdicts) print(`${verdict.code.padEnd(20)} ${plainText(verdict.sentence)}\n`);
      client.close();
    },
    onLog: () => {},
    onFrames: () => {},
  });
  await client.ended;
}

async function contents(file: string, print: (text: string) => void): Promise<Uint8Array> {
  const { size } = await stat(file).catch(() => ({ size: 0 }));
  if (size > LARGE) print(`${file}: ${sizeText(size)}, which takes a moment\n`);
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new Error(error.code === 'ENOENT' ? `there is no ${file}` : `${file}: ${error.message}`);
  });
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
