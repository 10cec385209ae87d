/**
 * The command line and the environment, read into settings. Each flag has its variable: `--access-log` is
 * GLASSWAY_ACCESS_LOG; a flag given wins. Commander is loaded here and nowhere else.
 */
import type { Command as Commander } from 'commander';
import { LOG_LEVELS, type LogLevel } from '../log.ts';
import { parseTarget } from '../upstream/target.ts';
import { formatAddress, isLoopback, type ListenAddress, parseListenAddress, parseNetworks } from './address.ts';
import { DEFAULT_SETTINGS, type Settings, UsageProblem } from './settings.ts';

/** What the user wants. */
export type Invocation =
  | { readonly command: 'run'; readonly settings: Settings }
  | { readonly command: 'demo'; readonly settings: Settings; readonly traffic: boolean }
  /** Everything was said already (help, version): exit with 0. */
  | { readonly command: 'nothing' };

/** Where help goes, and where the environment comes from. */
export interface CommandLineWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly print: (text: string) => void;
}

type Values = Record<string, unknown>;

interface Flag {
  /** Commander's notation. */
  readonly flags: string;
  readonly key: string;
  readonly help: string;
  /** Reads one value. Throws UsageProblem; `name` is how the user wrote the setting. */
  readonly read: (text: string, name: string) => unknown;
  /** The value is a list, to which each occurrence adds. */
  readonly isList?: boolean;
  /** The flag takes no value; its presence means this. */
  readonly given?: boolean;
}

const list = (text: string): string[] =>
  text
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '');
function listOf(check: (item: string, name: string) => void): Flag['read'] {
  return (text, name) => {
    const items = list(text);
    for (const item of items) check(item, name);
    return items;
  };
}

const file = (text: string): string => text;

function wholeNumber(min: number, max: number): Flag['read'] {
  return (text, name) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new UsageProblem(`${name}: "${text}" is not a whole number from ${min} to ${max}`);
  };
}

function oneOf<T extends string>(choices: readonly T[]): (text: string, name: string) => T {
  return (text, name) => {
    const choice = choices.find(each => each === text);
    if (choice === undefined) throw new UsageProblem(`${name}: "${text}" is none of ${choices.join(', ')}`);
    return choice;
  };
}

function checkBackend(url: string, name: string): void {
  try {
    parseTarget(url);
  } catch (error) {
    const meant = /^\d+$/.test(url) ? `http://localhost:${url}` : /^[^\s/]+:\d+\/?$/.test(url) ? `http://${url}` : '';
    const hint = meant === '' ? '' : ` (did you mean ${meant}?)`;
    throw new UsageProblem(`${name}: ${(error as Error).message}${hint}`);
  }
}

function addressFlag(key: 'https' | 'http' | 'inspector', what: string): Flag {
  const fallback = formatAddress(DEFAULT_SETTINGS[key]!);
  return { flags: `--${key} <address>`, key, help: `${what}, or off (default: ${fallback})`, read: parseListenAddress };
}

const TO: Flag = {
  flags: '--to <url>',
  key: 'to',
  help: 'backend: http://, https://, h2c:// or h2:// with host and port; repeat it to take backends in turns',
  read: listOf(checkBackend),
  isList: true,
};

const COMMON: readonly Flag[] = [
  addressFlag('https', 'TLS listener for h2 and http/1.1'),
  addressFlag('http', 'cleartext listener for http/1.1 and h2c'),
  addressFlag('inspector', 'where the inspector listens, on this machine only'),
  {
    flags: '--cert <file>',
    key: 'cert',
    help: 'PEM certificate chain (default: made by the development authority)',
    read: file,
  },
  { flags: '--key <file>', key: 'key', help: 'PEM private key of --cert', read: file },
  {
    flags: '--access-log <path>',
    key: 'accessLog',
    help: 'one line per request to a file, - for stdout, or off (default: off)',
    read: file,
  },
  {
    flags: '--access-log-format <format>',
    key: 'accessLogFormat',
    help: 'text or json (default: text)',
    read: oneOf(['text', 'json']),
  },
  {
    flags: '--log-level <level>',
    key: 'logLevel',
    help: `${LOG_LEVELS.join(', ')} (default: info)`,
    read: oneOf(LOG_LEVELS),
  },
  {
    flags: '--no-upgrade',
    key: 'upgrade',
    help: 'refuse to switch HTTP/1.1 connections to h2c by Upgrade',
    read: text => !isOn(text),
    given: false,
  },
  {
    flags: '--max-concurrent-streams <n>',
    key: 'maxConcurrentStreams',
    help: 'streams a client may have open at once on a connection (default: 128)',
    read: wholeNumber(1, 65_536),
  },
  {
    flags: '--trusted-proxy <network>',
    key: 'trustedProxy',
    help: 'peers whose X-Forwarded-* and Forwarded fields are believed, as address or CIDR; repeatable',
    read: listOf((item, name) => void parseNetworks([item], name)),
    isList: true,
  },
];

