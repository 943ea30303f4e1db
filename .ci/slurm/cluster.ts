import { strict as assert } from "node:assert";
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "../deploy/succeed.ts";

const DEADLINE_MS = 30_000;

export interface Cluster extends AsyncDisposable {
  /** For sbatch and the others. */
  readonly environment: NodeJS.ProcessEnv;
}

/** A controller and two nodes on this machine, with a munged of their own; none of what the system's packages configure. */
export async function startCluster(folder: string): Promise<Cluster> {
  mkdirSync(join(folder, "state"), { recursive: true });
  // munged takes a socket only below folders that others can enter.
  const socket = join(folder, "munge.socket");
  const key = join(folder, "munge.key");
  writeFileSync(key, randomBytes(128), { mode: 0o400 });
  const [controller, first, second] = [await freePort(), await freePort(), await freePort()];
  const conf = join(folder, "slurm.conf");
  writeFileSync(
    conf,
    `ClusterName=audit
SlurmctldHost=${hostname()}(127.0.0.1)
SlurmctldPort=${controller}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=${socket}
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0
SelectType=select/linear
ReturnToService=2
MinJobAge=300
StateSaveLocation=${join(folder, "state")}
SlurmctldPidFile=${join(folder, "slurmctld.pid")}
SlurmdPidFile=${join(folder, "slurmd-%n.pid")}
SlurmdSpoolDir=${join(folder, "spool-%n")}
NodeName=audit1 NodeHostname=${hostname()} NodeAddr=127.0.0.1 Port=${first} CPUs=1
NodeName=audit2 NodeHostname=${hostname()} NodeAddr=127.0.0.1 Port=${second} CPUs=1
PartitionName=all Nodes=audit[1-2] Default=YES State=UP
`,
  );
  const environment = { ...process.env, SLURM_CONF: conf };
  const started: ChildProcess[] = [];
  const start = (name: string, program: string, ...args: string[]): void => {
    const log = openSync(join(folder, `${name}.log`), "a");
    started.push(spawn(program, args, { env: environment, stdio: ["ignore", log, log] }));
  };
  start(
    "munged",
    "munged",
    "--force",
    "--foreground",
    `--socket=${socket}`,
    `--key-file=${key}`,
    `--log-file=${join(folder, "munge.log")}`,
    `--pid-file=${join(folder, "munge.pid")}`,
    `--seed-file=${join(folder, "munge.seed")}`,
  );
  await until("munged", async () => (await run("munge", ["--no-input", `--socket=${socket}`])).code === 0);
  start("slurmctld", "slurmctld", "-D", "-c");
  for (const node of ["audit1", "audit2"]) start(node, "slurmd", "-D", "-N", node);
  const stop = async (): Promise<void> => {
    for (const child of started.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
      await new Promise((resolve) => child.once("exit", resolve));
      clearTimeout(timer);
    }
  };
  try {
    await until("both nodes", async () => {
      const { output } = await run("sinfo", ["--noheader", "--Node", "--format=%N %t"], environment);
      return output === "audit1 idle\naudit2 idle\n";
    });
  } catch (cause) {
    await stop();
    const logs = ["munged", "slurmctld", "audit1"].map((name) =>
      readFileSync(join(folder, `${name}.log`), "utf8").slice(-2_000),
    );
    throw new Error(`Slurm does not start:\n${logs.join("\n")}`, { cause });
  }
  return { environment, [Symbol.asyncDispose]: stop };
}

async function until(what: string, isThere: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!(await isThere())) {
    assert(Date.now() < deadline, `${what}: not there after ${DEADLINE_MS} ms`);
    await sleep(200);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  server.close();
  assert(typeof address === "object" && address !== null);
  return address.port;
}
