/**
 * The exit codes of every command:
 *
 * - `ok`: done; intact.
 * - `tampered`: tampering found: a finished report with a finding, and nothing else ever.
 * - `usage`: wrong usage or configuration.
 * - `failed`: could not do or could not check it; also a crash of our own, and `unproven`.
 * - `differs`: what was asked about differs; says nothing of tampering.
 */
export const EXIT = { ok: 0, tampered: 1, usage: 2, failed: 3, differs: 4 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
