import { fit, type ForgedLink, readChain, values } from "../attacker/chain.ts";
import { type Attack, coveredSeq } from "../attack.ts";
import { TABLES } from "../world/tables.ts";
import { appendLink, at, cutAfter, FLAWLESS, goOn, LINK_CHECKS } from "./links.ts";
import { changeOneBit, COLUMNS } from "./one-bit.ts";

/** Attacks on links that do not recompute those after them. */
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
      return { variant: "delete", found: at(["gap"], from), first: from };
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
          create table public.audit_chain (seq bigint primary key, event_kind text collate "C" not null, event_pk text collate "C" not null, payload_hash bytea not null, event_hash bytea not null, prev_hash bytea not null, chain_hash bytea not null, before_hash bytea, appended_at timestamptz not null, unique (event_kind, event_pk));
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
      const labels = ["event_kind", "event_pk", "payload_hash", "before_hash", "appended_at"];
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
      const last = (await readChain(attacker)).at(-1);
      const forged: ForgedLink = {
        seq: trial.length + 1,
        kind: "forged",
        pk: random.word(),
        payload: random.hex(32),
        before: null,
        event: random.hex(32),
        prev: random.hex(32),
        chain: random.hex(32),
        time: last?.time ?? "",
      };
      if (variant === "malformed at the end") {
        const fits = fit(forged, last);
        // One hash that does not fit is enough, if all others are made to fit it.
        const [what, link] = random.pick<[string, ForgedLink]>([
          ["all hashes", forged],
          ["chain_hash", { ...fits, chain: forged.chain }],
          ["prev_hash", fit(forged, { seq: trial.length, chain: forged.prev })],
        ]);
        await attacker.run(`insert into public.audit_chain values ${values(link)}`);
        const { seq } = forged;
        return { variant: `${variant}, ${what}`, found: at(["chain_hash", "prev_hash"], seq), first: seq };
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
