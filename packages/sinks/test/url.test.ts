import { describe, expect, it } from "vitest";
import { parseSinkUrls, parseSinkUrl, SinkError } from "../src/index.ts";

const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof SinkError) return error.code;
    throw error;
  }
  return "nothing";
};

describe("a sink's URL", () => {
  it("names a file", () => {
    expect(parseSinkUrl("file:/data/audit/chain_head.log")).toEqual({
      kind: "file",
      name: "file:/data/audit/chain_head.log",
      path: "/data/audit/chain_head.log",
    });
    expect(parseSinkUrl("file:///data/a%2Cb.log")).toMatchObject({ path: "/data/a,b.log" });
  });

  it("names a repository, the log within it, and the remote that counts", () => {
    expect(
      parseSinkUrl("git:/data/scidex-papers?path=logs/audit_chain_head.log&push=origin&branch=audit/heads"),
    ).toEqual({
      kind: "git",
      name: "git:/data/scidex-papers?path=logs/audit_chain_head.log&push=origin&branch=audit/heads",
      repository: "/data/scidex-papers",
      path: "logs/audit_chain_head.log",
      push: "origin",
      branch: "audit/heads",
    });
  });

  it("names a bucket, and what all names in it begin with", () => {
    expect(parseSinkUrl("s3://audit-heads/prod/log/?region=eu-central-1&retention=P10Y6M&mode=governance")).toEqual({
      kind: "s3",
      name: "s3://audit-heads/prod/log",
      bucket: "audit-heads",
      prefix: "prod/log/",
      endpoint: undefined,
      region: "eu-central-1",
      retention: { mode: "GOVERNANCE", years: 10, months: 6, days: 0 },
    });
    expect(parseSinkUrl("s3://audit-heads?endpoint=https://s3.example.org/&retention=P2W1D")).toMatchObject({
      name: "s3://audit-heads?endpoint=https://s3.example.org",
      prefix: "",
      endpoint: "https://s3.example.org",
      retention: { mode: "COMPLIANCE", days: 15 },
    });
    expect(parseSinkUrl("s3://audit-heads/a%2Cb")).toMatchObject({ prefix: "a,b/" });
  });

  it("is shown without credentials", () => {
    const { name } = parseSinkUrl("git:/r?path=h.log&push=https://user:s3cret@example.org/r.git");
    expect(name).toBe("git:/r?path=h.log&push=https://***@example.org/r.git");
    expect(() => parseSinkUrl("git:/r?push=https://user:s3cret@example.org/r.git")).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("s3cret") }),
    );
    expect(() => parseSinkUrl("s3://bucket/log?endpoint=https://user:s3cret@example.org")).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("s3cret") }),
    );
  });

  it.each([
    "",
    "/data/x.log",
    "ftp:/data/x.log",
    "file:relative.log",
    "file://host/x.log",
    "file:/data/",
    "file:/data/../x.log",
    "file:/data/x.log?a=b",
    "file:/data/%zz",
    "git:/r",
    "git:/r?path=",
    "git:/r?path=../x",
    "git:/r?path=/x",
    "git:/r?path=.git/hooks/x",
    "git:/r?path=a&path=b",
    "git:/r?path=a&force=1",
    "git:/r?path=a&push=--upload-pack=x",
    "git:/r?path=a&push=ext::sh",
    "git:/r?path=a&branch=-x",
    "git:/r?path=a&branch=a..b",
    "git:/r?path=a&branch=a%20b",
    "git:/r?path=a&branch=a~1",
    "s3:/bucket/log",
    "s3:bucket",
    "s3:///log",
    "s3://Bucket/log",
    "s3://user:secret@bucket/log",
    "s3://bucket//log",
    "s3://bucket/a/../log",
    "s3://bucket/a%0Ab",
    "s3://bucket/log?secret=x",
    "s3://bucket/log?region=a&region=b",
    "s3://bucket/log?region=",
    "s3://bucket/log?region=a.b/c",
    "s3://bucket/log?endpoint=s3.example.org",
    "s3://bucket/log?endpoint=ftp://s3.example.org",
    "s3://bucket/log?endpoint=https://user:secret@s3.example.org",
    "s3://bucket/log?retention=10Y",
    "s3://bucket/log?retention=P",
    "s3://bucket/log?retention=P0D",
    "s3://bucket/log?retention=PT1H",
    "s3://bucket/log?retention=P101Y",
    "s3://bucket/log?mode=compliance",
    "s3://bucket/log?retention=P1Y&mode=forever",
  ])("that is wrong is refused: %s", (url) => {
    expect(codeOf(() => parseSinkUrl(url))).toBe("url_invalid");
  });

  it("is one of a list, in which no sink appears twice", () => {
    expect(parseSinkUrls(["file:/a/x.log", "git:/r?path=h"]).map(({ name }) => name)).toEqual([
      "file:/a/x.log",
      "git:/r?path=h",
    ]);
    expect(parseSinkUrls([])).toEqual([]);
    expect(codeOf(() => parseSinkUrls(["file:/a/x.log", "file:///a/x.log"]))).toBe("url_invalid");
  });
});
