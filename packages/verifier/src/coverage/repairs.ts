import { CONFIG_KIND, type Config } from "./config.ts";

/** What a restore without owners and rights leaves behind, and nothing else: nobody has to approve that it was mended. */
const OF_A_RESTORE = ["the owner of ", "missing rights on ", "the role "];

const MAX_SHOWN = 120;

/** What a repair has mended beside what a restore leaves out, in words: each stays a finding until it is approved. */
export const mendedOf = ({ repaired }: Config): string[] =>
  [...repaired]
    .filter(([what]) => !isOfRestore(what))
    .map(([what, was]) => `a repair has mended ${what}, found ${was === "" ? "missing" : `as: ${shortened(was)}`}`);

/** How many owners, rights and roles a repair has put back. */
export const putBackBy = ({ repaired }: Config): number => [...repaired.keys()].filter(isOfRestore).length;

const isOfRestore = (what: string): boolean => OF_A_RESTORE.some((beginning) => what.startsWith(beginning));

const shortened = (text: string): string => {
  const line = text.replaceAll(/\s+/gu, " ").trim();
  return line.length > MAX_SHOWN ? `${line.slice(0, MAX_SHOWN)}…` : line;
};

/**
 * The history of the configuration's own coverage: built in, and with the repairs that are recorded among it. They are
 * believed for what they say of themselves, and change nothing of what is covered.
 */
export const withRepairs = (own: Config, configs: readonly Config[]): Config[] => [
  own,
  ...configs
    .filter(({ kind, action }) => kind === CONFIG_KIND && action === "repair")
    .map(({ id, seq, action, actor, recordedAt, repaired }) => ({
      ...own,
      id,
      seq,
      action,
      actor,
      recordedAt,
      repaired,
    })),
];
