export { failurePage } from "./failure-page.ts";
export { nightsPage } from "./nights-page.ts";
export type { NightsData, PageNight } from "./nights-data.ts";
export { page } from "./page.ts";
export type {
  FailureData,
  PageChange,
  PageData,
  PageHead,
  PageKind,
  PageOverview,
  PageRecorded,
  PageReport,
  PageSink,
  Status,
} from "./page-data.ts";
