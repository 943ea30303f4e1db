import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { messageOf, PublisherError } from "../errors.ts";
import type { LiveMetrics } from "../metrics/live-metrics.ts";
import { isOwnHost } from "./own-host.ts";

export interface EndpointOptions {
  readonly address: ListenAddress;
  /** Names in Host headers that are ours too, in lower case. */
  readonly names: ReadonlySet<string>;
  readonly metrics: LiveMetrics;
  /** What `/readyz` says. */
  readonly standing: { read(): { readonly isReady: boolean } };
}

/** Where to listen; port 0 takes a free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** What is asked, and nothing else, is a few lines: whoever takes longer for it is cut off. */
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 64;

interface Answer {
  readonly status: number;
  readonly type?: string;
  readonly text: string;
}

/**
 * Serves `/metrics` (Prometheus), `/healthz` (the process answers) and `/readyz` (its jobs do their work) over HTTP. It
 * tells counts, times and states; no key, no text of a row, no message is in them.
 */
export class Endpoint {
  readonly #server: Server;
  readonly #options: EndpointOptions;

  private constructor(options: EndpointOptions) {
    this.#options = options;
    this.#server = createServer(
      { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
      (from, to) => {
        void this.#answer(from).then(
          (answer) => send(to, from.method === "HEAD", answer),
          () => send(to, false, { status: 500, text: "failed\n" }),
        );
      },
    );
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** @throws {PublisherError} `configuration` where the address cannot be taken */
  static async open(options: EndpointOptions): Promise<Endpoint> {
    const endpoint = new Endpoint(options);
    const { host, port } = options.address;
    endpoint.#server.listen(port, host);
    try {
      await once(endpoint.#server, "listening");
    } catch (cause) {
      throw new PublisherError(
        "configuration",
        `--listen ${host}:${port}: ${messageOf(cause)}; give another address, or --listen off`,
        { cause },
      );
    }
    // What goes wrong with one connection must not end the daemon.
    endpoint.#server.on("error", () => undefined);
    return endpoint;
  }

  /** `http://127.0.0.1:9766` */
  get url(): string {
    const { address, family, port } = this.#server.address() as AddressInfo;
    return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer({ method = "", url = "", headers, socket }: IncomingMessage): Promise<Answer> {
    const { names, metrics, standing } = this.#options;
    if (!isOwnHost(headers.host, socket.localAddress, names))
      return { status: 421, text: "this is not the host that you asked for; see --listen-name\n" };
    if (method !== "GET" && method !== "HEAD") return { status: 405, text: "only GET and HEAD\n" };
    switch (url.replace(/\?.*$/s, "")) {
      case "/healthz":
        return { status: 200, text: "ok\n" };
      case "/readyz": {
        const { isReady, ...standings } = standing.read();
        return {
          status: isReady ? 200 : 503,
          type: "application/json",
          text: `${JSON.stringify({ ready: isReady, ...standings })}\n`,
        };
      }
      case "/metrics": {
        const { contentType, text } = await metrics.expose(headers.accept ?? "");
        return { status: 200, type: contentType, text };
      }
      default:
        return { status: 404, text: "there are /metrics, /healthz and /readyz\n" };
    }
  }
}

function send(to: ServerResponse, isHead: boolean, { status, type = "text/plain; charset=utf-8", text }: Answer): void {
  to.writeHead(status, {
    "Content-Type": type,
    "Content-Length": Buffer.byteLength(text),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    ...(status === 405 ? { Allow: "GET, HEAD" } : {}),
  });
  to.end(isHead ? undefined : text);
}
