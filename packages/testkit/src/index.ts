export { embeddedBinaries } from "./binaries.ts";
export { type EmbeddedOptions, type EmbeddedServer, EMBEDDED_SETTINGS, startEmbedded } from "./embedded-server.ts";
export { TestkitError, type TestkitErrorCode } from "./testkit-error.ts";
