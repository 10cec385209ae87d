// Writes the JSON Schema of the configuration file beside the package's README, from the built shapes.
import { writeFileSync } from 'node:fs';
import { settingsSchema } from '../dist/config/schema.js';

writeFileSync(new URL('../glassway.schema.json', import.meta.url), `${JSON.stringify(settingsSchema(), null, 2)}\n`);
