export { failurePage } from "./failure-page.ts";
export { page } from "./page.ts";
export type {
  FailureData,
  PageChange,
  PageData,
  PageFinding,
  PageHead,
  PageKind,
  PageOverview,
  PageReport,
  PageSink,
  Status,
} from "./page-data.ts";
