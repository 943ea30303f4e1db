// Volumes are root's when Docker makes them: gives each to the account that writes it, and the publisher its key, once. Node.js,
// since an image may have nothing else.
import { chmodSync, chownSync, copyFileSync, existsSync, readdirSync } from "node:fs";

const PUBLISHER = 65532;
const VERIFIER = 65533;

for (const [volume, owner] of Object.entries({ publisher: PUBLISHER, sink: PUBLISHER, verifier: VERIFIER }))
  chownSync(`/volumes/${volume}`, owner, owner);

// The key, and the state that keygen puts beside it: what the publisher has made of that since stays.
for (const name of readdirSync("/keys").filter((file) => file.startsWith("key"))) {
  const place = `/volumes/publisher/${name}`;
  if (existsSync(place)) continue;
  copyFileSync(`/keys/${name}`, place);
  chmodSync(place, 0o600);
  chownSync(place, PUBLISHER, PUBLISHER);
}
