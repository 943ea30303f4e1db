/** Where the files of trees are written: a folder, or a bucket. A path is relative, with `/` between its parts. */
export interface TreeStore {
  /** A file as messages name it. */
  where(path: string): string;
  /**
   * A file's bytes; undefined where there is none. Of one that is longer than any of the tree, one byte too many.
   *
   * @throws {SinkError} when it cannot be read
   */
  read(path: string): Promise<Uint8Array | undefined>;
  /**
   * Writes a file that never changes. One that is there with these bytes stays, from a run that was cut off. It may be
   * durable only once `settle` has returned, and what goes wrong may be thrown there.
   *
   * @throws {SinkError} `damaged` where it has others
   */
  writeOnce(path: string, bytes: Uint8Array): Promise<void>;
  /**
   * Writes a file in the place of the one that was read last.
   *
   * @throws {SinkError} `conflict` where somebody else has written it since, if the store can tell
   */
  replace(path: string, bytes: Uint8Array): Promise<void>;
  /** Returns when all that was written will be there after a power cut. */
  settle(): Promise<void>;
}

/** The files of a folder within a store; `""` is the store itself. */
export function within(store: TreeStore, folder: string): TreeStore {
  if (folder === "") return store;
  const path = (name: string): string => `${folder}/${name}`;
  return {
    where: (name) => store.where(path(name)),
    read: async (name) => await store.read(path(name)),
    writeOnce: async (name, bytes) => await store.writeOnce(path(name), bytes),
    replace: async (name, bytes) => await store.replace(path(name), bytes),
    settle: async () => await store.settle(),
  };
}

/** Where the files of a tree begin, for messages. */
export const rootOf = (store: TreeStore): string => store.where("").replace(/(.)\/$/u, "$1");
