export { failurePage } from "./failure-page.ts";
export { type FleetMember, fleetPage } from "./fleet-page.ts";
export { nightsPage } from "./nights-page.ts";
export type { NightsData, PageNight } from "./nights-data.ts";
export { page } from "./page.ts";
export { answerProof, payloadProblem, SALT_FORM, saltOf } from "./proof/answer-proof.ts";
export { proofPage } from "./proof/proof-page.ts";
export { recordedLine } from "./proof/words.ts";
export type {
  FailureData,
  PageChange,
  PageData,
  PageHead,
  PageKind,
  PageOverview,
  PageProof,
  PageProofs,
  PageRecorded,
  PageReport,
  PageSink,
  Status,
} from "./page-data.ts";
