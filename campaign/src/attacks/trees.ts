import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Attack, Expected, Trial, Where } from "../attack.ts";
import { forge, newKeys, readHead } from "../attacker/heads.ts";
import { ORIGIN } from "../world/base.ts";
import type { Trust } from "../world/world.ts";
import { startWitness } from "../world/witness.ts";

/** What was published as files, and cosigned by a witness. */
interface WitnessedTree {
  readonly folder: string;
  /** The checkpoint before the newest one. */
  readonly olderCheckpoint: string;
  readonly trust: Required<Pick<Trust, "sinks" | "environment">>;
  readonly close: () => void;
}

/** Publishes twice more, also as a tree of files, and has a witness cosign, for whom the auditor's trust policy asks. */
async function publishTree({ world, random, fresh, attacker }: Trial): Promise<WitnessedTree> {
  const folder = join(world.place.folder, "tree");
  mkdirSync(folder);
  const witness = await startWitness(world.base.vkeys[0] ?? "");
  const policy = join(world.place.folder, "trust.policy");
  writeFileSync(policy, `witness W ${witness.vkey} ${witness.url}\nquorum W\n`);
  const sinks = [...world.place.sinks, `tiles:${folder}`];
  const environment = { AUDIT_TRUST_POLICY: policy };
  const publish = async (): Promise<void> => {
    await world.honest.unsafe(`select public.audit_chain_append('trial', 'tree ${fresh()}', '\\x${random.hex(32)}')`);
    const urls = [...sinks, `witness:${witness.url}`].join(",");
    await world.runWell("audit-publisher", "publisher", ["publish", "--json"], { ...environment, AUDIT_SINKS: urls });
  };
  await publish();
  const olderCheckpoint = readFileSync(join(folder, "checkpoint"), "utf8");
  await sleep(1_000);
  await publish();
  const before = await world.verify({ sinks, environment });
  if (before.exit !== 0) throw new Error(`the tree does not verify: ${before.stdout}${before.stderr}`);
  attacker.note(`published into tiles:${folder}, cosigned by a witness`);
  return { folder, olderCheckpoint, trust: { sinks, environment }, close: witness.close };
}

/** The files below a folder that are tiles, as they stand at the right edge of a small tree. */
const filesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

/** The newest bundle of entries. */
function newestBundle(folder: string): string {
  const widest = filesOf(join(folder, "tile", "entries")).toSorted(
    (a, b) => Number(a.split("/").at(-1)) - Number(b.split("/").at(-1)),
  );
  const file = widest.at(-1);
  if (file === undefined) throw new Error("there are no entries");
  return file;
}

/** The newest hashes of level 0. */
function newestHashes(folder: string): string {
  const file = filesOf(join(folder, "tile", "0")).toSorted(
    (a, b) => Number(a.split("/").at(-1)) - Number(b.split("/").at(-1)),
  );
  return file.at(-1) ?? "";
}

/** A bundle's entries: each two bytes of length, and itself. */
function entriesOf(file: string): Buffer[] {
  const bytes = readFileSync(file);
  const entries: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 2 + bytes.readUInt16BE(at);
    entries.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return entries;
}

function writeEntries(file: string, entries: readonly Buffer[]): void {
  const parts = entries.flatMap((entry) => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(entry.byteLength);
    return [length, entry];
  });
  writeFileSync(file, Buffer.concat(parts));
}

const ANYWHERE: readonly Where[] = [{ check: "head_mismatch" }];

/** Each changes the tree's files, and says what must be found. */
const CHANGES: Readonly<Record<string, (trial: Trial, tree: WitnessedTree) => readonly Where[]>> = {
  "an entry changed": ({ random }, { folder }) => {
    const file = newestBundle(folder);
    const entries = entriesOf(file);
    const at = random.int(entries.length);
    const text = entries[at]?.toString("utf8") ?? "";
    const other = text.replace(/"payload_hash":"[0-9a-f]+"/u, `"payload_hash":"${random.hex(32)}"`);
    writeEntries(file, entries.with(at, Buffer.from(other)));
    return [{ check: "head_mismatch", seq: at + 1 }];
  },
  "two entries change places": ({ random }, { folder }) => {
    const file = newestBundle(folder);
    const entries = entriesOf(file);
    const at = random.int(entries.length - 1);
    const [one, other] = [entries[at] ?? Buffer.of(), entries[at + 1] ?? Buffer.of()];
    writeEntries(file, entries.with(at, other).with(at + 1, one));
    return [{ check: "head_mismatch", seq: at + 1 }];
  },
  "an entry left out": ({ random }, { folder }) => {
    const file = newestBundle(folder);
    const entries = entriesOf(file);
    writeEntries(file, entries.toSpliced(random.int(entries.length), 1));
    return ANYWHERE;
  },
  "entries cut off in the middle": ({ random }, { folder }) => {
    const file = newestBundle(folder);
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.subarray(0, random.between(1, bytes.length - 1)));
    return ANYWHERE;
  },
  "a bit of a hash": ({ random }, { folder }) => {
    const file = newestHashes(folder);
    const bytes = readFileSync(file);
    const at = random.int(bytes.length);
    writeFileSync(file, bytes.with(at, (bytes[at] ?? 0) ^ (1 << random.int(8))));
    return ANYWHERE;
  },
  "hashes in the place of entries": (_, { folder }) => {
    writeFileSync(newestBundle(folder), readFileSync(newestHashes(folder)));
    return ANYWHERE;
  },
  "a file removed": ({ random }, { folder }) => {
    rmSync(random.pick([newestBundle(folder), newestHashes(folder)]));
    return ANYWHERE;
  },
  "an older checkpoint put back": (_, { folder, olderCheckpoint }) => {
    writeFileSync(join(folder, "checkpoint"), olderCheckpoint);
    return [{ check: "sink_rewound" }];
  },
  "a checkpoint by another key": (_, { folder }) => {
    const file = join(folder, "checkpoint");
    const line = JSON.stringify({ checkpoint: readFileSync(file, "utf8") });
    writeFileSync(file, readHead(forge(line, ORIGIN, newKeys(), true)).checkpoint);
    return [{ check: "sink_signature" }];
  },
};

