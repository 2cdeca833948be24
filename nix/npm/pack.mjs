// Usage: node pack.mjs package-lock.json DIR
//
// Fetches every package that the lock names into DIR, for all platforms, as name-version.tgz, from npm's registry, and
// checks each against the lock. The files depend on the lock alone, so DIR as a whole has a hash.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { packages, tarball } from "./lock.mjs";

/** Packages per call of npm: it fetches those of one call one after the other, and a command line has an end. */
const BATCH = 50;

const [lock, folder] = process.argv.slice(2).map((path) => resolve(path));
const wanted = new Map();
for (const entry of packages(lock)) {
  const file = tarball(entry);
  const other = wanted.get(file);
  if (other && other.integrity !== entry.integrity) throw new Error(`${other.name} and ${entry.name} are both ${file}`);
  wanted.set(file, entry);
}
const files = [...wanted.keys()].sort();

mkdirSync(folder, { recursive: true });
for (let start = 0; start < files.length; start += BATCH) {
  const batch = files.slice(start, start + BATCH).map((file) => wanted.get(file));
  const specs = batch.map(({ name, version }) => `${name}@${version}`);
  console.error(`${start} of ${files.length}`);
  execFileSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder, ...specs], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}
for (const file of files) {
  const actual = `sha512-${createHash("sha512").update(readFileSync(join(folder, file))).digest("base64")}`;
  if (actual !== wanted.get(file).integrity) throw new Error(`${file} is not what the lock says`);
}
console.error(`${files.length} packages`);
