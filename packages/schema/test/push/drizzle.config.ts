import { defineConfig } from "drizzle-kit";
import { AUDIT_TABLES_FILTER } from "../../src/tables-filter.ts";

export default defineConfig({
  dialect: "postgresql",
  schema: ["./test/push/schema.ts", "./test/push/sequences.ts"],
  dbCredentials: { url: process.env["PUSH_URL"] ?? "" },
  ...(process.env["PUSH_UNFILTERED"] === "1" ? {} : { tablesFilter: AUDIT_TABLES_FILTER }),
});
