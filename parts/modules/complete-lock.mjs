// Usage: node complete-lock.mjs package-lock.json
//
// Adds an entry that installs nothing for each optional dependency that a lock file lacks. A lock file made against a
// registry without some platform's binaries (next, tailwind and rollup have one for each platform) leaves those out, and
// `npm ci` then refuses the whole file. What is not in the lock file has no hash and must not be installed anyway.
import { readFileSync, writeFileSync } from "node:fs";

const file = process.argv[2];
const lock = JSON.parse(readFileSync(file, "utf8"));
const packages = lock.packages;

/** Whether Node would find `name` from the package that lies in `folder`. */
function found(folder, name) {
  for (let at = folder; ; at = at.slice(0, Math.max(0, at.lastIndexOf("node_modules/") - 1))) {
    if (packages[`${at ? `${at}/` : ""}node_modules/${name}`]) return true;
    if (!at) return false;
  }
}

for (const [folder, entry] of Object.entries(packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    if (found(folder, name)) continue;
    packages[`node_modules/${name}`] = { version: range.replace(/^[~^]/, ""), optional: true, os: ["none"] };
  }
}
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
