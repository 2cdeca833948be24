// Weighs what a first visit of each page downloads: the compressed JavaScript that it names. Fails above the limit.
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const LIMIT_KB = 250;
/** Words that stand in LiveKit's own code, and that no minifier changes. */
const OF_LIVEKIT = 'could not establish pc connection';
const out = new URL('../out/', import.meta.url).pathname;
const pages = ['index.html', 'history.html', 'tools.html'].map((name) => {
  const html = readFileSync(join(out, name), 'utf8');
  return { name, named: new Set([...html.matchAll(/\/_next\/[^"'\\\s>]+?\.js/g)].map((match) => match[0])) };
});
const kilobytes = (path) => gzipSync(readFileSync(path)).length / 1000;
const hasLivekit = (path) => readFileSync(join(out, path), 'utf8').includes(OF_LIVEKIT);
const firstLoad = ({ name, named }) => [...named].reduce((sum, path) => sum + kilobytes(join(out, path)), kilobytes(join(out, name)));
const known = new Set(pages.flatMap(({ named }) => [...named]));

const livekit = { first: [...known].filter(hasLivekit), later: [] };
let later = 0;
const chunks = join(out, '_next/static/chunks');
for (const entry of readdirSync(chunks, { recursive: true })) {
  const path = `/_next/static/chunks/${entry}`;
  if (!entry.endsWith('.js') || !statSync(join(chunks, entry)).isFile() || known.has(path)) continue;
  later += kilobytes(join(out, path));
  if (hasLivekit(path)) livekit.later.push(path);
}
for (const page of pages) console.log(`first load of ${page.name}: ${firstLoad(page).toFixed(0)} kB compressed (limit ${LIMIT_KB})`);
console.log(`after first paint, or never: ${later.toFixed(0)} kB`);

if (livekit.first.length > 0) {
  console.error(`LiveKit's code is in the first load: ${livekit.first.join(', ')}`);
  process.exit(1);
}
if (livekit.later.length === 0) {
  console.error(`no chunk holds "${OF_LIVEKIT}": what tells LiveKit's code has to be named anew in scripts/weigh.mjs`);
  process.exit(1);
}
if (pages.some((page) => firstLoad(page) > LIMIT_KB)) process.exit(1);
