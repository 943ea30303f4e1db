/** The command that `run-command.test.ts` starts as a process: each subcommand ends in another way. */
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "commander";
import { CommandError, EXIT, parseDuration, runCommand, writeOut } from "../src/index.ts";

await runCommand(({ run, signal }) => {
  const end = (name: string, action: Parameters<typeof run>[0]): Command =>
    new Command(name).option("--json").action(run(action));
  return new Command("fixture")
    .version("1.2.3")
    .addCommand(end("ok", async () => {}))
    .addCommand(end("intact", async () => ({ exit: EXIT.ok })))
    .addCommand(end("tampered", async () => ({ exit: EXIT.tampered })))
    .addCommand(end("unproven", async () => ({ exit: EXIT.failed })))
    .addCommand(end("differs", async () => ({ exit: EXIT.differs })))
    .addCommand(end("throw", () => Promise.reject(new Error("on purpose"))))
    .addCommand(
      end("throw-exit-1", () => Promise.reject(Object.assign(new Error("on purpose"), { exit: 1, exitCode: 1 }))),
    )
    .addCommand(end("throw-undefined", () => Promise.reject(undefined)))
    .addCommand(end("bug", async () => void Reflect.get(undefined as unknown as object, "x")))
    .addCommand(end("overflow", async () => overflow(0)))
    .addCommand(end("configuration", () => Promise.reject(new CommandError("configuration", "AUDIT_X is wrong"))))
    .addCommand(
      end("hostile", () => Promise.reject(new Error("postgres://me:hush@db/x \u001b[2J\u009b1m\nerror: none\u202e"))),
    )
    .addCommand(end("rejection", () => inBackground(() => void Promise.reject(new Error("in the background")))))
    .addCommand(
      end("uncaught", () =>
        inBackground(() => {
          throw new Error("in the background");
        }),
      ),
    )
    .addCommand(
      end("rejection-then-tampered", async () => {
        void Promise.reject(new Error("in the background"));
        await sleep(0);
        return { exit: EXIT.tampered };
      }),
    )
    .addCommand(end("never", () => new Promise(() => {})))
    .addCommand(end("process-exit-1", async () => process.exit(1)))
    .addCommand(end("leak", async () => void setInterval(() => {}, 1000)))
    .addCommand(
      end("wait", async () => {
        await writeOut("ready\n");
        await sleep(60_000, undefined, { signal });
      }),
    )
    .addCommand(
      end("daemon", async () => {
        await writeOut("ready\n");
        await sleep(60_000, undefined, { signal }).catch(() => {});
        return { exit: EXIT.ok };
      }),
    )
    .addCommand(
      end("stop-early", async () => {
        await writeOut("ready\n");
        await sleep(60_000, undefined, { signal }).catch(() => {});
      }),
    )
    .addCommand(
      end("deaf", async () => {
        await writeOut("ready\n");
        await sleep(60_000);
      }),
    )
    .addCommand(
      end("long", async () => {
        await writeOut("x".repeat(5_000_000));
        return { exit: EXIT.tampered };
      }),
    )
    .addCommand(
      end("endless", async () => {
        let lines = 0;
        for (; !signal.aborted; lines++) await writeOut(`${"line ".repeat(100)}\n`);
        if (process.env["WITNESS"]) writeFileSync(process.env["WITNESS"], String(lines));
      }),
    )
    .addCommand(new Command("option").option("--age <age>", "a duration", parseDuration).action(run(async () => {})));
});

function overflow(depth: number): never {
  return overflow(depth + 1);
}

async function inBackground(action: () => void): Promise<void> {
  setTimeout(action, 10);
  await sleep(60_000);
}