const TRAFFIC: Flag = {
  flags: '--traffic',
  key: 'traffic',
  help: 'send requests of many kinds through the gateway all the time',
  read: isOn,
  given: true,
};

const EXAMPLES = `
Examples:
  glassway --to http://localhost:3000        in front of your app, no configuration
  glassway --to http://localhost:3000 --to http://localhost:3001
  glassway demo --traffic                    something to look at

Every flag has an environment variable: --access-log is GLASSWAY_ACCESS_LOG.
`;

/** Reads the arguments (without node and script). Throws UsageProblem. */
export async function parseCommandLine(args: readonly string[], world: CommandLineWorld): Promise<Invocation> {
  const { Command, CommanderError, Help } = await import('commander');
  let invocation: Invocation = { command: 'nothing' };
  const program = new Command('glassway')
    .description('An HTTP/2 gateway you can see through.')
    .version(world.version, '--version', 'print the version')
    .addHelpText('after', EXAMPLES);
  quiet(program, world);

  const run = program
    .command('run', { isDefault: true })
    .description('run the gateway in front of your backends (the default)');
  addFlags(run, [TO, ...COMMON]);
  run.addHelpText('after', EXAMPLES).action(() => {
    refuseArguments(run);
    const settings = toSettings(readValues(run, [TO, ...COMMON], world.env));
    if (settings.to.length === 0) {
      throw new UsageProblem(
        'no backend given: say where your app listens, --to http://localhost:3000 (or try: glassway demo)',
      );
    }
    invocation = { command: 'run', settings };
  });

  const demo = program
    .command('demo')
    .description('run the gateway in front of backends of its own that show something');
  addFlags(demo, [TRAFFIC, ...COMMON]);
  demo.action(() => {
    refuseArguments(demo);
    const values = readValues(demo, [TRAFFIC, ...COMMON], world.env);
    invocation = { command: 'demo', settings: toSettings(values), traffic: values['traffic'] === true };
  });
  for (const command of [run, demo]) quiet(command, world);
  // Most people never name a command, so that of the default one is what `glassway --help` explains.
  program.usage('--to <url> [options]\n       glassway demo [options]').configureHelp({
    visibleOptions: command => {
      const { visibleOptions } = Help.prototype;
      const own = visibleOptions.call(new Help(), command);
      return command === program ? [...run.options, ...own] : own;
    },
  });

  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw new UsageProblem(error.message.replace(/^error: /, ''));
  }
  return invocation;
}

/** Commander neither exits nor prints by itself. */
function quiet(command: Commander, world: CommandLineWorld): void {
  command
    .allowExcessArguments()
    .exitOverride()
    .configureOutput({ writeOut: world.print, writeErr: () => {} })
    .showSuggestionAfterError();
}

/** Commander only collects the texts, so that flags and variables are read by the same code. */
function addFlags(command: Commander, flags: readonly Flag[]): void {
  for (const { flags: notation, help, given } of flags) {
    if (given === undefined) command.option(notation, help, (text: string, before: string[] = []) => [...before, text]);
    else command.option(notation, help);
  }
}

/** The variable of a flag: `--access-log` is GLASSWAY_ACCESS_LOG. */
function variableOf(flag: Flag): string {
  return `GLASSWAY_${flag.flags.split(' ')[0]!.slice(2).replaceAll('-', '_').toUpperCase()}`;
}

