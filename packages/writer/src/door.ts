import { placeOf } from "@scidex/audit-core";

/** Where the chain is, for a chain that is not in the schema `public`. */
export interface ChainOptions {
  /** The schema that `audit-chain init --schema` was given. */
  readonly schema?: string | undefined;
}

/**
 * A function of the chain's, with its schema.
 *
 * @throws {CoreError} `place_malformed`
 */
export const door = (name: string, { schema }: ChainOptions): string =>
  `${placeOf(schema === undefined ? {} : { schema }).schema}.audit_chain_${name}`;
