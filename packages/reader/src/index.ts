export { CHAIN_COLUMNS, type ChainRow, decodeChainRow, hashedTime } from "./chain/chain-row.ts";
export { type ChainResult, checkChain } from "./chain/check-chain.ts";
export { COPY_LINKS, copyLinks, openLinks } from "./chain/copy-links.ts";
export { AFTER_A_RESTORE, HeadChecker } from "./chain/head-checker.ts";
export { CHAIN_START, LinkChecker, type LinksStart } from "./chain/link-checker.ts";
export { type IsOurs, kindsOfShard } from "./chain/kinds-of-shard.ts";
export { checkRange, lastCut, type Range, type RangeRequest, resolveRange, type Shard } from "./chain/range.ts";
export { blockOfSeq, linksInBlocks } from "./chain/links-in-blocks.ts";
export { sortLinks, streamLinks, type Survey, surveyChain } from "./chain/read-chain.ts";
export { CLOCK_TOLERANCE_MICROS, LOCK_TOLERANCE_MICROS, TimeChecker } from "./chain/time-checker.ts";
export { BOUNDS } from "./database/bounds.ts";
export { BUILTIN_CATALOGS, type BuiltinCatalog } from "./database/builtin/builtin-catalogs.ts";
export {
  type BuiltinManifest,
  type CatalogColumn,
  catalogRelation,
  columnsOf,
} from "./database/builtin/builtin-manifest.ts";
export { CatalogError, CatalogWatch } from "./database/catalog-watch.ts";
export { parseArrayText } from "./database/catalog/array-text.ts";
export { fieldText } from "./database/catalog/field-text.ts";
export { LiveCatalog, type LiveRelation } from "./database/catalog/live-catalog.ts";
export { FIRST_GENERATED_OID, FIRST_NORMAL_OID, FIRST_UNPINNED_OID, isBuiltin } from "./database/catalog/oids.ts";
export { type Fields, flag, readCatalogRows, text, words } from "./database/catalog/read-catalog-rows.ts";
export { readColumnTypes } from "./database/catalog/read-column-types.ts";
export { TypeBoundError } from "./database/catalog/type-description.ts";
export { formatType } from "./database/catalog/type-name.ts";
export { BinaryCopyDecoder, COPY_HEADER, type Field } from "./database/copy/copy-binary.ts";
export { TextCopyDecoder } from "./database/copy/copy-text.ts";
export { Cursor, eachLine, eachTuple } from "./database/copy/cursor.ts";
export { joinCopies } from "./database/copy/join-copies.ts";
export { type Chunks, OpenCopy, openCopy } from "./database/copy/open-copy.ts";
export { Sorter } from "./database/copy/sorter.ts";
export type { Lane, Snapshot } from "./database/lane.ts";
export { ROLES, SETTINGS } from "./database/plan/catalog-forms.ts";
export { type Closed, closedForm, type PlanShape } from "./database/plan/closed-plan.ts";
export { plannedShape, plannedShapes } from "./database/planned-shape.ts";
export { isNode, type Node, NodeTextError, parseNodeText, type Value } from "./database/plan/node-text.ts";
export type { Form } from "./database/plan/parts.ts";
export { NoPlanError, PlanError } from "./database/plan/plan-error.ts";
export { countRows, isWholeScan } from "./database/count-rows.ts";
export { indexForm, scanForm } from "./database/plan/scan-form.ts";
export { readLogEnd, readReplayTime, readSlotStatus, readSystemIdentifier } from "./database/read-server.ts";
export { isRefused, isTransient, reasonOf } from "./database/refused.ts";
export { BLOCK_SETTINGS, type Blocks, type Column, type Relation, type Slice } from "./database/relation.ts";
export { lockAgainstRewriting, lockAllAgainstRewriting, REWRITTEN, wereRewritten } from "./database/rewritten.ts";
export {
  type PlannedSnapshotOptions,
  type SnapshotPlan,
  withPlannedSnapshot,
  withSnapshot,
} from "./database/snapshot.ts";
export { VerifierError, type VerifierErrorCode } from "./finding/errors.ts";
export {
  type CheckName,
  CHECKS,
  compareFindings,
  type Divergence,
  type Finding,
  findingIdentity,
  type CheckGroup,
  CHECK_GROUPS,
  type ReportFinding,
} from "./finding/finding.ts";
export { Findings, MAX_LISTED_PER_CHECK } from "./finding/findings.ts";
export { type PublishedHeads, readPublishedHeads } from "./head-log/read-published-heads.ts";
export {
  afterLine,
  beginningOf,
  erasureOf,
  type HeadLog,
  type HeadLogLine,
  headOf,
  headPartsOf,
  isBeginning,
  isBeginningOf,
  isStatement,
  LOG_START,
  type LogEnd,
  type Publication,
  publicationOf,
  type WholeLine,
  wholeLines,
} from "./head-log/log-lines.ts";
export { keysOf, type KeyTurn, KeyTurns, shortKey } from "./head-log/succession/key-turns.ts";
export type { EarlierLog } from "./head-log/succession/earlier-logs.ts";
export {
  type LogTrust,
  type Offered,
  type OwnBeginning,
  ownBeginning,
  Succession,
} from "./head-log/succession/succession.ts";
export { standingOf } from "./head-log/log-standing.ts";
export { readTile } from "./head-log/read-tile.ts";
export type { TreeScope } from "./head-log/check-tree.ts";
export { newestHeadBefore } from "./head-log/newest-head-before.ts";
export { frontierOf, type PublishedHead, toPublished } from "./head-log/published-head.ts";
export {
  describeServer,
  isNamedOtherwise,
  isOtherCluster,
  type KnownServer,
  parseServer,
  writtenServer,
} from "./head-log/known-server.ts";
export {
  EMPTY_STATE,
  formatState,
  laterState,
  type JoiningColumns,
  type KnownLog,
  parseState,
  type VerifierState,
} from "./head-log/verifier-state.ts";
