/** The shape of all settings. Each has one name: `limits.headersTimeout` in the file, `--limits-headers-timeout`, GLASSWAY_LIMITS_HEADERS_TIMEOUT. */
import { LOG_LEVELS } from '../log.ts';
import {
  type BindAddress,
  formatAddress,
  type ListenAddress,
  parseBindAddress,
  parseListenAddress,
  parseNetworks,
} from './address.ts';
import { LIMITS } from './limit-shape.ts';
import { type MapShape, map } from './map-shape.ts';
import { BACKEND_URL, FILE, POOL } from './pool-settings.ts';
import { ROUTE } from './route-settings.ts';
import {
  type CertificateSettings,
  type ClientCertificateSettings,
  DEFAULT_SETTINGS,
  type Settings,
  UsageProblem,
} from './settings.ts';
import {
  dictionary,
  duration,
  field,
  flag,
  type JsonSchema,
  list,
  oneOf,
  optional,
  type Shape,
  text,
  whole,
} from './shape.ts';

/** Reads a text by a function that throws a UsageProblem, whose name the problem has already. */
function parsed<T>(
  expected: string,
  parse: (value: string, name: string) => T,
  write: (value: T) => unknown,
): Shape<T> {
  return {
    isText: true,
    schema: { type: ['string', 'integer'] },
    read: (source, path, problems) => {
      const value = source.kind === 'scalar' ? source.value : null;
      if (typeof value !== 'string' && typeof value !== 'number') return problems.expected(source, path, expected);
      try {
        return parse(String(value), 'x');
      } catch (error) {
        if (!(error instanceof UsageProblem)) throw error;
        return problems.add(source, path, error.message.slice('x: '.length));
      }
    },
    write,
  };
}

const ADDRESS = 'an address such as 127.0.0.1:8443';
const BIND: Shape<BindAddress | null> = optional(
  parsed<BindAddress | null>(`${ADDRESS}, unix:/path or off`, parseBindAddress, value => value && formatAddress(value)),
  'off',
);
const LISTEN: Shape<ListenAddress | null> = optional(
  parsed<ListenAddress | null>(`${ADDRESS} or off`, parseListenAddress, value => value && formatAddress(value)),
  'off',
);

/** Addresses or CIDR. */
export const NETWORKS: Shape<readonly string[]> = list(
  parsed(
    'a network such as 10.0.0.0/8',
    (value, name) => {
      parseNetworks([value], name);
      return value;
    },
    value => value,
  ),
);

const CERTIFICATE: Shape<CertificateSettings> = map<CertificateSettings>(
  {
    cert: field('PEM file of the chain, leaf first', FILE, { isRequired: true }),
    key: field('PEM file of its key', FILE, { isRequired: true }),
    names: field('Names it serves, exact or *.example.com (default: those in the certificate)', list(text('a name'))),
  },
  {},
);

const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;

const CLIENT_CERTIFICATES: Shape<ClientCertificateSettings> = map<ClientCertificateSettings>(
  {
    mode: field('Whether clients are asked for a certificate', oneOf(['off', 'optional', 'require'])),
    ca: field('PEM file of the authorities that sign them', optional(FILE)),
    subjectField: field(
      'Field in which backends get the subject of a verified certificate',
      text('a field name', { pattern: FIELD_NAME }),
    ),
  },
  DEFAULT_SETTINGS.clientCertificates,
  ({ mode, ca }) => (mode !== 'off' && ca === null ? `mode ${mode} needs "ca", the authorities that sign` : null),
);

/** The access log: a path, which is a file's unless it is `-`. */
const LOG_FILE: Shape<string | null> = optional(
  { ...FILE, read: (source, path, problems) => (isDash(source) ? '-' : FILE.read(source, path, problems)) },
  'off',
);
function isDash(source: Parameters<typeof FILE.read>[0]): boolean {
  return source.kind === 'scalar' && source.value === '-';
}

