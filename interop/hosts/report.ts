import type { Open } from './conversation.ts';
import { rawCore } from './raw-core.ts';
import { type Outcome, runAll } from './scenario.ts';

/** What a host's program prints, as the one line of JSON that begins with `{`. */
export interface HostReport {
  /** Where the host found the package. */
  readonly from: string;
  /** How the checks went, by transport. */
  readonly outcomes: Readonly<Record<string, readonly Outcome[]>>;
}

/** Runs the scenario over each transport and prints how it went. */
export async function report(transports: Readonly<Record<string, Open>>, print: (line: string) => void): Promise<void> {
  const outcomes: Record<string, Outcome[]> = { 'the core alone': await rawCore() };
  for (const [name, open] of Object.entries(transports)) outcomes[name] = await runAll(open);
  const whole: HostReport = { from: import.meta.resolve('@glassway/h2-core'), outcomes };
  print(JSON.stringify(whole));
}
