import { randomInt } from "node:crypto";
import type { Sql } from "postgres";
import { VerifierError } from "../finding/errors.ts";
import { BUILTIN_CATALOGS } from "./builtin/builtin-catalogs.ts";
import { type BuiltinManifest, catalogRelation } from "./builtin/builtin-manifest.ts";
import { manifestOf } from "./builtin/builtin-manifest.ts";
import { FIRST_NORMAL_OID } from "./catalog/oids.ts";
import { BinaryCopyDecoder } from "./copy/copy-binary.ts";
import type { LiveCatalog } from "./catalog/live-catalog.ts";
import { typeFunctionsForm } from "./plan/report-forms.ts";
import { scanForm } from "./plan/scan-form.ts";
import { Session } from "./session.ts";
import { TYPE_FUNCTIONS } from "./catalog/type-functions.ts";

/**
 * The catalogs that decide how rows reach the verifier were changed, or are not what they must be: nothing that was
 * read meanwhile is to be believed.
 */
export class CatalogError extends Error {
  override readonly name = "CatalogError";
  readonly expected: string;
  readonly actual: string;
  /** Whether somebody was changing them: lawful maintenance may do so, and is over some time. */
  readonly isChanging: boolean;

  constructor(message: string, expected: string, actual: string, isChanging = false) {
    super(message);
    this.expected = expected;
    this.actual = actual;
    this.isChanging = isChanging;
  }
}

/** Rows of one catalog: an order-independent sum over those that are PostgreSQL's own, and others' versions by oid. */
interface Versions {
  readonly sum: number;
  readonly others: ReadonlyMap<number, number>;
}

/**
 * Whether a statement that calls only PostgreSQL's own functions has failed as only another function can fail. Such a
 * function is missing, is not of its type, raises something, or returns what it may not. A missing right, too little
 * time or memory, and a damaged page are other matters.
 */
const isSpoilt = (error: unknown): error is Error =>
  error instanceof Error &&
  error.name === "PostgresError" &&
  "code" in error &&
  /^(?:0A|2[1-7]|39|42(?!501)|P0|XX000)/u.test(String(error.code));

/** Oids of the languages internal and C. */
const COMPILED = new Set([12, 13]);

/** Catalogs with rows of others that can matter: a type, and what sends it. */
const WITH_OTHERS = new Set(["pg_type", "pg_proc"]);

/**
 * Watches the catalogs from before the snapshot until after the last row. Each statement on its own connection sees
 * what is committed at that moment, as the server does when it looks up a type or a function. The snapshot does not see
 * it: somebody could change a row between two statements, and put it back. A changed row has another `xmin`, also when
 * it was put back.
 */
export class CatalogWatch {
  readonly #session: Session;
  readonly #manifest: BuiltinManifest;
  readonly #before: ReadonlyMap<string, Versions>;
  readonly #used = new Set<number>();

  private constructor(session: Session, manifest: BuiltinManifest, before: ReadonlyMap<string, Versions>) {
    this.#session = session;
    this.#manifest = manifest;
    this.#before = before;
  }

