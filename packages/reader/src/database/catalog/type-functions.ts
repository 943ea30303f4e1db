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
  27: "49,2439", // tid
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

/** The types that columns of catalogs have, by name: their oids, the same in every version. */
export const TYPE_OIDS: Readonly<Record<string, number>> = {
  bool: 16,
  bytea: 17,
  char: 18,
  name: 19,
  int8: 20,
  int2: 21,
  int2vector: 22,
  int4: 23,
  regproc: 24,
  text: 25,
  oid: 26,
  xid: 28,
  oidvector: 30,
  pg_node_tree: 194,
  float4: 700,
  _char: 1002,
  _int2: 1005,
  _text: 1009,
  _float4: 1021,
  _oid: 1028,
  _aclitem: 1034,
  timestamptz: 1184,
  anyarray: 2277,
  pg_lsn: 3220,
  pg_ndistinct: 3361,
  pg_dependencies: 3402,
  pg_mcv_list: 5017,
  _pg_statistic: 10028,
};
