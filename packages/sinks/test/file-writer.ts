// A process of its own that appends: node file-writer.ts URL LINE COUNT LENGTH USER (the line is repeated up to the
// length; the rights are those of the user with that id). With the count "lock" it takes the sink's lock and keeps it. The result goes to the parent as a message, or to stderr.
import { lockFile } from "../src/file-lock.ts";
import { openSink, SinkError } from "../src/index.ts";

const [url = "", text = "", count = "1", length = "1", user = ""] = process.argv.slice(2);
const line = text.repeat(Math.ceil(Number(length) / text.length));
// Only now, when everything has been loaded from folders that this user may not be able to enter.
if (user !== "") process.seteuid?.(Number(user));
const tell = (message: object): void => {
  if (process.send) process.send(message);
  else process.stderr.write(`${JSON.stringify(message)}\n`);
};

if (count === "lock") {
  await lockFile(url.slice("file:".length), { timeoutMs: 1_000, signal: undefined });
  tell({ locked: true });
  setInterval(() => undefined, 1_000);
} else {
  const sink = openSink(url);
  try {
    for (let i = 0; i < Number(count); i += 1) {
      await sink.append([line]);
      if (i === 0) tell({ appended: 1 });
    }
  } catch (error) {
    process.exitCode = 1;
    tell(error instanceof SinkError ? { code: error.code, message: error.message } : { message: String(error) });
  }
  process.disconnect?.();
}