/** Takes the witness's line from every head, in every sink and in the tree. */
async function withoutCosignature({ world }: Trial, { folder }: WitnessedTree): Promise<readonly Where[]> {
  const strip = (text: string): string => text.replaceAll(/— witness\.campaign\.example\/w \S+?(?:\n|\\n)/gu, "");
  for (const log of world.logs) await log.write((await log.read()).map(strip));
  for (const name of ["checkpoint", "chain_head.log"])
    writeFileSync(join(folder, name), strip(readFileSync(join(folder, name), "utf8")));
  return [{ check: "witness_missing" }];
}

/** A proof, and a bundle, with a byte changed: who checks them without the database must refuse them. */
async function changedOutside(trial: Trial, tree: WitnessedTree, what: string): Promise<void> {
  const { random, world, length } = trial;
  const event = ["--kind", "trial", "--pk", `tree ${trial.fresh() - 1}`];
  const { environment } = tree.trust;
  const flip = (file: string): void => {
    const bytes = readFileSync(file);
    // A witness's own line may be changed: it is of no key that signs for the log, and the quorum counts it then.
    const at = random.int(bytes.length);
    writeFileSync(file, bytes.with(at, (bytes[at] ?? 0) ^ (1 << random.int(7))));
  };
  if (what === "a proof") {
    const file = join(world.place.folder, "event.tlog-proof");
    await world.runWell("audit-chain", "nobody", ["prove", ...event, "--from", `tiles:${tree.folder}`, "--out", file]);
    await world.runWell("audit-chain", "nobody", ["verify-proof", file, ...event], environment);
    flip(file);
    const { exit, stderr } = await world.run("audit-chain", "nobody", ["verify-proof", file, ...event], environment);
    if (exit !== 3 || !stderr.includes("the proof is refused"))
      throw new Error(`verify-proof of a changed proof: exit ${exit}, ${stderr}`);
    return;
  }
  const folder = join(world.place.folder, "bundle");
  const sinks = { AUDIT_SINKS: tree.trust.sinks.join(",") };
  await world.runWell("audit-chain", "inspector", ["prove", "--all", "--out", folder], sinks);
  await world.runWell("audit-verify", "nobody", ["--bundle", folder, "--json"]);
  flip(random.pick([newestBundle(folder), newestHashes(folder)]));
  const { exit } = await world.run("audit-verify", "nobody", ["--bundle", folder, "--json"]);
  if (exit !== 1) throw new Error(`a changed bundle of ${length} links: exit ${exit}`);
}

/** D14: cut, change or mix tiles, entries, a proof, a bundle. */
async function changeTree(trial: Trial): Promise<Expected> {
  const { attacker, random } = trial;
  const tree = await publishTree(trial);
  const variant = random.pick([...Object.keys(CHANGES), "without its cosignature", "a proof", "a bundle"]);
  attacker.note(variant);
  const undo = async (): Promise<void> => await Promise.resolve(tree.close());
  const ended = { variant, trust: tree.trust, undo };
  const change = CHANGES[variant];
  if (change !== undefined) return { ...ended, found: change(trial, tree) };
  if (variant === "without its cosignature") return { ...ended, found: await withoutCosignature(trial, tree) };
  await changedOutside(trial, tree, variant);
  return { ...ended, exit: 0, found: [] };
}

export const TREE_ATTACKS: readonly Attack[] = [
  {
    id: "D14",
    title: "cut, change or mix tiles, entries, a proof, a bundle; take the witness's cosignature away",
    checks: ["head_mismatch", "sink_rewound", "sink_signature", "witness_missing"],
    perform: changeTree,
  },
];
