export { SinkError, type SinkErrorCode } from "./errors.ts";
export { lockFile } from "./file-lock.ts";
export { openSink, openSinks, SINK_DEFAULTS, type SinkOptions } from "./open-sink.ts";
export { type AppendOptions, type Leaves, MAX_LINE_BYTES, type Sink, type SinkLine, type TreeFiles } from "./sink.ts";
export type { Place } from "./place.ts";
export { type SamePlace, sinksThatAreOne } from "./same-place.ts";
export { parseSinkUrl, parseSinkUrls, type SinkAddress } from "./url.ts";
export { TileBuilder, type TreeFile } from "./tiles/tile-builder.ts";
export { treeFilesOf } from "./tiles/tree-folder.ts";
