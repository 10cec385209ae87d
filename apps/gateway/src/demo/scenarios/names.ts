/** The names of the scenarios, in the order in which verdicts are looked for; apart, so that `--help` needs nothing else. */
export const SCENARIO_NAMES = [
  'max-concurrent',
  'goaway-drain',
  'connecting',
  'connection-window',
  'stream-window',
  'transport',
  'scheduler',
  'header-block-open',
  'local-backpressure',
  'awaiting-trailers',
  'backend-idle',
] as const;
/** One of `SCENARIO_NAMES`. */
export type ScenarioName = (typeof SCENARIO_NAMES)[number];

/** Whether this is one of the names. */
export function isScenarioName(name: string): name is ScenarioName {
  return (SCENARIO_NAMES as readonly string[]).includes(name);
}
