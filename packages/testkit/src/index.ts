export { embeddedBinaries } from "./embedded/binaries.ts";
export { freePort } from "./embedded/free-port.ts";
export { asRole, toDatabase, withoutPassword } from "./connection-url.ts";
export { createDatabase, type DatabaseOptions, type TestDatabase } from "./database.ts";
export {
  type EmbeddedOptions,
  type EmbeddedServer,
  EMBEDDED_SETTINGS,
  startEmbedded,
} from "./embedded/embedded-server.ts";
export { createLogin, type Login, type LoginOptions } from "./login.ts";
export { shareTestServer, testServer } from "./shared-server.ts";
export type { Template } from "./template.ts";
export { SERVER_KINDS, type ServerKind, startTestServer, TEST_SETTINGS, type TestServer } from "./test-server.ts";
export { TestkitError, type TestkitErrorCode } from "./testkit-error.ts";
