// Where the real parts lie: `parts.toml`, a flat list of paths.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const file = process.env.JEX_PARTS ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'jex/parts.toml');
const lines = existsSync(file) ? readFileSync(file, 'utf8').matchAll(/^(\w+) = "(.*)"$/gm) : [];
const parts = Object.fromEntries([...lines].map(([, key, path]) => [key, path]));

export function part(key) {
  const path = parts[key];
  if (path === undefined || !existsSync(path)) throw new Error(`${file} names no ${key}: run ./dev parts`);
  return path;
}

/** One of our own programs, as cargo built it. */
export function program(name) {
  const folder = process.env.JEX_BIN ?? new URL('../../target/release', import.meta.url).pathname;
  const path = join(folder, name);
  if (!existsSync(path)) throw new Error(`${path} is missing: run ./dev build, or set JEX_BIN to the folder it is in`);
  return path;
}

/** The exported page: what is to be tested, else the part, else what `npm run build` left in web/. */
export function page() {
  const own = fileURLToPath(new URL('../../web/out', import.meta.url));
  const found = [process.env.JEX_TEST_PAGE, parts.page, own].find((path) => path !== undefined && existsSync(path));
  if (found === undefined) throw new Error('the page is not built: run ./dev parts, or npm run build in web/');
  return found;
}

// NODE_PATH is not for ES modules.
const require = createRequire(join(part('browser_modules'), 'any.js'));
export const { chromium } = require('playwright-core');
export const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
