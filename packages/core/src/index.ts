export { canonicalJson, MAX_CANONICAL_CHARS, MAX_JSON_DEPTH, MAX_JSON_VALUES } from "./canonical.ts";
export { CAPTURE_MODES, type CaptureMode, isCaptureMode } from "./capture-mode.ts";
export {
  blindKeyExpression,
  type CaptureDefinition,
  captureSource,
  keyExpression,
  payloadExpression,
  type PayloadShape,
} from "./capture-source.ts";
export { clientAt, placeOfClient } from "./place/client-at.ts";
export {
  atPlace,
  DEFAULT_PLACE,
  isDefaultPlace,
  type Place,
  placeOf,
  ROLE_NAMES,
  roleAt,
  shippedForm,
} from "./place/place.ts";
export { type Night, NO_NIGHT, parseNightLine, type SignedNight, signNight } from "./night.ts";
export { type Checkpoint, formatCheckpoint, parseCheckpoint } from "./checkpoint.ts";
export { CodedError } from "./coded-error.ts";
export { sqlState } from "./sql-state.ts";
export { type ConnectionLoss, connectionLoss } from "./connection-loss.ts";
export { type Consistency, consistencyProof, consistencyRanges, verifyConsistency } from "./consistency.ts";
export { ConsistencyBuilder } from "./consistency-builder.ts";
export { CoreError, type CoreErrorCode } from "./errors.ts";
export {
  blindKey,
  checkKind,
  eventPk,
  MAX_KIND_BYTES,
  MAX_LINK_KIND_BYTES,
  MAX_LINK_PK_BYTES,
  MAX_PK_BYTES,
  type Role,
  ROLES,
  splitKind,
} from "./event-key.ts";
export {
  appendLeaf,
  emptyFrontier,
  type Frontier,
  FrontierBuilder,
  frontierFromLastLeaf,
  frontierRoot,
  lastLeafProof,
} from "./frontier.ts";
export { fromHex, HASH_BYTES, hashFromHex, sameBytes, sha256, toHex } from "./hash.ts";
export {
  formatHeadLine,
  type Head,
  type HeadParts,
  MAX_HEAD_CHARS,
  parseHeadLine,
  parseHeadParts,
  signHead,
} from "./head.ts";
export {
  hasOtherKeys,
  headTrust,
  type HeadTrust,
  openCheckpoint,
  type SignedBy,
  type SignedCheckpoint,
} from "./head-trust.ts";
export {
  type Inclusion,
  inclusionProof,
  inclusionRanges,
  type LeafRange,
  treeRoot,
  verifyInclusion,
} from "./inclusion.ts";
export {
  generateKeyFile,
  keyFileElsewhere,
  parseKeyFile,
  type PublisherKeys,
  timestampName,
  type Vkeys,
  vkeysOf,
} from "./key-file.ts";
export { jsonInteger } from "./json-integer.ts";
export { type Leaf, leafText, MAX_LEAF_CHARS, MAX_LEAF_SEQ, parseLeaf } from "./leaf.ts";
export { chainHash, type Event, eventHash, GENESIS_PREV_HASH, type Link, MAX_SEQ, nextLink } from "./link.ts";
export { EMPTY_LOG_DIGEST, nextLogDigest } from "./log-digest.ts";
export { emptyRoot, leafHash, MAX_TREE_SIZE, nodeHash } from "./merkle.ts";
export {
  MAX_NOTE_CHARS,
  MAX_NOTE_SIGNATURES,
  type NoteSignature,
  openNote,
  type OpenedNote,
  parseNote,
  type ParsedNote,
  type SignatureLine,
  signNote,
} from "./note.ts";
export {
  generateSigningKey,
  type NoteKey,
  type NoteSigner,
  type NoteVerifier,
  parseSigner,
  parseVerifierKey,
  signingKeyFromSeed,
  vkeyOf,
} from "./note-key.ts";
export { MAX_NAME_BYTES } from "./name.ts";
export type { SignatureType } from "./signature-type.ts";
export { camelForm, jsonForm } from "./json-form.ts";
export {
  elsewhereLine,
  isElsewhere,
  type KeyElsewhere,
  parseElsewhere,
  type Signer,
  withSignatures,
} from "./signer.ts";
export { escapeText, jsonText, UNSAFE_ON_TERMINALS } from "./json-text.ts";
export { type JsonValue, MAX_JSON_CHARS, parseJson, parseMembers } from "./parse-json.ts";
export { payloadHash, SALT_BYTES, saltedHash } from "./payload-hash.ts";
export { type PayloadReading, payloadReadings, readingOf } from "./payload-reading.ts";
export { quotedLiteral, quotedName } from "./sql-text.ts";
export {
  type Beginning,
  beginningTrust,
  isBeginningLine,
  isSignedByEnded,
  parseBeginningLine,
  signBeginning,
} from "./succession/beginning.ts";
export {
  type Begun,
  type EndedLog,
  type LinkRange,
  MAX_MISDATED,
  MAX_REASON_CHARS,
} from "./succession/beginning-text.ts";
export {
  type Erased,
  type Erasure,
  erasureLine,
  isErasureLine,
  parseErasure,
  parseErasureLine,
  signErasure,
} from "./succession/erasure.ts";
export { isBeyond, parseRetiredKeys, type RetiredKey } from "./succession/retired-key.ts";
export { isSuccessor, successorOf } from "./succession/successor.ts";
export { isStatementLine, parseStatementLine, signStatement, type Statement } from "./statement.ts";
export type { LinkId, RecordedAnew } from "./statement-text.ts";
export { TEXT_SETTINGS } from "./text-settings.ts";
export { after as readingAfter, type Reading } from "./type-change/reading.ts";
export { describeTypeChange } from "./type-change/sentence.ts";
export { textsBefore, type TypeChange } from "./type-change/texts-before.ts";
export { textsThrough, typeChanges } from "./type-change/texts-through.ts";
export { textsWritten } from "./type-change/texts-written.ts";
export { formatSeconds, formatTime, parseSeconds, parseTime } from "./time.ts";
export { formatEntryBundle, MAX_BUNDLE_BYTES, parseEntryBundle } from "./tlog/entry-bundle.ts";
export { lastTiles, type Tile, TILE_HEIGHT, TILE_WIDTH, tileAt, tileHashes, tilePath } from "./tlog/tile.ts";
export { rootsFromTiles, tileRoot, tilesOf } from "./tlog/tile-proof.ts";
export { formatTlogProof, MAX_TLOG_PROOF_CHARS, parseTlogProof, type TlogProof } from "./tlog/tlog-proof.ts";
export { formatEventProof, type ProofTrust, type ProvenEvent, verifyProof } from "./tlog/event-proof.ts";
export { type Micros, microsOfMillis, microsOfSeconds, type Seconds, type Seq } from "./units.ts";
export {
  formatAddCheckpoint,
  MAX_WITNESS_ANSWER_BYTES,
  parseCosignatures,
  parseWitnessSize,
} from "./witness/add-checkpoint.ts";
export { withCosignatures } from "./witness/cosigned-head.ts";
export {
  type Cosignature,
  describeMissing,
  type Miscounted,
  requireWitnessed,
  type Witnessed,
  witnessedBy,
} from "./witness/quorum.ts";
export {
  parseTrustPolicy,
  type PolicyGroup,
  type PolicyWitness,
  samePublicKey,
  type TrustPolicy,
} from "./witness/trust-policy.ts";
