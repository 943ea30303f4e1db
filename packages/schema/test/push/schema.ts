import { integer, pgTable, text } from "drizzle-orm/pg-core";

/** A service's own table, which knows nothing of the audit chain. */
export const widgets = pgTable("widgets", { id: integer("id").primaryKey(), name: text("name") });
