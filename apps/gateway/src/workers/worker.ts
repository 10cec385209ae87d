/** A worker's side: it serves, answers the primary, and stops when the primary says so or is gone. */
import cluster from 'node:cluster';
import type { Drain } from '../drain.ts';
import type { Gateway, GatewayOptions } from '../gateway.ts';
import { Logger, type LogLevel } from '../log.ts';
import type { FromWorker, Listening, Question, ToWorker, WorkerRevision } from './messages.ts';
import { HASH_KEY, placeOfWorker, TICKET_KEYS, type WorkerPlace } from './place.ts';

/** What a gateway has to know to be one of several; null in the primary and in a gateway of one process. */
export function asWorker(): NonNullable<GatewayOptions['worker']> | null {
  if (!cluster.isWorker) return null;
  return { place: placeOfWorker(), hashKey: takeSecret(HASH_KEY)!, reserve: upTo => tell({ type: 'reserved', upTo }) };
}

/** What the workers make session tickets with, so that each takes the others'; undefined in a gateway of one process. */
export function sharedTicketKeys(): Buffer | undefined {
  return takeSecret(TICKET_KEYS);
}

function takeSecret(variable: string): Buffer | undefined {
  const secret = process.env[variable];
  // For nobody else, such as a report of a crash.
  delete process.env[variable];
  return secret === undefined ? undefined : Buffer.from(secret, 'base64');
}

/** A logger whose lines say which worker speaks. */
export function workerLogger(level: LogLevel, { worker }: WorkerPlace): Logger {
  const mark = `glassway[${worker}]:`;
  return new Logger(level, line => void process.stderr.write(line.replace('glassway:', mark)));
}

/** Has this process obey the primary. */
export function obeyPrimary(gateway: Gateway, drain: Drain): void {
  // A terminal sends its signals to every process; only the primary decides.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => {});
  process.on('message', (message: ToWorker) => {
    switch (message.type) {
      case 'ask': {
        tell({ type: 'answer', id: message.id, value: answerTo(message.what, gateway) });
        break;
      }
      case 'stop':
        drain.begin(message.why);
        break;
      case 'reload':
        process.emit('SIGHUP');
        break;
      default:
        message satisfies never;
    }
  });
  // Without the primary no connection comes any more. Node would end the process with everything that is under way, unless
  // the worker seems to have wanted it; that is asked after this.
  cluster.worker!.once('disconnect', () => {
    cluster.worker!.exitedAfterDisconnect = true;
    if (drain.isReady) drain.begin('the primary process is gone');
  });
  tell({ type: 'listening', ...listening(gateway), hub: gateway.hub });
}

/** Tells the primary that the settings were reloaded. */
export function tellReloaded(gateway: Gateway): void {
  tell({ type: 'reloaded', ...listening(gateway) });
}

function listening({ https, http, rootCertificatePath, settings }: Gateway): Listening {
  return { https, http, rootCertificatePath, listen: { http: settings.http, https: settings.https } };
}

function answerTo(question: Question, gateway: Gateway): unknown {
  if (question !== 'revision') return gateway[question]();
  const { settings, revision: reloads } = gateway;
  return { settings, reloads } satisfies WorkerRevision;
}

function tell(message: FromWorker): void {
  if (process.connected) process.send!(message);
}
