/**
 * Field sections as browsers and web sites exchange them: several visits (each a connection with fresh tables) of a
 * page, its assets and its API calls. Made up from a fixed seed, so that every run and every peer gets the same.
 */

const VISITS = 24;
const REQUESTS_PER_VISIT = 40;

const AGENTS = [
  {
    'user-agent':
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
    'sec-ch-ua': '"Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99"',
    'sec-ch-ua-mobile': '?0',
    'sec-ch-ua-platform': '"Linux"',
    'accept-encoding': 'gzip, deflate, br, zstd',
    'accept-language': 'en-GB,en;q=0.9,de;q=0.8',
  },
  {
    'user-agent': 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0',
    'accept-language': 'en-US,en;q=0.5',
    'accept-encoding': 'gzip, deflate, br, zstd',
  },
  {
    'user-agent':
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15',
    'accept-language': 'fr-FR,fr;q=0.9',
    'accept-encoding': 'gzip, deflate, br',
  },
];

const KINDS = [
  { dest: 'style', accept: 'text/css,*/*;q=0.1', type: 'text/css; charset=utf-8', ext: 'css', mode: 'no-cors' },
  { dest: 'script', accept: '*/*', type: 'text/javascript; charset=utf-8', ext: 'js', mode: 'cors' },
  {
    dest: 'image',
    accept: 'image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8',
    type: 'image/webp',
    ext: 'webp',
    mode: 'no-cors',
  },
  { dest: 'font', accept: '*/*', type: 'font/woff2', ext: 'woff2', mode: 'cors' },
  { dest: 'empty', accept: 'application/json', type: 'application/json', ext: '', mode: 'cors' },
];

function randomSource(seed) {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const text = (length, digits) => {
    let out = '';
    for (let i = 0; i < length; i++) out += digits[Math.floor(next() * digits.length)];
    return out;
  };
  return {
    below: limit => Math.floor(next() * limit),
    hex: length => text(length, '0123456789abcdef'),
    token: length => text(length, 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'),
  };
}

/** Connections, each `{ requests, responses }`, each of these a list of field sections of `[name, value]`. */
export function browserCorpus() {
  return Array.from({ length: VISITS }, (_, visit) => visitOf(visit));
}

function visitOf(visit) {
  const random = randomSource(visit + 1);
  const agent = AGENTS[visit % AGENTS.length];
  const host = `www.shop-${visit % 7}.example`;
  const session = `session=${random.token(43)}`;
  const consent = `consent=${random.hex(16)}; theme=dark; _ga=GA1.2.${random.below(1e9)}.${random.below(1e9)}`;
  const requests = [];
  const responses = [];
  for (let i = 0; i < REQUESTS_PER_VISIT; i++) {
    const page = i === 0;
    const kind = KINDS[random.below(KINDS.length)];
    const path = page
      ? `/catalogue/${random.token(8)}?page=${random.below(50)}`
      : kind.ext === ''
        ? `/api/v2/items/${random.hex(24)}?fields=name,price&limit=${random.below(100)}`
        : `/assets/${kind.dest}/${random.token(10)}.${random.hex(8)}.${kind.ext}`;
    requests.push([
      [':method', page || random.below(10) > 0 ? 'GET' : 'POST'],
      [':authority', host],
      [':scheme', 'https'],
      [':path', path],
      ...Object.entries(agent),
      ['accept', page ? 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' : kind.accept],
      ['sec-fetch-site', page ? 'none' : 'same-origin'],
      ['sec-fetch-mode', page ? 'navigate' : kind.mode],
      ['sec-fetch-dest', page ? 'document' : kind.dest],
      ...(page ? [['upgrade-insecure-requests', '1']] : [['referer', `https://${host}/catalogue/`]]),
      ['cookie', session],
      ['cookie', consent],
      ...(kind.ext === '' ? [['x-request-id', random.hex(32)]] : []),
      ['priority', page ? 'u=0, i' : 'u=1'],
    ]);
    const second = String(Math.floor(i / 12)).padStart(2, '0');
    responses.push([
      [':status', random.below(12) === 0 ? '304' : '200'],
      ['date', `Mon, 16 Nov 2026 08:12:${second} GMT`],
      ['content-type', page ? 'text/html; charset=utf-8' : kind.type],
      ['content-length', `${random.below(400_000)}`],
      ['etag', `"${random.hex(20)}"`],
      ['cache-control', kind.ext === '' ? 'no-store' : 'public, max-age=31536000, immutable'],
      ['last-modified', `Tue, 0${1 + random.below(9)} Sep 2026 0${random.below(10)}:1${random.below(10)}:00 GMT`],
      ['vary', 'accept-encoding'],
      ['server', 'example'],
      ['strict-transport-security', 'max-age=63072000; includeSubDomains; preload'],
      ...(page ? [['set-cookie', `${session}; Path=/; Secure; HttpOnly; SameSite=Lax`]] : []),
      ...(kind.ext === '' ? [['x-request-id', random.hex(32)]] : []),
    ]);
  }
  return { requests, responses };
}
