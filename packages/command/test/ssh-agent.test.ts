import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type NoteKey, parseVerifierKey, vkeyOf } from "@scidex/audit-core";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { agentKey } from "../src/ssh-agent.ts";

const KEY: NoteKey = parseVerifierKey(vkeyOf("example.org/log", 1, new Uint8Array(32).fill(7)));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "audit-agent-"));
  vi.stubEnv("SSH_AUTH_SOCK", join(folder, "agent.sock"));
  return () => {
    vi.useRealTimers();
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  };
});

/** Asks what answers at the socket for a signature, and lets a minute go by, whatever has come until then. */
async function askedOf(answer: (connection: Socket) => void): Promise<unknown> {
  const server = createServer((connection) => {
    connection.on("error", () => {});
    answer(connection);
  });
  server.listen(join(folder, "agent.sock"));
  await once(server, "listening");
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const connected = once(server, "connection");
  const signed = agentKey(KEY)
    .sign(new Uint8Array(3))
    .catch((error: unknown) => error);
  const [connection] = (await connected) as [Socket];
  await once(connection, "data");
  await vi.advanceTimersByTimeAsync(60_000);
  const said = await signed;
  connection.destroy();
  server.close();
  return said;
}

describe("an agent that hangs", () => {
  it.each([
    ["and says nothing", () => {}],
    ["in the middle of an answer", (connection: Socket) => connection.write("\0\0\0\u0053")],
  ])("%s is waited for a minute, and whoever must confirm is named", async (_, answer) => {
    expect(await askedOf(answer)).toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/has not answered within 60 s: whoever must confirm .* has not, or it hangs$/u),
    });
  });
});
