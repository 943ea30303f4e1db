import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An HTTP server on loopback that keeps what it gets, and answers with the statuses given, the last one from then on. */
export interface Listener {
  readonly url: URL;
  readonly received: Received[];
  /** "hang" never answers. */
  answers: (number | "hang")[];
}

export async function listen(...answers: (number | "hang")[]): Promise<Listener> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      received.push({ method, path: url, headers, body });
      const [answer = 200, ...rest] = listener.answers;
      if (rest.length > 0) listener.answers = rest;
      if (answer !== "hang") response.writeHead(answer, answer === 302 ? { Location: "/elsewhere" } : {}).end("seen");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const listener: Listener = { url: new URL(`http://127.0.0.1:${port}/hook/s3cret`), received, answers };
  return listener;
}
