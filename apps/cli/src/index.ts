export { COMMANDS, type CommandEntry } from "./commands.ts";
export { OTHER_APPLICATIONS, type OtherApplication } from "./other-applications.ts";
export { auditChain } from "./program.ts";
export { SCIDEX_TABLES, type ScidexTable } from "./scidex-tables.ts";
