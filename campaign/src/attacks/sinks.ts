import { createHash } from "node:crypto";
import { readFileSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Attack, type Expected, type Trial } from "../attack.ts";
import { type SinkLog } from "../world/place.ts";
import { readChain, recompute, rewrite } from "../attacker/chain.ts";
import { forge, isStatement, newKeys, noteOf, originOf, readHead as read } from "../attacker/heads.ts";

const DISAGREE = [{ check: "sink_rewound" }, { check: "sink_disagreement" }];

/** The attacker may edit one sink. */
async function edit(
  trial: Trial,
  change: (lines: string[]) => string | null,
): Promise<{ sink: SinkLog; what: string }> {
  const sink = trial.random.pick(trial.world.logs);
  const before = await sink.read();
  for (let attempt = 0; attempt < 50; attempt++) {
    const lines = [...before];
    const what = change(lines);
    if (what === null || lines.join("\n") === before.join("\n")) continue;
    await sink.write(lines);
    trial.attacker.note(`the ${sink.name} sink: ${what}`);
    return { sink, what };
  }
  throw new Error("nothing can be changed");
}

/** Changes a character of a statement's note. */
function changeStatement(line: string, { random }: Trial): string {
  const note = noteOf(line);
  const i = random.int(note.length);
  return JSON.stringify({ statement: `${note.slice(0, i)}${random.pick(["x", "7", " "])}${note.slice(i + 1)}` });
}

