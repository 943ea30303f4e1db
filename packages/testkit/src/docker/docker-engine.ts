import { existsSync } from "node:fs";
import { request, type RequestOptions } from "node:http";
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * Where a Docker engine answers, or undefined. It is asked directly, in at most two seconds, before anything heavy
 * is loaded. For ways of reaching an engine that take more than a plain request (TLS, ssh, named pipes), the
 * address is returned as it is, for testcontainers to try.
 */
export async function dockerEngine(env: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  for (const address of addresses(env)) {
    const target = requestTarget(address, env);
    if (target === undefined || (await answers(target))) return address;
  }
  return undefined;
}

function addresses(env: NodeJS.ProcessEnv): string[] {
  if (env["DOCKER_HOST"]) return [env["DOCKER_HOST"]];
  const runtime = env["XDG_RUNTIME_DIR"];
  const sockets = [
    "/var/run/docker.sock",
    ...(runtime === undefined ? [] : [join(runtime, "docker.sock"), join(runtime, "podman", "podman.sock")]),
    join(homedir(), ".docker", "run", "docker.sock"),
    join(homedir(), ".docker", "desktop", "docker.sock"),
  ];
  return sockets.filter((path) => existsSync(path)).map((path) => `unix://${path}`);
}

function requestTarget(address: string, env: NodeJS.ProcessEnv): RequestOptions | undefined {
  if (address.startsWith("unix://")) return { socketPath: address.slice("unix://".length) };
  if (!address.startsWith("tcp://") || env["DOCKER_TLS_VERIFY"]) return undefined;
  const { hostname, port } = new URL(address);
  return { host: hostname, port: port || 2375 };
}

function answers(target: RequestOptions): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = request({ ...target, path: "/_ping", timeout: 2000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    ping.on("timeout", () => ping.destroy());
    ping.on("error", () => resolve(false));
    ping.on("close", () => resolve(false));
    ping.end();
  });
}
