import { flag, text } from "@scidex/audit-reader";
import type { PublishedRow } from "./catalog.ts";
import type { ReadRows } from "./read-rows.ts";

/** How the names of our publications begin. */
const PREFIX = "audit_chain";

const SENT = ["pubinsert", "pubupdate", "pubdelete", "pubtruncate"] as const;

/** The tables that publications of ours send. Filters of rows and lists of columns are there since PostgreSQL 15. */
export async function readPublished(read: ReadRows): Promise<PublishedRow[]> {
  const publications = new Map(
    await read("pg_publication", ["oid", "pubname", "pubviaroot", ...SENT], (f) =>
      text(f, 1).startsWith(PREFIX)
        ? ([
            text(f, 0),
            { name: text(f, 1), viaRoot: flag(f, 2), without: SENT.filter((_, i) => !flag(f, i + 3)) },
          ] as const)
        : null,
    ),
  );
  return await read(
    "pg_publication_rel",
    ["prpubid", "prrelid", { slice: "prqual", of: "tree" } as const, "prattrs"],
    (f) => {
      const publication = publications.get(text(f, 0));
      if (publication === undefined) return null;
      const { name, viaRoot, without } = publication;
      const left = [...(f[2] == null ? [] : ["filter"]), ...(f[3] == null ? [] : ["columns"])];
      return { relation: text(f, 1), publication: name, viaRoot, without: [...without, ...left] };
    },
  );
}
