/**
 * How the rows of an audited table are linked. `strict`: at commit of the transaction that writes them. `sealed`:
 * afterwards, in batches, by the sealer.
 */
export const CAPTURE_MODES = ["strict", "sealed"] as const;
export type CaptureMode = (typeof CAPTURE_MODES)[number];

/** Whether a text, such as a field of the configuration, names a mode. */
export const isCaptureMode = (text: unknown): text is CaptureMode => CAPTURE_MODES.some((mode) => mode === text);
