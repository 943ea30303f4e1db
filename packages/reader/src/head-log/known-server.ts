/** A database, as it can be told from another. */
export interface KnownServer {
  /** Of the cluster, from its initdb: decimal. Null where it could not be read. */
  readonly systemIdentifier: string | null;
  /** The name that was connected to. */
  readonly database: string;
}

/** Which database that is, in words. */
export const describeServer = ({ database, systemIdentifier }: KnownServer): string =>
  `${JSON.stringify(database)} on the server with the system identifier ${systemIdentifier ?? "(unknown)"}`;

/** Whether our URL names another database than it did. A rename in the database does not change that. */
export const isNamedOtherwise = (known: KnownServer, here: KnownServer): boolean => here.database !== known.database;

/** Whether the server says that it is another cluster. One that does not say is taken for the same. */
export const isOtherCluster = (known: KnownServer, here: KnownServer): boolean =>
  known.systemIdentifier !== null && here.systemIdentifier !== null && here.systemIdentifier !== known.systemIdentifier;

/** As it stands in a state file. */
interface WrittenServer {
  readonly system_identifier: string | null;
  readonly database: string;
}

export const writtenServer = ({ systemIdentifier, database }: KnownServer): WrittenServer => ({
  system_identifier: systemIdentifier,
  database,
});

/** Undefined for what is not as `writtenServer` makes it. */
export function parseServer(value: unknown): KnownServer | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (!("system_identifier" in value && "database" in value)) return undefined;
  const { system_identifier: systemIdentifier, database } = value;
  if (systemIdentifier !== null && typeof systemIdentifier !== "string") return undefined;
  return typeof database === "string" ? { systemIdentifier, database } : undefined;
}
