// Values of columns before their type changes: at the edges, and at random.
import * as fc from "fast-check";

export const integers = (bits: number) =>
  fc.bigInt({ min: -(2n ** BigInt(bits)), max: 2n ** BigInt(bits) - 1n }).map(String);
export const smallints = { values: ["0", "-1", "7", "-32768", "32767"], more: integers(15) };
export const integers4 = { values: ["0", "-1", "10", "100", "-2147483648", "2147483647"], more: integers(31) };
export const bigints = { values: ["0", "-5", "-9223372036854775808", "9223372036854775807"], more: integers(63) };
const numerics = (whole: number, behind: number) =>
  fc
    .tuple(
      fc.boolean(),
      fc.bigInt({ min: 0n, max: 10n ** BigInt(whole) - 1n }),
      fc.bigInt({ min: 0n, max: 10n ** BigInt(behind) - 1n }),
    )
    .map(([minus, left, right]) => `${minus ? "-" : ""}${left}.${String(right).padStart(behind, "0")}`);
export const cents = {
  values: ["0", "-0.01", "1.5", "1", "NaN", "99999999.99", "-99999999.99", "100"],
  more: numerics(8, 2),
};

export const anyText = fc
  .oneof(fc.string({ unit: "grapheme", maxLength: 30 }), fc.string({ unit: "binary", maxLength: 30 }))
  .map((text) => text.replaceAll("\0", "0"));
export const texts = {
  values: [
    "",
    " ",
    "a",
    "NULL",
    "null",
    "a\\b",
    '"',
    "{}",
    "Zoë",
    "Zoe\u0308",
    "😀😀",
    "日本",
    "line\nline\t",
    "\u00a0",
    "trailing   ",
  ],
  more: anyText,
};
export const labels = { values: ["sad", "ok", "it's", 'a"b', "back\\slash", "Zoë {1,2}", "trailing "] };
/** As many characters of a text. */
export const first = (length: number, text: string): string => Array.from(text).slice(0, length).join("");

export const shortTexts = (length: number) => ({
  values: texts.values.map((text) => first(length, text)),
  more: anyText.map((text) => first(length, text)),
});

const floats = fc.oneof(
  fc.float({ noNaN: true }),
  fc.integer({ min: -149, max: 127 }).map((power) => 2 ** power),
  fc.integer({ min: -(2 ** 26), max: 2 ** 26 }).map(Math.fround),
  fc
    .tuple(fc.integer({ min: 1, max: 99_999 }), fc.integer({ min: -44, max: 33 }))
    .map(([digits, power]) => Math.fround(digits * 10 ** power)),
);
export const reals = {
  values:
    "0 -0 1 0.1 -1.5 NaN Infinity -Infinity 1e-45 1.17549435e-38 3.4028235e+38 16777216 16777215 999999 1000000 123456 1234567 0.0001 0.00001 0.3333333 8388608 4194304.5 9.5e-07 1e15 1e-7 33554432 3.3554432e7 67108864 1e10 5e9 2e-44 8.5e37".split(
      " ",
    ),
  more: floats.map((value) => (Object.is(value, -0) ? "-0" : String(value))),
};

const pad = (value: number, length = 2) => String(value).padStart(length, "0");
const days = fc.tuple(
  fc.integer({ min: 1, max: 294_275 }),
  fc.integer({ min: 1, max: 12 }),
  fc.integer({ min: 1, max: 28 }),
  fc.boolean(),
);
const anyDay = days.map(([year, month, day, isOld]) =>
  isOld
    ? `${pad((year % 4713) + 1, 4)}-${pad(month)}-${pad(day)} BC`
    : `${pad(year % 3 === 0 ? year : year % 3000 || 1, 4)}-${pad(month)}-${pad(day)}`,
);
export const clocks = (digits: number) =>
  fc
    .tuple(fc.integer({ min: 0, max: 86_399 }), fc.integer({ min: 0, max: 10 ** digits - 1 }))
    .map(
      ([second, part]) =>
        `${[Math.floor(second / 3600), Math.floor(second / 60) % 60, second % 60].map((n) => pad(n)).join(":")}${digits === 0 ? "" : `.${pad(part, digits)}`}`,
    );
