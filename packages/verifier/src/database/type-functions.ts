/**
 * By oid, the output and send functions of the types that the verifier reads catalogs and the chain by: built into every
 * server since PostgreSQL 14. Whatever a row is sent through stands here, so that these are proven before anything is read.
 */
export const TYPE_FUNCTIONS: Readonly<Record<number, string>> = {
  16: "1243,2437", // bool
  17: "31,2413", // bytea
  18: "33,2435", // "char"
  19: "35,2423", // name
  20: "461,2409", // int8
  21: "39,2405", // int2
  22: "41,2411", // int2vector
  23: "43,2407", // int4
  24: "45,2445", // regproc
  25: "47,2415", // text
  26: "1799,2419", // oid
  28: "51,2441", // xid
  30: "55,2421", // oidvector
  700: "201,2425", // float4
  1002: "751,2401", // "char"[]
  1005: "751,2401", // int2[]
  1009: "751,2401", // text[]
  1021: "751,2401", // float4[]
  1028: "751,2401", // oid[]
  1184: "1151,2477", // timestamptz
  3802: "3804,3803", // jsonb
};
