export { parseCheckGroups } from "./argv.ts";
export { readPolicy, readState, replaceState } from "./files.ts";
export { parseKeys, readKeys } from "./keys.ts";
export { describeReport } from "../report/describe-report.ts";
export { readTrustPolicy } from "./trust-policy.ts";
