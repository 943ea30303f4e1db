/** The option that `publish`, `seal` and `run` share. */
export const MAX_LOCK_IDLE = [
  "--max-lock-idle <age>",
  "how long whoever holds the chain's lock may be idle in his transaction; then he is ended, where this login is a member of pg_signal_backend and pg_read_all_stats",
  "1m",
] as const;
