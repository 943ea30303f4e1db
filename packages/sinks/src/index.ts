export { SinkError, type SinkErrorCode } from "./errors.ts";
export { openSink, SINK_DEFAULTS, type SinkOptions } from "./open-sink.ts";
export { type AppendOptions, MAX_LINE_BYTES, type Sink, type SinkLine } from "./sink.ts";
export { type Place, type SamePlace, sinksThatAreOne } from "./place.ts";
export { parseSinkList, parseSinkUrl, type SinkAddress } from "./url.ts";
