/**
 * A package registry with this repository's packages as they would be published, and nothing else: so that
 * `npm install @scidex/…` can be run before, and without, a release. npm is told about it for the scope only.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename } from "node:path";

export interface Registry extends AsyncDisposable {
  readonly url: string;
}

interface Packed {
  readonly name: string;
  readonly version: string;
}

/** @param tarballs as `pnpm pack` wrote them */
export async function serveRegistry(tarballs: readonly string[]): Promise<Registry> {
  const manifests = new Map<string, { manifest: Packed; file: string }>();
  for (const file of tarballs) {
    const { stdout } = spawnSync("tar", ["-xOf", file, "package/package.json"], { encoding: "utf8" });
    const manifest = JSON.parse(stdout) as Packed;
    manifests.set(manifest.name, { manifest, file });
  }
  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? "/").slice(1));
    const tarball = tarballs.find((file) => path === `-/${basename(file)}`);
    if (tarball !== undefined) {
      response.end(readFileSync(tarball));
      return;
    }
    const entry = manifests.get(path);
    if (entry === undefined) {
      response.writeHead(404).end("{}");
      return;
    }
    const { manifest, file } = entry;
    const integrity = `sha512-${createHash("sha512").update(readFileSync(file)).digest("base64")}`;
    const dist = { tarball: `http://${request.headers.host ?? ""}/-/${basename(file)}`, integrity };
    const document = {
      name: manifest.name,
      "dist-tags": { latest: manifest.version },
      versions: { [manifest.version]: { ...manifest, dist } },
    };
    response.setHeader("Content-Type", "application/json").end(JSON.stringify(document));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${port}/`, [Symbol.asyncDispose]: close };
}
