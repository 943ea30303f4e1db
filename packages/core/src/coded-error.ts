/**
 * What each package's own error class is made of: the reason as a code of a closed list, on which callers switch, and a
 * message for people. Each package has one class, which names itself and its codes:
 *
 *     export class SinkError extends CodedError<SinkErrorCode> {
 *       override readonly name = "SinkError";
 *     }
 */
export abstract class CodedError<Code extends string> extends Error {
  abstract override readonly name: string;
  readonly code: Code;

  /** @param options `cause`: the error that led to this one */
  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
