/**
 * How the rows of an audited table are linked. `sealed`, the default: in batches, by the sealer, after their transactions
 * have committed. `strict`: at commit of the transaction that writes them. `stream`: by the capture process, from the write-ahead
 * log, without any trigger on their way in.
 */
export const CAPTURE_MODES = ["sealed", "strict", "stream"] as const;
export type CaptureMode = (typeof CAPTURE_MODES)[number];

/** Whether a text, such as a field of the configuration, names a mode. */
export const isCaptureMode = (text: unknown): text is CaptureMode => CAPTURE_MODES.some((mode) => mode === text);
