/** From the file, the environment and the flags to settings that make sense together, or to everything that is wrong. */
import { formatAddress, isLoopback } from './address.ts';
import { readConfigFile } from './file.ts';
import { BACKEND_URL } from './pool-settings.ts';
import { SETTINGS } from './schema.ts';
import { type Settings, UsageProblem } from './settings.ts';
import { Problems } from './shape.ts';
import { problemLine, type Source, sourceAt, withSource } from './source.ts';

/** A setting given by a flag or a variable. */
export interface Override {
  /** Names in the file: `['limits', 'headersTimeout']`. */
  readonly path: readonly string[];
  readonly source: Source;
}

/** What the user said, without what the file says, which may change. */
export interface Given {
  /** Null: no file. */
  readonly configFile: string | null;
  readonly overrides: readonly Override[];
  /** False for the demo, which brings its own. */
  readonly needsBackends: boolean;
}

/** Settings, and the text of the file they came from (empty without one). */
export interface Loaded {
  readonly settings: Settings;
  readonly text: string;
}

/** Reads everything. Throws a UsageProblem with one line per problem. */
export async function loadSettings(given: Given): Promise<Loaded> {
  const file = given.configFile === null ? null : await readConfigFile(given.configFile);
  const root = file?.root ?? { kind: 'map', entries: [], place: { where: '', isText: false } };
  return { settings: readSettings(root, given), text: file?.text ?? '' };
}

/** The settings of a file's content under the flags and variables. Throws a UsageProblem with one line per problem. */
export function readSettings(file: Source, given: Pick<Given, 'overrides' | 'needsBackends'>): Settings {
  const problems = new Problems();
  let root = file;
  for (const { path, source } of given.overrides) root = withSource(root, path, source);
  const settings = SETTINGS.read(root, '', problems);
  if (settings !== undefined) check(settings, root, given.needsBackends, problems);
  if (settings !== undefined && problems.list.length === 0) return settings;
  throw new UsageProblem(problems.list.map(problemLine).join('\n'));
}

function check(settings: Settings, root: Source, needsBackends: boolean, problems: Problems): void {
  const complain = (path: readonly (string | number)[], text: string): void => {
    const { where } = sourceAt(root, path).place;
    problems.list.push({ where: where.startsWith('-') || where.startsWith('GLASSWAY') ? '' : where, path: '', text });
  };
  const { cert, key, https, http, inspector, to, routes, backends } = settings;
  if ((cert === null) !== (key === null)) {
    complain(
      [cert === null ? 'key' : 'cert'],
      cert === null ? '--key needs --cert as well' : '--cert needs --key as well',
    );
  }
  if (https === null && http === null) complain([], '--https and --http are both off: nobody could reach the gateway');
  if (settings.clientCertificates.mode !== 'off' && cert === null && settings.certificates.length === 0) {
    complain(
      ['clientCertificates'],
      'clientCertificates needs certificates of your own (cert and key, or certificates)',
    );
  }
  if (inspector !== null && !isLoopback(inspector.host)) {
    complain(
      ['inspector'],
      `--inspector ${formatAddress(inspector)}: the inspector shows all traffic and listens on this machine only; ` +
        'use a loopback address, and an SSH tunnel from elsewhere',
    );
  }
  checkPorts(settings, complain);
  if (needsBackends && to.length === 0 && routes.length === 0) {
    complain([], 'no backend given: say where your app listens, --to http://localhost:3000 (or try: glassway demo)');
  }
  routes.forEach((route, index) => {
    const names = route.to ?? [];
    names.forEach(name => {
      if (Object.hasOwn(backends, name) && names.length === 1) return;
      const at = sourceAt(root, ['routes', index, 'to']);
      if (name.includes('://')) BACKEND_URL.read(textAt(at, name), `routes[${index}].to`, problems);
      else {
        const there = Object.keys(backends).join(', ') || 'none';
        const text =
          names.length > 1
            ? 'a list has URLs only; name one pool'
            : `there is no pool "${name}" in backends (there are: ${there})`;
        problems.add(at, `routes[${index}].to`, text);
      }
    });
  });
}

function textAt(source: Source, value: string): Source {
  return { kind: 'scalar', value, place: source.place };
}

/** Port 0 is a different one for everybody. */
function checkPorts(settings: Settings, complain: (path: readonly string[], text: string) => void): void {
  const nameOf = new Map<string, string>();
  for (const key of ['https', 'http', 'inspector', 'admin'] as const) {
    const address = settings[key];
    if (address === null || ('port' in address && address.port === 0)) continue;
    const where = formatAddress(address);
    const other = nameOf.get(where);
    if (other !== undefined) complain([key], `--${other} and --${key} are both ${where}: choose two addresses`);
    nameOf.set(where, key);
  }
}
