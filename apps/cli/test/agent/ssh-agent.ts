import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** A real ssh-agent of its own. */
export class SshAgent {
  readonly folder: string = mkdtempSync(join(tmpdir(), "audit-agent-"));
  readonly socket: string = join(this.folder, "agent.sock");
  #process: ChildProcess | undefined;

  async start(): Promise<this> {
    rmSync(this.socket, { force: true });
    this.#process = spawn("ssh-agent", ["-D", "-a", this.socket], { stdio: "ignore" });
    for (let waited = 0; !existsSync(this.socket); waited++) {
      if (waited > 500) throw new Error("ssh-agent (openssh-client) did not start");
      await pause(20);
    }
    return this;
  }

  /** Makes a key and gives it to the agent. The file is gone then, but for its public half. */
  add(comment: string, name: string): void {
    const file = join(this.folder, name);
    this.#run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file]);
    this.#run("ssh-add", ["-q", file]);
    rmSync(file);
  }

  /** As ssh-add prints it. */
  fingerprint(name: string): string {
    return this.#run("ssh-keygen", ["-l", "-f", join(this.folder, `${name}.pub`)]).split(" ")[1] ?? "";
  }

  remove(name: string): void {
    this.#run("ssh-add", ["-q", "-d", join(this.folder, `${name}.pub`)]);
  }

  /** Locks it, or unlocks it. */
  lock(isLocked: boolean): void {
    // ssh-add asks for the password by a program.
    const asked = join(this.folder, "password");
    writeFileSync(asked, "#!/bin/sh\necho password\n", { mode: 0o700 });
    this.#run("ssh-add", [isLocked ? "-x" : "-X"], { SSH_ASKPASS: asked, SSH_ASKPASS_REQUIRE: "force" });
  }

  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined) return;
    const ended = once(child, "exit");
    child.kill();
    await ended;
    rmSync(this.socket, { force: true });
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true });
  }

  #run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
    const { status, stdout, stderr } = spawnSync(program, args, {
      env: { ...process.env, SSH_AUTH_SOCK: this.socket, ...env },
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${stderr}`);
    return stdout;
  }
}