export const dates = {
  values: [
    "2026-04-28",
    "0044-03-15 BC",
    "4713-01-01 BC",
    "0001-01-01",
    "0001-12-31 BC",
    "294276-12-31",
    "10000-01-01",
    "infinity",
    "-infinity",
    "2000-02-29",
    "0001-02-28 BC",
    "0005-02-28 BC",
  ],
  more: anyDay,
};
export const stamps = (digits: number) => ({
  values: [
    "2026-04-28 12:00:00",
    "1999-12-31 23:59:59",
    "0044-03-15 12:00:00 BC",
    "4714-11-24 00:00:00 BC",
    "294276-12-31 23:59:59",
    "infinity",
    "-infinity",
    "10000-01-01 00:00:00",
    "0001-01-01 00:00:00",
  ],
  more: fc
    .tuple(anyDay, clocks(digits))
    .map(([day, clock]) => (day.endsWith(" BC") ? `${day.slice(0, -3)} ${clock} BC` : `${day} ${clock}`)),
});
/** Times that zones know: around changes of the clocks since 1970, in local time or UTC. */
const CHANGES =
  "1972-01-07 00:44:30;1986-01-01 00:00:00;1996-03-31 01:00:00;2011-12-30 10:00:00;2014-10-25 22:00:00;2018-11-04 03:00:00;2021-03-28 01:00:00;2021-03-28 02:00:00;2021-10-31 01:00:00;2021-10-31 03:00:00;2021-11-07 06:00:00;2021-03-14 07:00:00;2021-04-03 15:00:00;2021-10-02 15:30:00;1970-01-05 00:00:00;2025-12-31 00:00:00;2021-04-04 02:00:00;2021-10-03 02:00:00;2011-12-31 00:00:00;2005-10-30 04:00:00".split(
    ";",
  );
const near = (change: string, seconds: number) =>
  new Date(Date.parse(`${change.replace(" ", "T")}Z`) + seconds * 1000).toISOString().slice(0, 19).replace("T", " ");
export const zoned = {
  values: [
    "infinity",
    "-infinity",
    ...CHANGES.flatMap((change) =>
      [-86_400, -7200, -5400, -3601, -3600, -3599, -1800, -1, 0, 1, 1800, 3599, 3600, 3601, 5400, 7200, 86_400].map(
        (seconds) => near(change, seconds),
      ),
    ).filter((text) => text < "2025-12-31" && text > "1970-01-05"),
  ],
  more: fc
    .tuple(fc.integer({ min: 5 * 86_400, max: 1_767_000_000 }), fc.integer({ min: 0, max: 999_999 }))
    .map(([second, part]) => `${new Date(second * 1000).toISOString().slice(0, 19).replace("T", " ")}.${pad(part, 6)}`),
};

export const uuids = { values: ["6ba7b810-9dad-11d1-80b4-00c04fd430c8"], more: fc.uuid() };
export const bits = fc.array(fc.constantFrom("0", "1"), { maxLength: 12 }).map((all) => all.join(""));
export const arrayOf = (element: fc.Arbitrary<string>) =>
  fc
    .array(
      fc.oneof(
        { weight: 5, arbitrary: element.map((text) => `"${text.replaceAll(/["\\]/gu, String.raw`\$&`)}"`) },
        fc.constant("NULL"),
      ),
      { maxLength: 6 },
    )
    .map((all) => `{${all.join(",")}}`);
export const cidrs = {
  values: [
    "10.0.0.0/8",
    "10.1.2.3/32",
    "0.0.0.0/0",
    "::/0",
    "::1/128",
    "2001:db8::/32",
    "::ffff:1.2.3.4/128",
    "::ffff:1.2.0.0/112",
    "::1.2.3.4/128",
    "fe80::1:0:0:1/128",
    "255.255.255.255/32",
  ],
  more: fc.oneof(
    fc.ipV4().map((ip) => `${ip}/32`),
    fc.ipV6().map((ip) => `${ip}/128`),
  ),
};
