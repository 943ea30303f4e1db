/** Objects with lower oids are PostgreSQL's own, the same in every server of a version (FirstGenbkiObjectId). */
export const FIRST_GENERATED_OID = 10_000;
/** Objects with lower oids were made by initdb (FirstNormalObjectId). */
export const FIRST_NORMAL_OID = 16_384;

export const isBuiltin = (oid: string): boolean => Number(oid) < FIRST_GENERATED_OID;
