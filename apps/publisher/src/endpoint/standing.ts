/** How a job's last run ended; null while there was none. */
export type JobStanding = "intact" | "tampered" | "unproven" | "failed" | null;

/** What `/readyz` answers. */
export interface Readiness {
  readonly isReady: boolean;
  readonly jobs: Readonly<Record<"seal" | "publish" | "verify", JobStanding>>;
}

type Job = keyof Readiness["jobs"];

/**
 * How the daemon's jobs stand. It is ready once it has sealed and published, while none of its jobs failed or could prove
 * nothing when it last ran. That a chain was tampered with makes it no less ready: it has found so.
 */
export class Standing {
  readonly #jobs: Record<Job, JobStanding> = { seal: null, publish: null, verify: null };

  note(job: Job, standing: NonNullable<JobStanding>): void {
    this.#jobs[job] = standing;
  }

  read(): Readiness {
    const { seal, publish, verify } = this.#jobs;
    const isReady = [seal, publish, verify ?? "intact"].every((one) => one === "intact" || one === "tampered");
    return { isReady, jobs: { ...this.#jobs } };
  }
}
