export { SinkError, type SinkErrorCode } from "./errors.ts";
export { openSink, SINK_DEFAULTS, type SinkOptions } from "./open-sink.ts";
export { type AppendOptions, MAX_LINE_BYTES, type Sink, type SinkLine } from "./sink.ts";
export type { Place } from "./place.ts";
export { type SamePlace, sinksThatAreOne } from "./same-place.ts";
export { parseSinkList, parseSinkUrl, type SinkAddress } from "./url.ts";
