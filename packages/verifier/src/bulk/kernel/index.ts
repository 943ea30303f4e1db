/** The kernel: what a verification does for every row. Everything is exported that the host uses; see ../kernel.ts. */
export { FILTER, INPUT, INPUT_BYTES, KINDS, LEAVES, MAX_ROWS, MEMBERS, MEMBERS_BYTES, TAGS } from "./memory";
export { checkLinks, hasPrevious, lastRow, nextSeq, PREVIOUS, setHasPrevious, setLimits, setNextSeq, setWork, stopped, vouched } from "./chain";
export { addColumn, addRows, marked, markKey, resetRows, rowsStopped, setKeyColumns, setKind } from "./rows";
export { addKeys, countKey, keys, keysStopped, keySum0, keySum1, resetKeys } from "./keys";
export { addEvent, kindOf, kinds, resetKinds, tagKey } from "./kinds";
export { addTags, makeFilter } from "./filter";
export { subtreeRoot } from "./tree";
export { TAG_KEY } from "./tag";
export { hashLanes, DIGESTS, pad } from "./sha256";
export { addTuples, resetTuples, tuples, tuplesStopped, tupleSum0, tupleSum1 } from "./tuples";