  /**
   * Proves the functions of the types that catalogs are read by, and takes note of all rows.
   *
   * @param ended rejects where it is to be broken off
   * @throws {CatalogError | PlanError | VerifierError} `server_unknown`
   */
  static async begin(options: Sql["options"], ended: Promise<never>): Promise<CatalogWatch> {
    const session = await Session.open(options, ended);
    try {
      return await Promise.race([CatalogWatch.#begin(session), session.lost, ended]);
    } catch (error) {
      await session.close();
      if (!isSpoilt(error)) throw error;
      throw new CatalogError(
        `the server cannot run what every server can run: ${error.message}`,
        "nothing but functions of PostgreSQL's own",
        error.message,
      );
    }
  }

  static async #begin(session: Session): Promise<CatalogWatch> {
    const manifest = await manifestOf(session.majorVersion);
    const types = catalogRelation(manifest, "pg_type");
    for (const [oid, expected] of Object.entries(TYPE_FUNCTIONS)) {
      const actual = await session.report(typeFunctionsForm(types, Number(oid)));
      if (actual !== expected) throw lyingType(oid, expected, actual);
    }
    return new CatalogWatch(session, manifest, await readVersions(session, manifest));
  }

  /** Rejects when its connection is lost, or ended because of a plan. */
  get lost(): Promise<never> {
    return this.#session.lost;
  }

  /**
   * Proves that types are sent by the functions that the snapshot's catalog says, past the functions themselves.
   *
   * @throws {CatalogError | PlanError}
   */
  async prove(catalog: LiveCatalog, types: Iterable<string>): Promise<void> {
    const relation = catalogRelation(this.#manifest, "pg_type");
    const ofBases = new Map<number, string>();
    for (const oid of types) {
      if (this.#used.has(Number(oid)) || Object.hasOwn(TYPE_FUNCTIONS, oid)) continue;
      const expected = catalog.functionsOf(oid);
      if (expected === undefined) continue;
      if (Number(oid) >= FIRST_NORMAL_OID) {
        const own = catalog.ownFunctionsOf(oid);
        if (own !== undefined && own !== expected) throw lyingType(oid, own, expected);
        for (const f of own === undefined ? expected.split(",") : []) ofBases.set(Number(f), oid);
      }
      const actual = await this.#session.report(typeFunctionsForm(relation, Number(oid)));
      if (actual !== expected) throw lyingType(oid, expected, actual);
      this.#used.add(Number(oid));
      for (const f of expected.split(",")) this.#used.add(Number(f));
    }
    await this.#proveLanguages(ofBases);
  }

  /** Base types that are not PostgreSQL's own are an extension's, with functions in C. */
  async #proveLanguages(functions: ReadonlyMap<number, string>): Promise<void> {
    if (functions.size === 0) return;
    const form = scanForm(catalogRelation(this.#manifest, "pg_proc"), ["oid", "prolang"]);
    await this.#session.rows(form, 2, ([oid, language]) => {
      const number = oid?.length === 4 ? oid.readUInt32BE() : 0;
      const type = functions.get(number);
      if (type !== undefined && !COMPILED.has(language?.length === 4 ? language.readUInt32BE() : 0))
        throw lyingType(type, "written in C", `${number}, which is written in another language`);
      return null;
    });
  }

  /**
   * Looks whether anything was changed meanwhile.
   *
   * @throws {CatalogError | PlanError}
   */
  async end(): Promise<void> {
    const after = await readVersions(this.#session, this.#manifest);
    for (const [name, { sum, others }] of this.#before) {
      const now = after.get(name);
      const isSame = now?.sum === sum && [...this.#used].every((oid) => others.get(oid) === now.others.get(oid));
      if (!isSame)
        throw new CatalogError(
          `rows of pg_catalog.${name} were changed while the verifier was reading, so that what it has read cannot be believed`,
          "the same rows at the end",
          "others",
          true,
        );
    }
  }

  async close(): Promise<void> {
    await this.#session.close();
  }
}

const lyingType = (oid: string, expected: string, actual: string): CatalogError =>
  new CatalogError(
    `the type ${oid} is sent by functions that are not its own, so that nothing of that type can be believed`,
    `the functions ${expected}`,
    actual === "" ? "no such type" : `the functions ${actual}`,
  );

/** A row that was changed has another version (`xmin`), also where it was changed back. */
async function readVersions(session: Session, manifest: BuiltinManifest): Promise<Map<string, Versions>> {
  const versions = new Map<string, Versions>();
  for (const { name, of } of BUILTIN_CATALOGS) {
    let sum = 0;
    const others = new Map<number, number>();
    const chunks = await session.copy(scanForm(catalogRelation(manifest, name), [of, "xmin"]), "binary");
    const decoder = new BinaryCopyDecoder(2);
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next())
      decoder.pushBytes(next.value, (data, from, to) => {
        const [oid, version] =
          to - from === ROW_BYTES ? [data.readUInt32BE(from + 4), data.readUInt32BE(from + 12)] : [0, 0];
        if (oid < FIRST_NORMAL_OID) sum = (sum + keyed(oid, version)) % SUMS;
        else if (WITH_OTHERS.has(name)) others.set(oid, version);
      });
    if (!decoder.ended) throw new VerifierError("protocol", `the server broke off in the middle of ${name}`);
    versions.set(name, { sum, others });
  }
  return versions;
}

/** Two fields of 4 bytes, each behind its length. */
const ROW_BYTES = 16;
/** Sums stay below 2^52, where numbers are exact. */
const SUMS = 2 ** 52;
/** New in each process: nobody can choose versions of rows whose sums are equal. */
const [SEED, OTHER_SEED] = [randomInt(2 ** 32), randomInt(2 ** 32)];

/** A number of 52 bits made of a row's oid and version (multiplicative, 32 bits and 20), of which two are hardly ever equal. */
function keyed(oid: number, version: number): number {
  let low = SEED;
  let high = OTHER_SEED;
  for (const word of [oid, version]) {
    low = Math.imul(low ^ word ^ (low >>> 15), 0x9e3779b1);
    high = Math.imul(high ^ word ^ (high >>> 13), 0x85ebca6b);
    low = Math.imul(low ^ (low >>> 16), 0x85ebca6b);
    high = Math.imul(high ^ (high >>> 16), 0x9e3779b1);
  }
  return (low >>> 0) + (high >>> 12) * 2 ** 32;
}
