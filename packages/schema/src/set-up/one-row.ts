/** The row of a query that always yields one. */
export function oneRow<T>([row]: readonly T[]): T {
  if (row === undefined) throw new Error("the database returned no row where one is certain");
  return row;
}
