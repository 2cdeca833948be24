// Weighs what a first visit downloads: the compressed JavaScript that out/index.html names. Fails above the limit.
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const LIMIT_KB = 250;
const out = new URL('../out/', import.meta.url).pathname;
const html = readFileSync(join(out, 'index.html'), 'utf8');
const named = new Set([...html.matchAll(/\/_next\/[^"'\\\s>]+?\.js/g)].map((match) => match[0]));
const kilobytes = (path) => gzipSync(readFileSync(path)).length / 1000;

let first = kilobytes(join(out, 'index.html'));
for (const path of named) first += kilobytes(join(out, path));

let later = 0;
const chunks = join(out, '_next/static/chunks');
for (const entry of readdirSync(chunks, { recursive: true })) {
  const path = join(chunks, entry);
  if (entry.endsWith('.js') && statSync(path).isFile() && !named.has(`/_next/static/chunks/${entry}`)) {
    later += kilobytes(path);
  }
}
console.log(`first load: ${first.toFixed(0)} kB compressed (limit ${LIMIT_KB}); after first paint, or never: ${later.toFixed(0)} kB`);

const withLivekit = [...named].filter((path) => readFileSync(join(out, path), 'utf8').includes('lk.transcription'));
if (withLivekit.length > 0) {
  console.error(`LiveKit's code is in the first load: ${withLivekit.join(', ')}`);
  process.exit(1);
}
if (first > LIMIT_KB) process.exit(1);
