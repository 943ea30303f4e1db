export { alertsCommand } from "./alerts-command.ts";
export { AlertFile } from "./memory/alert-file.ts";
export type { Acknowledgement, Alert, AlertMemory, Channel } from "./memory/alert-memory.ts";
export { type AlertSummary, type AlertTable, type AlertTarget } from "./alert-target.ts";
export { type AlertingRun, type AlertOutcome, deliverAlerts } from "./deliver-alerts.ts";
export { describeAlerts } from "./describe-alerts.ts";
export { failuresOf } from "./failures-of.ts";
export { fingerprintOf } from "./memory/fingerprint.ts";
export { parseServiceUrl, request, REQUEST_DEFAULTS, type RequestOptions } from "./webhook/http-request.ts";
export { postIncident } from "./webhook/incident.ts";
export { alertWithoutReport } from "./overdue.ts";
export { type JsonObject, plainJson } from "./memory/plain-json.ts";
export {
  MIN_SECRET_LENGTH,
  SIGNATURE_HEADER,
  TIMESTAMP_HEADER,
  type Webhook,
  type WebhookFormat,
  webhookSignature,
} from "./webhook/webhook.ts";
export { ALERT_FORMAT, REMIND_EVERY, WEBHOOK_ENVIRONMENT, webhookOf } from "./webhook/webhook-option.ts";
