/**
 * The command line and the environment. Each setting that is a text has a flag and a variable of its name: `accessLog` is
 * `--access-log` and GLASSWAY_ACCESS_LOG; a flag wins over a variable, a variable over the file. Commander is loaded here
 * and nowhere else.
 */
import type { Command as Commander } from 'commander';
import { isScenarioName, SCENARIO_NAMES, type ScenarioName } from '../demo/scenarios/names.ts';
import { addRecordingCommands } from '../recording/command-line.ts';
import type { RecordingTask } from '../recording/commands.ts';
import { parseTarget } from '../upstream/target.ts';
import { formatAddress } from './address.ts';
import { type Given, type Loaded, loadSettings, type Override } from './load.ts';
import { SETTINGS } from './schema.ts';
import { DEFAULT_SETTINGS, type Settings, UsageProblem } from './settings.ts';
import type { Field, Shape } from './shape.ts';
import { type Source, textSource } from './source.ts';

/** What the user wants. `given` reads the settings once more, when the file has changed from `text`. */
export type Invocation =
  | { readonly command: 'run'; readonly settings: Settings; readonly given: Given; readonly text: string }
  | {
      readonly command: 'demo';
      readonly settings: Settings;
      readonly given: Given;
      readonly text: string;
      readonly traffic: boolean;
      readonly scenario: ScenarioName | null;
    }
  | {
      readonly command: 'validate' | 'doctor';
      readonly settings: Settings;
      readonly given: Given;
      readonly text: string;
    }
  | { readonly command: 'trust' }
  | { readonly command: 'untrust' }
  | { readonly command: 'recording'; readonly task: RecordingTask }
  /** Everything was said already (help, version): exit with 0. */
  | { readonly command: 'nothing' };

/** Where help goes, and where the environment comes from. */
export interface CommandLineWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly print: (text: string) => void;
}

/** A flag that stands for a setting. */
interface Flag {
  /** `--access-log`. */
  readonly name: string;
  /** `GLASSWAY_ACCESS_LOG`. */
  readonly variable: string;
  /** Names in the file. */
  readonly path: readonly string[];
  readonly shape: Shape<unknown>;
  readonly about: string;
  /** What a switch means when it is there; null: the flag takes a value. */
  readonly given: boolean | null;
}

/** The flags that help shows, with what their value is called. */
const SHOWN: ReadonlyMap<string, string> = new Map([
  ['--to', '<url>'],
  ['--https', '<address>'],
  ['--http', '<address>'],
  ['--inspector', '<address>'],
  ['--cert', '<file>'],
  ['--key', '<file>'],
  ['--access-log', '<path>'],
  ['--access-log-format', '<format>'],
  ['--log-level', '<level>'],
  ['--no-upgrade', ''],
  ['--max-concurrent-streams', '<n>'],
  ['--trusted-proxy', '<network>'],
  ['--proxy-protocol', '<network>'],
]);

const FLAGS: readonly Flag[] = flagsOf(SETTINGS.fields, []);

function flagsOf(fields: Readonly<Record<string, Field<unknown>>>, path: readonly string[]): Flag[] {
  return Object.entries(fields).flatMap(([key, { name = key, shape, about }]) => {
    const at = [...path, name];
    if (shape.fields !== undefined) return flagsOf(shape.fields, at);
    if (shape.isText !== true) return [];
    const kebab = at.join('-').replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
    const preset = at.reduce<unknown>(
      (value, step) => (value as Record<string, unknown> | undefined)?.[step],
      DEFAULT_SETTINGS,
    );
    const given = shape.isSwitch === true ? preset !== true : null;
    const flag: Flag = {
      name: given === false ? `--no-${kebab}` : `--${kebab}`,
      variable: `GLASSWAY_${kebab.replaceAll('-', '_').toUpperCase()}`,
      path: at,
      shape,
      about,
      given,
    };
    return [flag];
  });
}

const TRUST = [
  ['trust', 'have this machine trust the development authority, for https://localhost without warnings'],
  ['untrust', 'end that trust'],
] as const;

const EXAMPLES = `
Examples:
  glassway --to http://localhost:3000        in front of your app, no configuration
  glassway --to http://localhost:3000 --to http://localhost:3001
  glassway --config glassway.yaml            routes, pools, certificates, limits
  glassway demo --traffic                    something to look at

Every setting of the file that is no list of maps is a flag and a variable as well: limits.headersTimeout is
--limits-headers-timeout and GLASSWAY_LIMITS_HEADERS_TIMEOUT.
`;

