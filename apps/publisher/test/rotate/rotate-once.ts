// Replaces a log's keys, to be killed meanwhile: URL KEYFILE SINK…
import { rotateKey } from "../../src/index.ts";
import { runProgram } from "../program.ts";

await runProgram(rotateKey);
