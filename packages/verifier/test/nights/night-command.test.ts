import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateKeyFile } from "@scidex/audit-core";
import { describe, expect, it } from "vitest";
import { ORIGIN } from "../chain-database.ts";
import { prepared, run } from "../command.ts";

describe("audit-verify --sign", { timeout: 180_000 }, () => {
  it("signs what each full run has found, and history says which nights there were", async () => {
    const chain = await prepared();
    const [key, nights, vkeys] = ["nights.key", "nights.log", "nights.vkeys"].map((name) => join(chain.folder, name));
    const made = generateKeyFile("auditor.example/nights");
    writeFileSync(key ?? "", made.text, { mode: 0o600 });
    writeFileSync(vkeys ?? "", made.vkeys.join("\n"));
    const signing = ["--sign", key ?? "", "--nights", `file:${nights}`];
    expect(await run(chain, signing)).toMatchObject({ exit: 0, stderr: "" });
    await chain.attack("update public.note set body = 'y' where id = 1");
    expect(await run(chain, signing)).toMatchObject({ exit: 1, stderr: "" });
    const asked = ["history", "--nights", `file:${nights}`, "--keys", vkeys ?? ""];
    const history = await run(chain, [...asked, "--json"], { AUDIT_DATABASE_URL: "" });
    expect(history).toMatchObject({ exit: 0, stderr: "" });
    expect(JSON.parse(history.stdout)).toMatchObject({
      verifier: "auditor.example/nights",
      nights: [{ status: "intact" }, { status: "tampered", head: { seq: 10 }, origin: ORIGIN }],
      gaps: [],
    });
    const html = join(chain.folder, "nights.html");
    expect(await run(chain, [...asked, "--html", html])).toMatchObject({ exit: 0 });
    expect(readFileSync(html, "utf8")).toContain("No night is missing");
    expect(await run(chain, [...asked, "--since", "2020-01-01", "--html", html])).toMatchObject({ exit: 3 });
    expect(readFileSync(html, "utf8")).toContain("There are gaps");
    writeFileSync(
      nights ?? "",
      readFileSync(nights ?? "", "utf8")
        .split("\n")
        .slice(1)
        .join("\n"),
    );
    expect(await run(chain, asked)).toMatchObject({ exit: 1 });
    expect((await run(chain, signing)).stderr).toContain("the night was not signed");
    expect(await run(chain, [...signing, "--from", "2"])).toMatchObject({ exit: 2 });
    expect(await run(chain, ["--sign", key ?? ""])).toMatchObject({ exit: 2 });
    chmodSync(key ?? "", 0o644);
    expect((await run(chain, signing)).stderr).toContain("others may read it");
  });
});