/** Reads the arguments (without node and script), the environment and the configuration file. Throws UsageProblem. */
export async function parseCommandLine(args: readonly string[], world: CommandLineWorld): Promise<Invocation> {
  const { Command, CommanderError, Help } = await import('commander');
  let invocation: Invocation = { command: 'nothing' };
  const program = new Command('glassway')
    .description('An HTTP/2 gateway you can see through.')
    .version(world.version, '--version', 'print the version')
    .addHelpText('after', EXAMPLES);
  quiet(program, world);

  const command = (
    name: string,
    about: string,
    act: (given: Given, loaded: Loaded, self: Commander) => void,
  ): Commander => {
    const self = program.command(name, name === 'run' ? { isDefault: true } : {}).description(about);
    const takesBackends = name !== 'demo';
    const needsBackends = takesBackends && name !== 'doctor';
    addFlags(self, takesBackends);
    quiet(self, world);
    return self.action(async () => {
      refuseArguments(self);
      const given = givenBy(self, world.env, takesBackends, needsBackends);
      act(given, await loadSettings(given), self);
    });
  };
  const run = command('run', 'run the gateway in front of your backends (the default)', (given, { settings, text }) => {
    invocation = { command: 'run', settings, given, text };
  });
  run.addHelpText('after', EXAMPLES);
  command('validate', 'check the configuration and print what it comes to', (given, { settings, text }) => {
    invocation = { command: 'validate', settings, given, text };
  });
  command(
    'doctor',
    'look at everything that could be in the way, and say how to put it right',
    (given, { settings, text }) => {
      invocation = { command: 'doctor', settings, given, text };
    },
  );
  for (const [name, about] of TRUST) {
    const self = program.command(name).description(about);
    self.action(() => {
      refuseArguments(self);
      invocation = { command: name };
    });
  }
  const demo = command(
    'demo',
    'run the gateway in front of backends of its own that show something',
    (given, { settings, text }, self) => {
      const traffic = self.getOptionValue('traffic') === true || isOn(world.env['GLASSWAY_TRAFFIC']);
      const scenario = (self.getOptionValue('scenario') as string | undefined) ?? world.env['GLASSWAY_SCENARIO'] ?? '';
      if (scenario !== '' && !isScenarioName(scenario)) {
        throw new UsageProblem(`--scenario: "${scenario}" is none of ${SCENARIO_NAMES.join(', ')}`);
      }
      if (scenario !== '' && settings.http === null) throw new UsageProblem('--scenario needs --http, which is off');
      invocation = { command: 'demo', settings, given, text, traffic, scenario: scenario === '' ? null : scenario };
    },
  );
  demo.option('--traffic', 'send requests of many kinds through the gateway all the time');
  demo.option('--scenario <name>', `play one way to stand still: ${SCENARIO_NAMES.join(', ')}`);
  addRecordingCommands(program, task => {
    invocation = { command: 'recording', task };
  });
  for (const each of program.commands) quiet(each, world);
  // Most people never name a command, so that of the default one is what `glassway --help` explains.
  program.usage('--to <url> [options]\n       glassway --config <file>\n       glassway demo [options]').configureHelp({
    visibleOptions: which => {
      const { visibleOptions } = Help.prototype;
      const own = visibleOptions.call(new Help(), which);
      return which === program
        ? [...visibleOptions.call(new Help(), run).filter(({ long }) => long !== '--help'), ...own]
        : own;
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
function addFlags(command: Commander, withBackends: boolean): void {
  command.option('-c, --config <file>', 'configuration file, YAML or JSON');
  for (const { name, about, given, path } of FLAGS) {
    if (name === '--to' && !withBackends) continue;
    const shown = SHOWN.get(name);
    const value = given === null ? ` ${shown ?? '<value>'}` : '';
    const about_ = given === false ? `off: ${lowerFirst(about)}` : lowerFirst(about);
    const option = command.createOption(`${name}${value}`, `${about_}${presetOf(path)}`);
    if (given === null) option.argParser((text: string, before: string[] | undefined) => [...(before ?? []), text]);
    if (shown === undefined) option.hideHelp();
    command.addOption(option);
  }
}

function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text[0]!.toLowerCase() + text.slice(1) : text;
}

/** The default of a setting that help shows. */
function presetOf(path: readonly string[]): string {
  const value = path.length === 1 ? DEFAULT_SETTINGS[path[0] as keyof Settings] : undefined;
  if (typeof value === 'string' || typeof value === 'number') return ` (default: ${value})`;
  const isAddress = typeof value === 'object' && value !== null && ('port' in value || 'path' in value);
  return isAddress ? ` (default: ${formatAddress(value as Parameters<typeof formatAddress>[0])})` : '';
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

function givenBy(
  command: Commander,
  env: CommandLineWorld['env'],
  takesBackends: boolean,
  needsBackends: boolean,
): Given {
  const overrides: Override[] = [];
  for (const flag of FLAGS) {
    if (flag.path[0] === 'to' && !takesBackends) continue;
    const source = sourceOf(command, flag, env);
    if (source !== null) overrides.push({ path: flag.path, source });
  }
  const configFile = (command.getOptionValue('config') as string | undefined) ?? env['GLASSWAY_CONFIG'];
  return { configFile: configFile === undefined || configFile === '' ? null : configFile, overrides, needsBackends };
}

function sourceOf(command: Commander, flag: Flag, env: CommandLineWorld['env']): Source | null {
  const { name, variable, given, shape } = flag;
  const option = command.options.find(({ long }) => long === name);
  const key = option?.attributeName() ?? '';
  if (command.getOptionValueSource(key) === 'cli') {
    if (given !== null) return { kind: 'scalar', value: given, place: { where: name, isText: true } };
    const texts = (command.getOptionValue(key) as string[]).map(text => textSource(text, name));
    return shape.isList === true ? { kind: 'list', items: texts, place: { where: name, isText: true } } : texts.at(-1)!;
  }
  const negated = given === false ? `GLASSWAY_NO_${variable.slice('GLASSWAY_'.length)}` : '';
  const no = env[negated];
  if (no !== undefined && no !== '') return textSource(isOn(no) ? 'false' : 'true', negated);
  const text = env[variable];
  return text === undefined || text === '' ? null : textSource(text, variable);
}

function isOn(text: string | undefined): boolean {
  return text !== undefined && !['', '0', 'false', 'no', 'off'].includes(text.toLowerCase());
}
