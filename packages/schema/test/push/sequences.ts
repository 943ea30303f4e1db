export { auditChainPendingSequence, auditLogSequence, senateAlertsSequence } from "../../src/sequences.ts";
