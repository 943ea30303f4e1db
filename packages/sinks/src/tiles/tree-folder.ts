import type { TreeFiles } from "../sink.ts";

/**
 * The folder of a log's tree within a sink that has the trees of several, which follow each other: the first one's stands
 * at the top, and `…/audit-chain/2` has its own in `2`.
 *
 * @param origin undefined for the first log
 */
export const treeFolder = (origin: string | undefined): string => /\/(\d+)$/u.exec(origin ?? "")?.[1] ?? "";

/** The files of a log's tree. @param origin undefined for the first log */
export function treeFilesOf(files: TreeFiles, origin: string | undefined): TreeFiles {
  const folder = treeFolder(origin);
  return folder === "" ? files : { read: async (path) => await files.read(`${folder}/${path}`) };
}
