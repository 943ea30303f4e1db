// Begins another log, to be killed meanwhile: URL KEYFILE SINK…
import { beginLog } from "../../src/index.ts";
import { runProgram } from "../program.ts";

await runProgram(async (given) => await beginLog({ ...given, reason: "killed" }));