function refuseArguments(command: Commander): void {
  const [word] = command.args;
  if (word === undefined) return;
  if (command.name() === 'run' && isBackend(word)) {
    throw new UsageProblem(`a backend is named by a flag: glassway --to ${word}`);
  }
  const known = command.parent?.commands.map(each => each.name()).join(', ');
  throw new UsageProblem(
    command.name() === 'run'
      ? `"${word}" is no command (there are: ${known}) and no flag; see glassway --help`
      : `${command.name()} takes no arguments, and "${word}" is one; see glassway ${command.name()} --help`,
  );
}

function isBackend(word: string): boolean {
  try {
    parseTarget(word);
    return true;
  } catch {
    return false;
  }
}

function readValues(command: Commander, flags: readonly Flag[], env: CommandLineWorld['env']): Values {
  const values: Values = {};
  for (const flag of flags) {
    const name = flag.flags.split(' ')[0]!;
    const isGiven = command.getOptionValueSource(flag.key) === 'cli';
    if (isGiven && flag.given !== undefined) {
      values[flag.key] = flag.given;
      continue;
    }
    const variable = variableOf(flag);
    const text = env[variable];
    const texts = isGiven
      ? (command.getOptionValue(flag.key) as string[])
      : text === undefined || text === ''
        ? []
        : [text];
    const read = texts.map(each => flag.read(each, isGiven ? name : variable));
    if (read.length > 0) values[flag.key] = flag.isList === true ? read.flat() : read.at(-1);
  }
  return values;
}

function isOn(text: string): boolean {
  return !['', '0', 'false', 'no', 'off'].includes(text.toLowerCase());
}

function toSettings(values: Values): Settings {
  const address = (key: 'https' | 'http' | 'inspector'): ListenAddress | null =>
    values[key] === undefined ? DEFAULT_SETTINGS[key] : (values[key] as ListenAddress | null);
  const cert = values['cert'] as string | undefined;
  const key = values['key'] as string | undefined;
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageProblem(cert === undefined ? '--key needs --cert as well' : '--cert needs --key as well');
  }
  const settings: Settings = {
    to: (values['to'] as string[] | undefined) ?? [],
    https: address('https'),
    http: address('http'),
    inspector: address('inspector'),
    certificate: cert === undefined || key === undefined ? null : { certFile: cert, keyFile: key },
    accessLog:
      values['accessLog'] === undefined || values['accessLog'] === 'off' ? null : (values['accessLog'] as string),
    accessLogFormat:
      (values['accessLogFormat'] as Settings['accessLogFormat'] | undefined) ?? DEFAULT_SETTINGS.accessLogFormat,
    logLevel: (values['logLevel'] as LogLevel | undefined) ?? DEFAULT_SETTINGS.logLevel,
    upgrade: (values['upgrade'] as boolean | undefined) ?? DEFAULT_SETTINGS.upgrade,
    maxConcurrentStreams:
      (values['maxConcurrentStreams'] as number | undefined) ?? DEFAULT_SETTINGS.maxConcurrentStreams,
    trustedProxies: (values['trustedProxy'] as string[] | undefined) ?? [],
  };
  if (settings.https === null && settings.http === null) {
    throw new UsageProblem('--https and --http are both off: nobody could reach the gateway');
  }
  refuseSharedPorts(settings);
  if (settings.inspector !== null && !isLoopback(settings.inspector.host)) {
    throw new UsageProblem(
      `--inspector ${formatAddress(settings.inspector)}: the inspector shows all traffic and listens on this machine only; ` +
        'use a loopback address, and an SSH tunnel from elsewhere',
    );
  }
  return settings;
}

/** Port 0 is a different one for everybody. */
function refuseSharedPorts(settings: Settings): void {
  const flagOf = new Map<string, string>();
  for (const key of ['https', 'http', 'inspector'] as const) {
    const address = settings[key];
    if (address === null || address.port === 0) continue;
    const where = formatAddress(address);
    const other = flagOf.get(where);
    if (other !== undefined) throw new UsageProblem(`--${other} and --${key} are both ${where}: choose two addresses`);
    flagOf.set(where, key);
  }
}
