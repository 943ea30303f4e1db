import { fit, type ForgedLink, readChain, recompute, rewrite, values } from "../attacker/chain.ts";
import { type Attack, coveredSeq, type Expected, intervalOf, type Trial } from "../attack.ts";
import { TABLES } from "../world/tables.ts";

const LINK_CHECKS = ["event_hash", "chain_hash", "prev_hash", "gap"] as const;
const at = (checks: readonly string[], seq: number) => checks.map((check) => ({ check, seq }));
/** What a rewritten chain must not show: whoever recomputes every hash leaves no trace in the links themselves. */
const FLAWLESS = ["event_hash", "chain_hash", "prev_hash", "gap", "duplicate"] as const;

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** The attacker's own link at the end, well-formed. */
async function appendLink(trial: Trial, link: Partial<ForgedLink>): Promise<number> {
  const links = await readChain(trial.attacker);
  const last = links.at(-1);
  const time = `${new Date().toISOString().slice(0, -1)}000Z`;
  const forged = fit(
    {
      seq: 0,
      kind: "forged",
      pk: trial.random.word(),
      payload: trial.random.hex(32),
      event: "",
      prev: "",
      chain: "",
      time,
      ...link,
    },
    last,
  );
  await trial.attacker.run(`insert into public.audit_chain values ${values(forged)}`);
  return forged.seq;
}

/** Honest writers go on after an attack. */
async function goOn(trial: Trial, rows: number): Promise<void> {
  const { honest } = trial.world;
  for (let i = 0; i < rows; i++)
    await honest.unsafe(
      `select public.audit_chain_append('traffic', '${trial.random.hex(8)}', '\\x${trial.random.hex(32)}')`,
    );
  trial.attacker.note(`${rows} honest events appended`);
}

/** What shows where the chain was cut after `kept` links, and `length` are there now. */
function cutAfter(trial: Trial, kept: number, length: number): Expected["found"] {
  const covered = trial.heads.filter((head) => head > kept);
  const reused = covered.filter((head) => head <= length);
  return [
    ...(reused.length < covered.length ? [{ check: "truncated", seq: length + 1 }] : []),
    ...(reused.length > 0 ? [{ check: "head_mismatch", interval: intervalOf(trial.heads, kept + 1) }] : []),
  ];
}

async function changeOneBit(trial: Trial, columns: readonly string[]): Promise<{ seq: number; what: string }> {
  const { attacker, random } = trial;
  const links = await readChain(attacker);
  for (;;) {
    const link = random.pick(links);
    const column = random.pick(columns);
    const change = oneBit(link, column, trial, links);
    if (change === null) continue;
    try {
      await attacker.run(`update public.audit_chain set ${column} = ${change} where seq = ${link.seq}`);
      return { seq: link.seq, what: column };
    } catch {
      // The constraints refuse this one: another draw.
    }
  }
}

/** SQL of a column's value with one bit changed; null where the draw leads to nothing that can be stored. */
function oneBit(link: ForgedLink, column: string, { random }: Trial, links: readonly ForgedLink[]): string | null {
  if (column === "seq") {
    const seq = BigInt(link.seq) ^ (1n << BigInt(random.int(63)));
    return seq < 1n || seq <= BigInt(links.length) ? null : String(seq);
  }
  if (column === "appended_at") {
    const bit = random.int(51);
    return `'1970-01-01 00:00:00+00'::timestamptz + concat(((extract(epoch from appended_at) * 1000000)::bigint # (1::bigint << ${bit})), ' microseconds')::interval`;
  }
  if (column === "event_kind" || column === "event_pk") {
    const bytes = Buffer.from(column === "event_kind" ? link.kind : link.pk);
    if (bytes.length === 0) return null;
    const i = random.int(bytes.length);
    bytes[i] = (bytes[i] ?? 0) ^ (1 << random.int(8));
    const text = bytes.toString();
    return bytes.includes(0) || !Buffer.from(text).equals(bytes) ? null : quoted(text);
  }
  const bit = random.int(256);
  return `set_bit(${column}, ${bit}, 1 - get_bit(${column}, ${bit}))`;
}