export const SINK_ATTACKS: readonly Attack[] = [
  {
    id: "D01",
    title: "remove a line from the head log",
    checks: ["sink_rewound", "sink_disagreement"],
    perform: removeLine,
  },
  {
    id: "D02",
    title: "change a line, any member",
    checks: ["sink_signature", "head_mismatch", "sink_disagreement"],
    perform: async (trial) => {
      const { random } = trial;
      let member = "";
      const { sink } = await edit(trial, (lines) => {
        const at = random.int(lines.length);
        if (isStatement(lines[at] ?? "")) {
          member = "statement";
          lines[at] = changeStatement(lines[at] ?? "", trial);
          return `${member} of line ${at + 1}`;
        }
        const head = read(lines[at] ?? "");
        member = random.pick([
          "seq",
          "chain_hash",
          "appended_at",
          "published_at",
          "checkpoint",
          "entry",
          "proof",
          "a byte",
        ]);
        if (member === "seq") head.seq += random.pick([1, -1]);
        else if (member === "proof") {
          if (head.proof.length === 0) return null;
          if (random.chance(50)) head.proof.pop();
          else head.proof[random.int(head.proof.length)] = Buffer.from(random.hex(32), "hex").toString("base64");
        } else if (member === "a byte") {
          const bytes = Buffer.from(lines[at] ?? "");
          const i = random.int(bytes.length);
          bytes[i] = (bytes[i] ?? 0) ^ (1 << random.int(7));
          if (bytes.includes(10)) return null;
          lines[at] = bytes.toString();
          return `one bit of line ${at + 1}`;
        } else if (member === "chain_hash") head.chain_hash = random.hex(32);
        else if (member === "appended_at" || member === "published_at")
          head[member] = head[member].replace(/\d(?=Z)/u, (digit) => String((Number(digit) + 1) % 10));
        else if (member === "checkpoint" || member === "entry") {
          const i = random.int(head[member].length);
          head[member] = `${head[member].slice(0, i)}${random.pick(["x", "7", " ", "\n"])}${head[member].slice(i + 1)}`;
        }
        lines[at] = JSON.stringify(head);
        return `${member} of line ${at + 1}`;
      });
      return {
        variant: `${member}, ${sink.name}`,
        found: [{ check: "sink_signature" }, { check: "head_mismatch" }, { check: "sink_disagreement" }],
      };
    },
  },
  {
    id: "D03",
    title: "cut the log back",
    checks: ["sink_rewound"],
    perform: async (trial) => {
      const known = knownLines(trial);
      const { sink } = await edit(trial, (lines) => {
        const kept = trial.random.int(known);
        lines.splice(kept);
        return `cut back to ${kept} lines`;
      });
      return { variant: sink.name, found: [{ check: "sink_rewound", names: sinkName(trial, sink) }] };
    },
  },
  {
    id: "D04",
    title: "replace the log by a consistent forgery, unsigned or signed with another key",
    checks: ["sink_signature"],
    perform: async (trial) => {
      const isSigned = trial.random.chance(60);
      const keys = newKeys();
      const { sink } = await edit(trial, (lines) => {
        for (const [i, line] of lines.entries()) lines[i] = forge(line, originOf(line), keys, isSigned);
        return `every line ${isSigned ? "signed with another key" : "unsigned"}`;
      });
      return {
        variant: `${isSigned ? "another key" : "unsigned"}, ${sink.name}`,
        found: [{ check: "sink_signature", names: sinkName(trial, sink) }],
      };
    },
  },
  {
    id: "D05",
    title: "two sinks tell different stories",
    checks: ["sink_disagreement"],
    perform: async (trial) => {
      const { sink, what } = await edit(trial, (lines) => {
        if (lines.length < 3) return null;
        const at = trial.random.between(1, lines.length - 2);
        const variant = trial.random.pick(["a publication less", "a publication twice"]);
        if (variant === "a publication less") lines.splice(at, 1);
        else lines.splice(at, 0, lines[at] ?? "");
        return variant;
      });
      return {
        variant: `${what}, ${sink.name}`,
        found: [{ check: "sink_disagreement", names: trial.world.place.sinks }],
      };
    },
  },
  {
    id: "D06",
    title: "stop the publisher quietly",
    checks: ["publisher_silent"],
    perform: async (trial) => {
      const { world, random, attacker } = trial;
      const variant = random.pick(["not started any more", "its lock held", "its sinks read only"]);
      await sleep(1_100);
      if (variant === "its lock held") {
        const key = createHash("sha256")
          .update("audit-chain publisher campaign.example/audit-chain")
          .digest()
          .readBigInt64BE();
        await attacker.run(`select pg_advisory_lock(${key})`);
        const { exit } = await world.publishAsProcess();
        attacker.note(`the publisher was run, and ended with ${exit}`);
        if (exit === 0) throw new Error("the publisher published all the same");
      }
      await sleep(1_000);
      return { variant, found: [{ check: "publisher_silent" }], trust: { args: ["--max-head-age", "1s"] } };
    },
  },
  {
    id: "D07",
    title: "replay an old but genuine head as the newest, with a fresh published_at",
    checks: ["sink_signature", "publisher_silent"],
    perform: async (trial) => {
      const { random } = trial;
      const variant = random.pick(["fresh published_at", "as it was"]);
      const { sink } = await edit(trial, (lines) => {
        const old = lines[random.int(Math.max(1, lines.length - 2))];
        if (old === undefined || isStatement(old)) return null;
        const time = `${new Date().toISOString().slice(0, 19)}Z`;
        lines.push(variant === "as it was" ? old : JSON.stringify({ ...read(old), published_at: time }));
        return `an old line again, ${variant}`;
      });
      return {
        variant: `${variant}, ${sink.name}`,
        found: [{ check: "sink_signature", names: sinkName(trial, sink) }],
      };
    },
  },
  {
    id: "D08",
    title: "a genuine head of another log",
    checks: ["sink_signature"],
    perform: otherLog,
  },
  {
    id: "D09",
    title: "cut or delete the log and wait for the publisher to sign a rewritten chain",
    checks: ["the publisher refuses"],
    perform: async (trial): Promise<Expected> => {
      const { random, attacker, heads } = trial;
      const links = await readChain(attacker);
      const seq = random.between(1, heads.at(-1) ?? 1);
      const link = links[seq - 1];
      if (link !== undefined) link.payload = random.hex(32);
      recompute(links, seq - 1);
      await rewrite(attacker, links, seq - 1);
      const variant = random.pick(["cut", "emptied", "as it was"]);
      if (variant !== "as it was")
        await edit(trial, (lines) => {
          lines.splice(variant === "emptied" ? 0 : random.int(lines.length));
          return variant;
        });
      return { variant, by: "publisher", found: [] };
    },
  },
  {
    id: "D10",
    title: "point one sink at the other",
    checks: ["unproven"],
    perform: async ({ world: { place }, random, attacker }): Promise<Expected> => {
      const folder = random.pick([place.remote, place.repository]);
      const target = join(folder, random.pick(["description", "audit_chain_head.log"]));
      renameSync(place.log, target);
      const variant = random.pick(["a link", "a link to a link"]);
      const between = `${place.log}.${random.word()}`;
      symlinkSync(target, variant === "a link" ? place.log : between);
      if (variant !== "a link") symlinkSync(between, place.log);
      attacker.note(`the file sink: ${variant} to ${target}`);
      return await Promise.resolve({ variant, exit: 3, found: [{ check: "heads" }] });
    },
  },
];

