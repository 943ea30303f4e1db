export { page } from "./page.ts";
export type {
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
