// Writes the JSON Schema of the configuration file beside the package's README, from the built shapes. Part of the build; a
// test holds the committed file to what this would write.
import { readFileSync, writeFileSync } from 'node:fs';
import { settingsSchema } from '../dist/config/schema.js';

const target = new URL('../glassway.schema.json', import.meta.url);
const text = `${JSON.stringify(settingsSchema(), null, 2)}\n`;

let before = '';
try {
  before = readFileSync(target, 'utf8');
} catch {
  // The first time.
}
// Formatting apart: the committed file is the formatter's.
if (before === '' || JSON.stringify(JSON.parse(before)) !== JSON.stringify(JSON.parse(text)))
  writeFileSync(target, text);
