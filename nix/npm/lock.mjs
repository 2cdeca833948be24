// What a package-lock.json asks for.
import { readFileSync } from "node:fs";

/** Every package of the lock that is fetched: its place there, the entry, name, version and integrity. */
export function packages(file) {
  const { packages } = JSON.parse(readFileSync(file, "utf8"));
  return Object.entries(packages)
    .filter(([place, entry]) => place && !entry.link)
    .map(([place, entry]) => {
      const name = entry.name ?? place.slice(place.lastIndexOf("node_modules/") + "node_modules/".length);
      if (!entry.integrity?.startsWith("sha512-")) throw new Error(`${place} has no sha512 integrity`);
      return { place, name, version: entry.version, integrity: entry.integrity };
    });
}

/** As `npm pack` names it. */
export function tarball({ name, version }) {
  return `${name.replace(/^@/, "").replace("/", "-")}-${version}.tgz`;
}