function isUrl(value: string): string | null {
  return URL.canParse(value) ? null : `"${value}" is not a URL`;
}

const POOL_NAME = { expected: 'names of letters, digits, - and _', pattern: /^[A-Za-z0-9_-]{1,64}$/ };

/** All settings. */
export const SETTINGS: MapShape<Settings> = map<Settings>(
  {
    to: field('Backends, taken in turns, for whatever no route takes', list(BACKEND_URL)),
    https: field('TLS listener for h2 and http/1.1', BIND),
    http: field('Cleartext listener for http/1.1 and h2c', BIND),
    inspector: field('Where the inspector listens, on this machine only', LISTEN),
    inspectorPayloads: field('Octets of every DATA frame that the inspector shows; 0 for none', whole(0, 16_384)),
    otlpEndpoint: field(
      'OpenTelemetry collector that gets a span per request, such as http://127.0.0.1:4318/v1/traces, or off',
      optional(text('an http:// or https:// URL', { pattern: /^https?:\/\/\S+$/, check: isUrl }), 'off'),
    ),
    traceSampling: field('Percent of requests that are traced when their caller has not decided', whole(0, 100)),
    workers: field('Processes that serve', whole(1, 256)),
    admin: field('Health, metrics and admin API: an address, or off', LISTEN),
    adminTokenFile: field('Token of the admin API (default: a new one at every start)', optional(FILE)),
    adminHost: field('Names the admin listener answers to, besides addresses and localhost', list(text('a host name'))),
    debugState: field('Whether clients may read the state of their connection at /.well-known/h2/state', flag()),
    drainDelayMs: field('Time between "not ready" and the end of accepting', duration(0, 600_000), {
      name: 'drainDelay',
    }),
    drainTimeoutMs: field('Time for requests under way when the gateway stops', duration(0, 86_400_000), {
      name: 'drainTimeout',
    }),
    cert: field('PEM certificate chain (default: made by the development authority)', optional(FILE)),
    key: field('PEM private key of cert', optional(FILE)),
    certificates: field('More certificates, selected by server name', list(CERTIFICATE)),
    clientCertificates: field('Certificates of clients (mutual TLS)', CLIENT_CERTIFICATES),
    ticketKeyFile: field('48 octets for session tickets, the same in all gateways behind one address', optional(FILE)),
    keyLog: field(
      'TLS secrets of client connections, for packet analysers: whoever has it reads all traffic',
      optional(FILE),
    ),
    accessLog: field('One line per request to a file, - for stdout, or off', LOG_FILE),
    accessLogFormat: field('How a line looks', oneOf(['text', 'json'])),
    reasonHeader: field(
      'Field in which responses of the gateway itself say their reason, such as glassway-reason, or off',
      optional(text('a field name', { pattern: FIELD_NAME }), 'off'),
    ),
    logLevel: field('From silent to talkative', oneOf(LOG_LEVELS)),
    logStalls: field('Whether the log tells which requests stand still and why, as the inspector does', flag()),
    upgrade: field('Whether HTTP/1.1 clients may switch to h2c by Upgrade', flag()),
    maxConcurrentStreams: field('Streams a client may have open at once on a connection', whole(1, 65_536)),
    trustedProxy: field('Peers whose X-Forwarded-* and Forwarded fields are believed, as address or CIDR', NETWORKS),
    proxyProtocol: field('Balancers that begin connections with a PROXY protocol header, as address or CIDR', NETWORKS),
    watch: field('Whether the configuration file is read again when it changes', flag()),
    limits: field('What clients may cost', LIMITS),
    backends: field('Pools of backends by name', dictionary(POOL, POOL_NAME)),
    routes: field('Which requests go where', list(ROUTE, 'a list of routes')),
  },
  DEFAULT_SETTINGS,
);

/** The JSON Schema of the configuration file, as it is published in the package. */
export function settingsSchema(): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of the glassway command',
    ...SETTINGS.schema,
  };
}
