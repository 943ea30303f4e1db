import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { copySockets } from "../../../src/database/copy/copy-socket.ts";

interface Message {
  readonly type: string;
  readonly body: string;
}

function message(type: string, body: string): Buffer {
  const header = Buffer.alloc(5);
  header.write(type, "latin1");
  header.writeUInt32BE(4 + body.length, 1);
  return Buffer.concat([header, Buffer.from(body, "latin1")]);
}

function messagesIn(bytes: Buffer): Message[] {
  const messages: Message[] = [];
  for (let at = 0; at < bytes.length;) {
    const next = at + 1 + bytes.readUInt32BE(at + 1);
    messages.push({ type: bytes.toString("latin1", at, at + 1), body: bytes.toString("latin1", at + 5, next) });
    at = next;
  }
  return messages;
}

/** Messages with the data of those that follow one another put together: what joining may not change. */
function meaning(messages: readonly Message[]): Message[] {
  const joined: Message[] = [];
  for (const { type, body } of messages) {
    const last = joined.at(-1);
    if (type === "d" && last?.type === "d") joined[joined.length - 1] = { type, body: last.body + body };
    else joined.push({ type, body });
  }
  return joined;
}

const sockets: Socket[] = [];
let server: Server | undefined;
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server?.close();
  server = undefined;
});

/** A socket that is given these chunks, and what it passes on. */
async function passedOn(chunks: readonly Buffer[]): Promise<Buffer> {
  const options = { host: ["127.0.0.1"], port: [1], path: false };
  const socket = await copySockets(options as unknown as Parameters<typeof copySockets>[0])();
  sockets.push(socket);
  socket.on("error", () => {});
  const passed: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => passed.push(Buffer.from(chunk)));
  // Each in memory of its own, as they come from a connection: they are changed in place.
  for (const chunk of chunks) socket.emit("data", Buffer.from(chunk));
  return Buffer.concat(passed);
}

const CONVERSATION = Buffer.concat([
  message("R", "\0\0\0\0"),
  message("S", "application_name\0x\0"),
  message("H", "\x01\0\x02"),
  message("d", "first row"),
  message("d", ""),
  message("d", "third"),
  message("N", "a notice in between"),
  message("d", "fourth"),
  message("d", "d\0\0\0\x09looks like a message"),
  message("c", ""),
  message("Z", "I"),
]);

test("the data of a COPY is the same wherever it was cut", async () => {
  const expected = meaning(messagesIn(CONVERSATION));
  for (let first = 0; first <= CONVERSATION.length; first++)
    for (let second = first; second <= CONVERSATION.length; second++) {
      const cut = [
        CONVERSATION.subarray(0, first),
        CONVERSATION.subarray(first, second),
        CONVERSATION.subarray(second),
      ];
      expect(meaning(messagesIn(await passedOn(cut)))).toEqual(expected);
    }
});

test("byte by byte, too", async () => {
  const bytes = Array.from(CONVERSATION, (byte) => Buffer.of(byte));
  expect(meaning(messagesIn(await passedOn(bytes)))).toEqual(meaning(messagesIn(CONVERSATION)));
});

test("rows that come together become one message", async () => {
  const rows = Array.from({ length: 100 }, (_, i) => message("d", `row ${i}`));
  expect(messagesIn(await passedOn([Buffer.concat(rows)]))).toHaveLength(1);
});

test("a row that is longer than what is waited for passes through", async () => {
  const long = Buffer.concat([
    message("d", "a"),
    message("d", "x".repeat(200_000)),
    message("d", "b"),
    message("c", ""),
  ]);
  for (const size of [1000, 65_535, 65_536, 131_072]) {
    const chunks = Array.from({ length: Math.ceil(long.length / size) }, (_, i) =>
      long.subarray(i * size, (i + 1) * size),
    );
    expect(meaning(messagesIn(await passedOn(chunks)))).toEqual(meaning(messagesIn(long)));
  }
});

test("it goes to the hosts in turn", async () => {
  server = createServer((socket) => socket.end());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const options = { host: ["127.0.0.1", "127.0.0.1"], port: [1, port], path: false };
  const open = copySockets(options as unknown as Parameters<typeof copySockets>[0]);
  const first = await open();
  sockets.push(first);
  const [error] = await once(first, "error");
  expect((error as NodeJS.ErrnoException).code).toBe("ECONNREFUSED");
  const second = await open();
  sockets.push(second);
  await once(second, "connect");
  expect(second.remotePort).toBe(port);
});

test("an address without a way to it is an error that can be caught", async () => {
  // A broadcast address: connecting fails at once, before anybody who waits for the socket has it.
  const options = { host: ["255.255.255.255"], port: [1], path: false };
  const socket = await copySockets(options as unknown as Parameters<typeof copySockets>[0])();
  sockets.push(socket);
  const [error] = await once(socket, "error");
  expect((error as NodeJS.ErrnoException).code).toMatch(/^E/u);
});
