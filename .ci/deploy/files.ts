/** What deploy/ has, held against the programs and schemas that are there for it. */
import { strict as assert } from "node:assert";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Deployment } from "kubernetes-models/apps/v1/Deployment";
import { CronJob } from "kubernetes-models/batch/v1/CronJob";
import { Job } from "kubernetes-models/batch/v1/Job";
import { PersistentVolumeClaim } from "kubernetes-models/v1/PersistentVolumeClaim";
import type { IPodSpec } from "kubernetes-models/v1/PodSpec";
import { Service } from "kubernetes-models/v1/Service";
import { parse, parseAllDocuments } from "yaml";
import { ROOT } from "../packages.ts";
import { succeed } from "./succeed.ts";

/** The user of the image. */
export const USER = 65_532;
/** Another one, which cannot read what belongs to the first. */
const VERIFIER = 65_533;
export const DEPLOY = join(ROOT, "deploy");

/** @param folder for what has to be written */
export async function checkFiles(folder: string): Promise<void> {
  const units = await checkUnits(folder);
  await checkOptions([...units, ...checkKubernetes(), ...checkCrontab(), ...checkCompose()]);
}

/** Who signs is not the one who checks, and who follows the log can read no key. */
const ACCOUNTS: Readonly<Record<string, string>> = {
  publish: "audit-publisher",
  seal: "audit-publisher",
  verify: "audit-verifier",
  capture: "audit-capture",
};

async function checkUnits(folder: string): Promise<string[]> {
  const units = join(folder, "units");
  mkdirSync(units);
  const names = readdirSync(join(DEPLOY, "systemd"));
  const commands: string[] = [];
  for (const name of names) {
    const text = readFileSync(join(DEPLOY, "systemd", name), "utf8");
    const joined = text.replaceAll(/\\\n\s*/g, "");
    commands.push(...[...joined.matchAll(/^ExecStart=\S*\/(audit-publisher .*)$/gm)].map((match) => match[1] ?? ""));
    // Only the program's path is another one: it is not installed here.
    writeFileSync(join(units, name), text.replaceAll("/usr/local/bin/audit-publisher", "/bin/true"));
  }
  const output = await succeed("systemd-analyze", ["verify", "--man=no", ...names.map((name) => join(units, name))]);
  assert.equal(output.trim(), "", "systemd-analyze has something to say");
  console.log(`ok    systemd-analyze verify: ${names.length} units`);
  for (const name of names.filter((unit) => unit.endsWith(".service"))) {
    const unit = join(DEPLOY, "systemd", name);
    // The threshold is ten times the exposure level that is shown.
    await succeed("systemd-analyze", ["security", "--offline=yes", "--no-pager", "--threshold=29", unit]);
    const account = ACCOUNTS[/^audit-([a-z]+)/.exec(name)?.[1] ?? ""];
    assert.ok(readFileSync(unit, "utf8").includes(`\nUser=${account}\n`), `${name}: the account is ${account}`);
  }
  console.log("ok    systemd-analyze security: each service below 3");
  return commands;
}

/** A container's security and, where it serves, its probes; returns its command line. */
function checkPod(pod: IPodSpec | undefined, user: number): string[] {
  assert.equal(pod?.securityContext?.runAsUser, user);
  return pod.containers.map(({ args = [], command, securityContext, livenessProbe, readinessProbe }) => {
    assert.equal(securityContext?.readOnlyRootFilesystem, true);
    if (args[0] === "run") {
      assert.equal(livenessProbe?.httpGet?.path, "/healthz");
      assert.equal(readinessProbe?.httpGet?.path, "/readyz");
    }
    // A script has one line that starts a program of ours.
    if (command !== undefined) return /^audit-verify [^>\n]*/m.exec(args.join("\n"))?.[0] ?? "";
    return `audit-publisher ${args.join(" ")}`;
  });
}

function checkKubernetes(): string[] {
  const folderOf = join(DEPLOY, "kubernetes");
  const documents = readdirSync(folderOf).flatMap((name) =>
    parseAllDocuments(readFileSync(join(folderOf, name), "utf8")),
  );
  const commands: string[] = [];
  for (const document of documents) {
    const json = document.toJS() as never;
    const kind = String(document.get("kind"));
    if (kind === "PersistentVolumeClaim") new PersistentVolumeClaim(json).validate();
    else if (kind === "Service") new Service(json).validate();
    else if (kind === "Deployment") {
      const deployment = new Deployment(json);
      deployment.validate();
      commands.push(...checkPod(deployment.spec?.template.spec, USER));
    } else if (kind === "Job") {
      const job = new Job(json);
      job.validate();
      const { completionMode, completions } = job.spec ?? {};
      if (completionMode === "Indexed")
        assert.ok(JSON.stringify(json).includes(`JOB_COMPLETION_INDEX + 1))/${completions}`), "shard K of N");
      commands.push(...checkPod(job.spec?.template.spec, VERIFIER));
    } else {
      assert.equal(kind, "CronJob");
      const job = new CronJob(json);
      job.validate();
      commands.push(...checkPod(job.spec?.jobTemplate.spec?.template.spec, VERIFIER));
    }
  }
  console.log(`ok    ${documents.length} Kubernetes objects`);
  return commands;
}

function checkCrontab(): string[] {
  const lines = readFileSync(join(DEPLOY, "crontab"), "utf8").split("\n");
  const jobs = lines.filter((line) => /^[\d*]/.test(line));
  for (const job of jobs)
    assert.match(job, /^(?:(?:\*|\d+)\s+){5}audit-(publisher|verifier)\s+\. \/etc\/audit\/\1\.env; /);
  console.log(`ok    ${jobs.length} lines of the crontab`);
  return jobs.map((job) => /; (audit-publisher [^>]*)/.exec(job)?.[1]?.trim() ?? "");
}

interface ComposeFile {
  readonly services: Readonly<
    Record<string, { readonly command?: readonly string[]; readonly user?: string; readonly ports?: readonly string[] }>
  >;
}

/** What can be told without starting it. */
function checkCompose(): string[] {
  const text = readFileSync(join(DEPLOY, "compose/compose.yaml"), "utf8");
  const { services } = parse(text, { merge: true }) as ComposeFile;
  for (const [name, { ports = [] }] of Object.entries(services))
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:/, `${name} is reachable from elsewhere`);
  assert.notEqual(services["publisher"]?.user, services["verifier"]?.user);
  const [script = ""] = services["verifier"]?.command ?? [];
  console.log(`ok    ${Object.keys(services).length} services of the compose file`);
  return [
    `audit-publisher ${(services["publisher"]?.command ?? []).join(" ")}`,
    /audit-publisher [^;]*/.exec(script)?.[0] ?? "",
  ];
}

async function checkOptions(commands: readonly string[]): Promise<void> {
  for (const command of new Set(commands)) {
    const [program, name = "", ...words] = command.split(/\s+/);
    const source = program === "audit-verify" ? "packages/verifier/src/cli.ts" : "apps/publisher/src/cli.ts";
    // The verifier's first word may be an option already.
    const subcommand = name.startsWith("--") ? [] : [name];
    const help = await succeed(process.execPath, ["--conditions=source", join(ROOT, source), ...subcommand, "--help"]);
    for (const option of [name, ...words].filter((word) => word.startsWith("--")))
      assert(new RegExp(`^\\s+${option}\\b`, "m").test(help), `${command}: there is no option ${option}`);
  }
  console.log(`ok    options of ${new Set(commands).size} command lines`);
}
