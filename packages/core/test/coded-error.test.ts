import { expect, it } from "vitest";
import { CodedError } from "../src/index.ts";

class KettleError extends CodedError<"dry" | "cold"> {
  override readonly name = "KettleError";
}

it("an error of a package has its class, name, code, message and cause", () => {
  const cause = new Error("no water");
  const error = new KettleError("dry", "fill the kettle", { cause });
  expect(error).toBeInstanceOf(KettleError);
  expect(error).toBeInstanceOf(CodedError);
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ name: "KettleError", code: "dry", message: "fill the kettle", cause });
  expect(String(error)).toBe("KettleError: fill the kettle");
});

it("an error without a cause has no property of that name", () => {
  expect(new KettleError("cold", "wait")).not.toHaveProperty("cause");
});
