import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Attack, Trial } from "../attack.ts";
import { git } from "../world/place.ts";

const HOOKS =
  "pre-push pre-commit post-commit commit-msg prepare-commit-msg post-checkout post-index-change pre-receive update post-receive post-update proc-receive reference-transaction pre-auto-gc".split(
    " ",
  );

/** Ways to have a program run by whoever runs git in a repository: settings, and what they need besides. */
function plants(repository: string, program: string): Record<string, () => Promise<void>> {
  const set = async (settings: Readonly<Record<string, string>>): Promise<void> => {
    for (const [name, value] of Object.entries(settings))
      await git("/", ["config", "--file", join(repository, "config"), name, value]);
  };
  const hooksIn = (folder: string): void => {
    mkdirSync(folder, { recursive: true });
    for (const name of HOOKS) symlinkSync(program, join(folder, name));
  };
  return {
    hooks: async () => {
      hooksIn(join(repository, "hooks"));
      await Promise.resolve();
    },
    "hooks elsewhere": async () => {
      hooksIn(join(repository, "planted"));
      await set({ "core.hooksPath": join(repository, "planted") });
    },
    "other programs of the remote": async () =>
      await set({ "remote.origin.uploadpack": program, "remote.origin.receivepack": program }),
    "a hook of packing": async () => await set({ "uploadpack.packObjectsHook": program }),
    "ssh, proxy and helpers": async () =>
      await set({
        "core.sshCommand": program,
        "core.gitProxy": program,
        "credential.helper": program,
        "core.askPass": program,
      }),
    "a file system monitor": async () => await set({ "core.fsmonitor": program }),
    filters: async () => {
      await set({ "filter.f.clean": program, "filter.f.smudge": program, "diff.f.textconv": program });
      mkdirSync(join(repository, "info"), { recursive: true });
      writeFileSync(join(repository, "info", "attributes"), "* filter=f diff=f\n");
    },
    "an included file": async () => {
      writeFileSync(join(repository, "more"), `[core]\n\tfsmonitor = ${program}\n\tsshCommand = ${program}\n`);
      await set({ "include.path": join(repository, "more") });
    },
    "signing programs": async () =>
      await set({
        "gpg.program": program,
        "commit.gpgSign": "true",
        "push.gpgSign": "if-asked",
        "core.editor": program,
      }),
  };
}

async function plant({ world: { place }, random, attacker }: Trial): Promise<string> {
  const program = join(place.folder, "program");
  writeFileSync(program, `#!/bin/sh\ntouch "${join(place.folder, "it-ran")}"\nexit 1\n`, { mode: 0o755 });
  const all = plants(place.repository, program);
  const names = random.chance(30) ? Object.keys(all) : [random.pick(Object.keys(all))];
  for (const name of names) await all[name]?.();
  attacker.note(`${place.repository}: ${names.join(", ")}`);
  return names.length > 1 ? "all of them" : names.join();
}

export const GIT_COMMANDS: readonly Attack[] = [
  {
    id: "D11",
    title: "plant commands in a git sink's repository",
    checks: ["nothing runs"],
    perform: async (trial) => {
      const { world, attacker } = trial;
      const variant = await plant(trial);
      await world.honest.unsafe("select public.audit_chain_append('planted', '1', sha256('x'))");
      const { exit, stderr } = await world.publishAsProcess();
      attacker.note(`the publisher was run, and ended with ${exit} ${stderr.trim()}`);
      return {
        variant,
        exit: 0,
        found: [],
        undo: async () => {
          const ran = join(world.place.folder, "it-ran");
          if (existsSync(ran)) throw new Error("the planted program ran");
          rmSync(join(world.place.folder, "program"));
          await Promise.resolve();
        },
      };
    },
  },
];
