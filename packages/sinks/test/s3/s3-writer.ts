// A process of its own that publishes growing heads into an s3 sink until it is killed: node s3-writer.ts URL STEP
// It goes on after the last line that is there, as a publisher would. Each published size goes to the parent.
import { parseHeadParts } from "@scidex/audit-core";
import { openSink } from "../../src/index.ts";
import { headLine, leaves } from "../tiles/log.ts";

const [url = "", step = "1"] = process.argv.slice(2);
const sink = openSink(url);
let size = 0;
let end = 0;
for await (const line of sink.read()) {
  if (line.defect !== null) continue;
  size = Number(parseHeadParts(line.text).seq);
  end = line.end;
}
for (;;) {
  size += Number(step);
  ({ end } = await sink.append([headLine(size)], { after: end, leaves }));
  process.send?.(size);
}