export const COLUMNS = [
  "event_kind",
  "event_pk",
  "payload_hash",
  "event_hash",
  "prev_hash",
  "chain_hash",
  "appended_at",
  "seq",
];

export const CHAIN_ATTACKS: readonly Attack[] = [
  {
    id: "A01",
    title: "change one bit of one column of one link",
    checks: LINK_CHECKS,
    perform: async (trial) => {
      const { seq, what } = await changeOneBit(trial, COLUMNS);
      return { variant: what, found: at(LINK_CHECKS, seq), first: seq };
    },
  },
  {
    id: "A02",
    title: "delete one link from the middle",
    checks: ["gap"],
    perform: async (trial) => {
      const seq = trial.random.between(2, trial.length - 1);
      await trial.attacker.run(`delete from public.audit_chain where seq = ${seq}`);
      return { variant: "delete", found: at(["gap"], seq), first: seq };
    },
  },
  {
    id: "A03",
    title: "delete a range of links",
    checks: ["gap"],
    perform: async (trial) => {
      const from = trial.random.between(2, trial.length - 3);
      const to = trial.random.between(from + 1, trial.length - 1);
      await trial.attacker.run(`delete from public.audit_chain where seq between ${from} and ${to}`);
      // A change that was deleted makes the event before it the newest: that one can come first in the report.
      return { variant: "delete", found: at(["gap"], from) };
    },
  },
  {
    id: "A04",
    title: "delete the first links",
    checks: ["gap"],
    perform: async (trial) => {
      const to = trial.random.between(1, trial.length - 1);
      await trial.attacker.run(`delete from public.audit_chain where seq <= ${to}`);
      return { variant: "delete", found: at(["gap"], 1), first: 1 };
    },
  },
  {
    id: "A05",
    title: "cut the tail below a published head",
    checks: ["truncated", "head_mismatch"],
    perform: async (trial) => {
      const kept = coveredSeq(trial, 2) - 1;
      await trial.attacker.run(`delete from public.audit_chain where seq > ${kept}`);
      const reused = trial.random.chance(50) ? trial.random.between(1, trial.length - kept + 3) : 0;
      await goOn(trial, reused);
      return {
        variant: reused === 0 ? "cut" : "cut, seqs reused",
        found: cutAfter(trial, kept, kept + reused),
        silent: FLAWLESS,
      };
    },
  },
  {
    id: "A06",
    title: "empty the chain, or put an empty look-alike in its place",
    checks: ["truncated", "head_mismatch"],
    perform: async (trial) => {
      const { attacker, random } = trial;
      const variant = random.pick(["truncate", "look-alike", "delete"]);
      if (variant === "truncate") await attacker.run("truncate public.audit_chain");
      else if (variant === "delete") await attacker.run("delete from public.audit_chain");
      else
        await attacker.run(`alter table public.audit_chain rename to audit_chain_${random.word()};
          create table public.audit_chain (seq bigint primary key, event_kind text collate "C" not null, event_pk text collate "C" not null, payload_hash bytea not null, event_hash bytea not null, prev_hash bytea not null, chain_hash bytea not null, appended_at timestamptz not null, unique (event_kind, event_pk));
          alter table public.audit_chain owner to scidex_audit_owner;
          grant select on public.audit_chain to scidex_audit_ro, scidex_audit_inspector, scidex_audit_publisher`);
      const reused = random.chance(40) ? random.between(1, trial.length) : 0;
      await goOn(trial, reused);
      return { variant: reused === 0 ? variant : `${variant}, seqs reused`, found: cutAfter(trial, 0, reused) };
    },
  },
  {
    id: "A07",
    title: "swap the contents of two links",
    checks: LINK_CHECKS,
    perform: async (trial) => {
      const { attacker, random } = trial;
      const one = random.between(1, trial.length - 1);
      const two = random.between(one + 1, trial.length);
      const labels = ["event_kind", "event_pk", "payload_hash", "appended_at"];
      const columns = random.pick([
        labels,
        [...labels, "event_hash"],
        [...labels, "event_hash", "prev_hash", "chain_hash"],
      ]);
      await attacker.run("alter table public.audit_chain drop constraint audit_chain_event_key");
      await attacker.run(
        `update public.audit_chain as c set ${columns.map((column) => `${column} = o.${column}`).join(", ")} from public.audit_chain as o where (c.seq, o.seq) in ((${one}, ${two}), (${two}, ${one}))`,
      );
      await attacker.run(
        "alter table public.audit_chain add constraint audit_chain_event_key unique (event_kind, event_pk)",
      );
      return { variant: `${columns.length} columns`, found: at(LINK_CHECKS, one) };
    },
  },
  {
    id: "A08",
    title: "insert a forged link, in the middle or at the end",
    checks: ["chain_hash", "prev_hash", "duplicate", "source_deleted"],
    perform: async (trial) => {
      const { attacker, random } = trial;
      const variant = random.pick([
        "malformed at the end",
        "well-formed at the end",
        "second of a seq",
        "malformed in the middle",
      ]);
      if (variant === "well-formed at the end") {
        const table = random.pick(TABLES.filter(({ changes }) => changes === "refuse"));
        const seq = await appendLink(trial, { kind: table.kind, pk: random.word() });
        return { variant, found: [{ check: "source_deleted", seq }], silent: FLAWLESS };
      }
      const links = await readChain(attacker);
      const last = links.at(-1);
      const forged: ForgedLink = {
        seq: trial.length + 1,
        kind: "forged",
        pk: random.word(),
        payload: random.hex(32),
        event: random.hex(32),
        prev: random.chance(50) ? (last?.chain ?? "") : random.hex(32),
        chain: random.hex(32),
        time: last?.time ?? "",
      };
      if (variant === "malformed at the end") {
        await attacker.run(`insert into public.audit_chain values ${values(forged)}`);
        return { variant, found: at(["chain_hash", "prev_hash"], forged.seq), first: forged.seq };
      }
      const seq = random.between(1, trial.length);
      await attacker.run("alter table public.audit_chain drop constraint audit_chain_pkey");
      if (variant === "second of a seq") {
        await attacker.run(`insert into public.audit_chain values ${values({ ...forged, seq })}`);
        return { variant, found: at(["duplicate", "chain_hash", "prev_hash"], seq), first: seq };
      }
      await attacker.run(`update public.audit_chain set seq = seq + 1 where seq >= ${seq}`);
      await attacker.run(`insert into public.audit_chain values ${values({ ...forged, seq })}`);
      await attacker.run("alter table public.audit_chain add constraint audit_chain_pkey primary key (seq)");
      return { variant, found: at(["chain_hash", "prev_hash"], seq) };
    },
  },
  {
    id: "A09",
    title: "change a link and recompute every hash after it",
    checks: ["head_mismatch"],
    perform: async (trial) => {
      const { random } = trial;
      const links = await readChain(trial.attacker);
      const seq = coveredSeq(trial);
      const link = links[seq - 1];
      if (link === undefined) throw new Error("no such link");
      const variant = random.pick(["payload_hash", "event_kind", "event_pk", "appended_at"]);
      if (variant === "payload_hash") link.payload = random.hex(32);
      else if (variant === "event_kind") link.kind = random.word();
      else if (variant === "event_pk") link.pk = random.word();
      else link.time = `${link.time.slice(0, -2)}${(Number(link.time.at(-2)) + 1) % 10}Z`;
      recompute(links, seq - 1);
      await rewrite(trial.attacker, links, seq - 1);
      return { variant, found: [{ check: "head_mismatch", interval: intervalOf(trial.heads, seq) }], silent: FLAWLESS };
    },
  },
  {
    id: "A10",
    title: "rewrite the whole chain, same length",
    checks: ["head_mismatch"],
    perform: async (trial) => {
      const { random } = trial;
      const links = await readChain(trial.attacker);
      const variant = random.pick(["other times", "other events", "other order"]);
      if (variant === "other order") links.reverse();
      for (const [i, link] of links.entries()) {
        if (variant === "other times")
          links[i] = { ...link, time: `${link.time.slice(0, -4)}${String(random.int(1000)).padStart(3, "0")}Z` };
        else if (variant === "other events" && (i === 0 || random.chance(50)))
          links[i] = { ...link, payload: random.hex(32) };
      }
      const first = links[0];
      if (variant === "other times" && first !== undefined)
        first.time = `${first.time.slice(0, -5)}${(Number(first.time.at(-5)) + 1) % 10}${first.time.slice(-4)}`;
      recompute(links, 0);
      await rewrite(trial.attacker, links, 0);
      return { variant, found: [{ check: "head_mismatch", interval: intervalOf(trial.heads, 1) }], silent: FLAWLESS };
    },
  },
  {
    id: "A11",
    title: "drop a link, renumber and recompute",
    checks: ["head_mismatch", "truncated"],
    perform: async (trial) => {
      const links = await readChain(trial.attacker);
      const seq = coveredSeq(trial);
      links.splice(seq - 1, 1);
      recompute(links, seq - 1);
      await rewrite(trial.attacker, links, seq - 1);
      return { variant: "renumbered", found: rewrittenFrom(trial, seq, links.length), silent: FLAWLESS };
    },
  },
  {
    id: "A12",
    title: "put an older copy of the database back",
    checks: ["truncated", "head_mismatch"],
    perform: async (trial) => {
      await trial.world.restoreOlderCopy();
      trial.attacker.note("drop database; create database from the copy made before the trial's honest changes");
      const [row] = await trial.attacker.read<{ n: string }>("select max(seq)::text as n from public.audit_chain");
      const kept = Number(row?.n);
      const reused = trial.random.chance(50) ? trial.random.between(1, trial.length - kept + 3) : 0;
      await goOn(trial, reused);
      return {
        variant: reused === 0 ? "restored" : "restored, seqs reused",
        found: cutAfter(trial, kept, kept + reused),
        silent: FLAWLESS,
      };
    },
  },
  {
    id: "A13",
    title: "drop the constraints and write duplicates of a seq or of an event",
    checks: ["duplicate"],
    perform: async (trial) => {
      const { attacker, random } = trial;
      const seq = random.between(1, trial.length);
      if (random.chance(50)) {
        await attacker.run("alter table public.audit_chain drop constraint audit_chain_event_key");
        if (random.chance(50)) await attacker.run("alter table public.audit_chain drop constraint audit_chain_pkey");
        else
          await attacker.run(
            "alter table public.audit_chain drop constraint audit_chain_pkey; create index on public.audit_chain (seq)",
          );
        await attacker.run(`insert into public.audit_chain select * from public.audit_chain where seq = ${seq}`);
        return { variant: "a seq", found: at(["duplicate"], seq), first: seq };
      }
      const link = (await readChain(attacker))[seq - 1];
      await attacker.run("alter table public.audit_chain drop constraint audit_chain_event_key");
      const second = await appendLink(trial, {
        kind: link?.kind ?? "",
        pk: link?.pk ?? "",
        ...(random.chance(50) ? { payload: link?.payload ?? "" } : {}),
      });
      return { variant: "an event", found: at(["duplicate"], second) };
    },
  },
  {
    id: "A14",
    title: "append a well-formed link with a false time",
    checks: ["time_implausible"],
    perform: async (trial) => {
      const { random } = trial;
      const isEarly = random.chance(50);
      const minutes = random.pick([10, 90, 1500, 600_000]) + random.int(60);
      const time = new Date(Date.now() + (isEarly ? -1 : 1) * (minutes + (isEarly ? 60 : 0)) * 60_000);
      const seq = await appendLink(trial, { time: `${time.toISOString().slice(0, -1)}${random.int(10)}00Z` });
      return {
        variant: isEarly ? "too early" : "too late",
        found: at(["time_implausible"], seq),
        first: seq,
        silent: FLAWLESS,
      };
    },
  },
];

/** What shows that links from `seq` on are others, and that the chain is `length` long now. */
export function rewrittenFrom(trial: Trial, seq: number, length: number): Expected["found"] {
  const [from, to] = intervalOf(trial.heads, seq);
  return to <= length
    ? [{ check: "head_mismatch", interval: [from, to] }]
    : [
        { check: "truncated", seq: length + 1 },
        { check: "head_mismatch", interval: [from, to] },
      ];
}
