/** A witness as the specification has it (c2sp.org/tlog-witness), over HTTP on this machine. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  generateSigningKey,
  openNote,
  parseCheckpoint,
  parseNote,
  parseSigner,
  parseVerifierKey,
  signNote,
  verifyConsistency,
} from "@scidex/audit-core";
import { onTestFinished } from "vitest";

/** An answer that a test wants instead of what is right; undefined for the right one. */
export type Instead = (
  response: ServerResponse,
  request: { readonly body: string; readonly right: Right },
) => boolean | Promise<boolean>;

interface Right {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export interface WitnessServer {
  readonly url: string;
  readonly vkey: string;
  /** The old size of each request, and how it was answered. */
  readonly requests: { readonly old: bigint; readonly status: number }[];
  /** What it has cosigned last. */
  readonly tree: () => { size: bigint; root: Uint8Array } | undefined;
  /** Answers otherwise from now on. */
  instead: Instead | undefined;
}

/** @param logVkey the key of the one log that it knows */
export async function startWitness(
  logVkey: string,
  { type = 4, name = "witness.example/w" }: { readonly type?: 4 | 6; readonly name?: string } = {},
): Promise<WitnessServer> {
  const signer = parseSigner(generateSigningKey(name, type).signer);
  const log = parseVerifierKey(logVkey);
  const requests: { old: bigint; status: number }[] = [];
  let tree: { size: bigint; root: Uint8Array } | undefined;

  const answer = (body: string): Right => {
    const plain = (status: number): Right => ({ status, type: "text/plain", body: `${status}\n` });
    const at = body.indexOf("\n\n");
    const [first = "", ...proof] = body.slice(0, at).split("\n");
    const old = BigInt(/^old (0|[1-9]\d*)$/u.exec(first)?.[1] ?? -1n);
    const note = body.slice(at + 2);
    const checkpoint = parseCheckpoint(parseNote(note).text);
    if (checkpoint.origin !== log.name) return plain(404);
    try {
      openNote(note, [log]);
    } catch {
      return plain(403);
    }
    if (old < 0n || old > checkpoint.size) return plain(400);
    if (old !== (tree?.size ?? 0n)) return { status: 409, type: "text/x.tlog.size", body: `${tree?.size ?? 0n}\n` };
    try {
      verifyConsistency({
        oldSize: old,
        oldRoot: tree?.root ?? new Uint8Array(32),
        newSize: checkpoint.size,
        newRoot: checkpoint.root,
        proof: proof.map((line) => new Uint8Array(Buffer.from(line, "base64"))),
      });
    } catch (error) {
      // Every tree extends the empty one.
      if (old !== 0n || proof.length > 0) return plain(422);
      void error;
    }
    tree = checkpoint;
    const time = BigInt(Math.floor(Date.now() / 1_000));
    const cosigned = signNote(parseNote(note).text, [signer], { time }).split("\n\n")[1] ?? "";
    return { status: 200, type: "text/plain", body: cosigned };
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString("utf8");
    const old = BigInt(/^old (\d+)/u.exec(body)?.[1] ?? 0n);
    const isRight = request.method === "POST" && request.url === "/w/add-checkpoint";
    const right = isRight ? answer(body) : { status: 404, type: "text/plain", body: "" };
    requests.push({ old, status: right.status });
    if (server.instead !== undefined && (await server.instead(response, { body, right }))) return;
    response.writeHead(right.status, { "content-type": right.type }).end(right.body);
  };
  const http = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });
  const { port } = http.address() as AddressInfo;
  const server: WitnessServer = {
    url: `http://127.0.0.1:${port}/w`,
    vkey: signer.vkey,
    requests,
    tree: () => tree,
    instead: undefined,
  };
  return server;
}
