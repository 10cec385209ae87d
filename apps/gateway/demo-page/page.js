/** The demo page: each button makes one kind of traffic. */

const element = id => document.getElementById(id);
const say = (id, text) => {
  element(id).textContent = text;
};

const TILES = 120;
let round = 0;

async function loadMosaic() {
  round++;
  const started = performance.now();
  const images = Array.from({ length: TILES }, (_, i) => {
    const image = new Image();
    image.alt = '';
    image.src = `/assets/tile/${i}.svg${round > 1 ? `?round=${round}` : ''}`;
    return image;
  });
  element('mosaic').replaceChildren(...images);
  say('mosaic-time', 'loading …');
  await Promise.allSettled(images.map(image => image.decode()));
  say('mosaic-time', `${TILES} requests in ${Math.round(performance.now() - started)} ms`);
}

let source = null;

function startEvents() {
  source?.close();
  source = new EventSource('/events');
  source.onmessage = event => {
    const { tick, at } = JSON.parse(event.data);
    say('events', `tick ${tick}, sent ${at}`);
  };
  source.onerror = () => say('events', 'interrupted, trying again …');
}

function stopEvents() {
  source?.close();
  source = null;
  say('events', 'cancelled: RST_STREAM(CANCEL)');
}

async function download() {
  const started = performance.now();
  const response = await fetch('/download?mib=32');
  let bytes = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.length;
    say('bodies', `received ${(bytes / 2 ** 20).toFixed(1)} MiB`);
  }
  const seconds = (performance.now() - started) / 1000;
  say('bodies', `received ${bytes} octets, ${(bytes / 2 ** 20 / seconds).toFixed(0)} MiB/s`);
}

async function upload() {
  say('bodies', 'sending …');
  const body = new Uint8Array(8 * 2 ** 20).map((_, i) => i * 31);
  const response = await fetch('/upload', { method: 'POST', body });
  say('bodies', JSON.stringify(await response.json()));
}

async function stall() {
  const controller = new AbortController();
  const response = await fetch('/streams/firehose?mib=64', { signal: controller.signal });
  await response.body.getReader().read();
  say('bodies', 'not reading any more: the stream’s window runs empty …');
  setTimeout(() => {
    controller.abort();
    say('bodies', 'cancelled: the window was given back');
  }, 5000);
}

async function fetchAndShow(path) {
  say('errors', `${path} …`);
  try {
    const response = await fetch(path);
    const text = await response.text();
    say('errors', `${response.status} ${text.slice(0, 200)}`);
  } catch (error) {
    say('errors', `${path}: ${error.message}`);
  }
}

const actions = {
  mosaic: loadMosaic,
  'events-start': startEvents,
  'events-stop': stopEvents,
  download,
  upload,
  stall,
};

document.addEventListener('click', event => {
  const { action, fetch: path } = event.target.dataset ?? {};
  if (action) actions[action]();
  if (path) fetchAndShow(path);
});

const { origin } = location;
say(
  'terminal',
  [
    `curl -k ${origin}/headers                 # what a backend sees`,
    `curl -k -N ${origin}/events`,
    `curl -k -i ${origin}/hints                # 103 Early Hints`,
    `curl -k -i --raw ${origin}/trailers`,
    `curl -k -T FILE ${origin}/upload`,
    `curl -k ${origin}/download?mib=100 -o /dev/null --limit-rate 2M`,
    `printf hello | curl -k --http2 --data-binary @- ${origin}/demo.Echo/Chat`,
  ].join('\n'),
);
loadMosaic();
startEvents();
