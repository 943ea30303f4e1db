import type { Sql } from "postgres";

/** An attacker's session; what he runs is kept, so that a trial can be repeated by hand. */
export class Attacker {
  readonly #sql: Sql;
  readonly ran: string[] = [];

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  async read<T>(query: string): Promise<T[]> {
    return (await this.#sql.unsafe(query)) as unknown as T[];
  }

  /** @returns the number of rows that the last statement changed */
  async run(statement: string): Promise<number> {
    const result = await this.#sql.unsafe(statement);
    this.ran.push(statement.length > 2000 ? `${statement.slice(0, 2000)} …` : statement);
    return result.count;
  }

  /** Something that is no SQL: an edit of a file, a program. */
  note(what: string): void {
    this.ran.push(`-- ${what}`);
  }
}
