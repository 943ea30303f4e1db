/** Objects with lower oids are PostgreSQL's own, the same in every server of a version (FirstGenbkiObjectId). */
export const FIRST_GENERATED_OID = 10_000;
/**
 * Objects with lower oids are the server's own, with the same meaning in all databases of a version
 * (FirstUnpinnedObjectId). The server has a table of its own for functions with such oids, and calls them without
 * looking into a catalog.
 */
export const FIRST_UNPINNED_OID = 12_000;
/** Objects with lower oids were made by initdb (FirstNormalObjectId). */
export const FIRST_NORMAL_OID = 16_384;

export const isBuiltin = (oid: string): boolean => Number(oid) < FIRST_GENERATED_OID;
