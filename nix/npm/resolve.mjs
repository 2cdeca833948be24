// Usage: node resolve.mjs package-lock.json DIR
//
// Writes into the lock where each package lies that pack.mjs put into DIR, so that `npm ci --offline` finds them.
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { packages, tarball } from "./lock.mjs";

const [file, folder] = process.argv.slice(2).map((path) => resolve(path));
const lock = JSON.parse(readFileSync(file, "utf8"));
for (const entry of packages(file)) lock.packages[entry.place].resolved = `file:${join(folder, tarball(entry))}`;
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
