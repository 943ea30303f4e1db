export { OTHER_APPLICATIONS, type OtherApplication } from "./other-applications.ts";
export { SCIDEX_TABLES, type ScidexTable } from "./scidex-tables.ts";
