import { createHash } from 'node:crypto';
import type { Settings } from '../config/settings.ts';
import type { Listeners } from '../listener/listeners.ts';
import type { AccessLog } from '../log-access.ts';
import { VERSION } from '../version.ts';
import { type Family, family } from './families.ts';

/** What is looked at when somebody asks for the metrics. */
export interface GatewayFacts {
  readonly listeners: Listeners;
  /** Null: there is none. */
  readonly access: AccessLog | null;
  readonly openRequests: number;
  readonly settings: Settings;
}

/** Gauges and counters that other parts keep for themselves anyway. */
export function gatewayFamilies({ listeners, access, openRequests, settings }: GatewayFacts): Family[] {
  const { accepted, refused } = listeners.counts;
  const build = { version: VERSION, config: configRevision(settings) };
  return [
    family('glassway_build_info', 'gauge', 'Version and configuration; the value is the number of processes.', [
      [build, 1],
    ]),
    family('glassway_requests_open', 'gauge', 'Requests under way.', openRequests),
    family('glassway_connections_open', 'gauge', 'Client connections.', listeners.connections),
    family('glassway_connections_accepted_total', 'counter', 'Client connections taken in.', accepted),
    family('glassway_connections_refused_total', 'counter', 'Client connections closed because of a limit.', refused),
    family(
      'glassway_access_log_lines_total',
      'counter',
      'Lines of the access log, written or lost to a target that is full, stuck or too slow.',
      access === null
        ? []
        : [
            [{ outcome: 'written' }, access.counts.written],
            [{ outcome: 'lost' }, access.counts.lost],
          ],
    ),
  ];
}

/**
 * The same settings have the same revision, on every machine and in every process: 12 hexadecimal digits. What only the first
 * process of several has does not count.
 */
export function configRevision(settings: Settings): string {
  const { admin: _, inspector: __, workers: ___, ...shared } = settings;
  return createHash('sha256').update(JSON.stringify(shared)).digest('hex').slice(0, 12);
}