const sinkName = ({ world }: Trial, sink: SinkLog): string => world.place.sinks[sink.name === "file" ? 0 : 1];

/**
 * What shows the removal depends on who remembers: with two sinks the other one, unless it was the last line, without
 * which a sink only lags; with the verifier's state any line that it has seen; the publisher's state knows all of them.
 */
async function removeLine(trial: Trial): Promise<Expected> {
  const { random, world } = trial;
  const variant = random.pick([
    "two sinks, no state",
    "two sinks and the state",
    "one sink and the state",
    "the last that the state knows, one sink",
    "the last that the state knows, two sinks",
    "the last of all, seen by the publisher",
    "any, seen by the publisher",
  ]);
  const known = knownLines(trial);
  const { sink } = await edit(trial, (lines) => {
    if (variant.startsWith("the last that")) lines.length = Math.min(lines.length, known);
    const at = variant.startsWith("the last")
      ? lines.length - 1
      : variant.startsWith("two") || variant.startsWith("any")
        ? random.int(lines.length - 1)
        : random.int(known);
    lines.splice(at, 1);
    return `line ${at + 1} removed`;
  });
  const names = sinkName(trial, sink);
  const said = `${variant}, ${sink.name}`;
  if (variant.endsWith("publisher")) return { variant: said, by: "publisher", found: [] };
  const sinks = variant.endsWith("one sink") || variant.startsWith("one sink") ? [names] : world.place.sinks;
  return {
    variant: said,
    found:
      sinks.length === 1 || variant.startsWith("the last")
        ? [{ check: "sink_rewound", names }]
        : DISAGREE.map((where) => ({ ...where, names })),
    trust: { sinks, hasState: variant !== "two sinks, no state" },
  };
}

/** A head of another log: genuine and signed with a key that the verifier has, or the attacker's own under some name. */
async function otherLog(trial: Trial): Promise<Expected> {
  const { random, world } = trial;
  const variant = random.pick(["genuine", "genuine, the whole log", "genuine, renamed", "the attacker's own"]);
  const genuine = readFileSync(world.place.otherLog, "utf8").split("\n").slice(0, -1);
  const { sink } = await edit(trial, (lines) => {
    if (variant === "genuine, the whole log") {
      lines.splice(0, lines.length, ...genuine);
      return "replaced by another log";
    }
    const line = random.pick(lines);
    const name = random.pick(["other.example/log", originOf(line).toUpperCase(), `${originOf(line)}2`]);
    const theirs = random.pick(genuine);
    const other =
      variant === "genuine"
        ? theirs
        : // Its signatures under our name.
          variant === "genuine, renamed"
          ? theirs.replaceAll(originOf(theirs), originOf(line))
          : forge(line, name, newKeys(), true);
    if (random.chance(50)) lines.push(other);
    else lines[random.int(lines.length)] = other;
    return "a line of another log";
  });
  const names = [sinkName(trial, sink), ...(variant.startsWith("genuine,") ? [] : ["origin_mismatch"])];
  return {
    variant: `${variant}, ${sink.name}`,
    found: [
      { check: "sink_signature", names: variant === "genuine, the whole log" ? [...names, "origin_mismatch"] : names },
    ],
  };
}

/** How many lines the verifier's state knows of. */
function knownLines(trial: Trial): number {
  const state = JSON.parse(readFileSync(trial.world.place.stateFile, "utf8")) as {
    sinks: Record<string, { lines: number }>;
  };
  return Math.min(...Object.values(state.sinks).map(({ lines }) => lines));
}
