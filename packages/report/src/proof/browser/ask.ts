/**
 * core computes at once, and WebCrypto answers later. What core asks is a pure function of its input, so it is run until
 * everything that it asks has been answered: at each run one question more is, and a run that lacked an answer counts for
 * nothing, however it ended. A proof of a million leaves asks some thirty times.
 */
interface Question {
  readonly name: string;
  readonly find: () => Promise<unknown>;
}

type Answer = { readonly value: unknown } | { readonly error: unknown };

let answers = new Map<string, Answer>();
let open: Question | undefined;

/**
 * The answer to a question.
 *
 * @param name all that the answer depends on
 * @throws {Error} what `find` threw; or for now, where it has not been asked yet
 */
export function ask<T>(name: string, find: () => Promise<T>): T {
  const answer = answers.get(name);
  if (answer === undefined) {
    open ??= { name, find };
    throw new Error("not answered yet");
  }
  if ("error" in answer) throw answer.error;
  return answer.value as T;
}

/** What `run` returns or throws once all its questions are answered. */
export async function answered<T>(run: () => T): Promise<T> {
  answers = new Map();
  for (;;) {
    open = undefined;
    let result: { readonly value: T } | { readonly error: unknown };
    try {
      result = { value: run() };
    } catch (error) {
      result = { error };
    }
    const question = takeOpen();
    if (question === undefined) {
      if ("error" in result) throw result.error;
      return result.value;
    }
    answers.set(question.name, await answerTo(question));
  }
}

function takeOpen(): Question | undefined {
  const question = open;
  open = undefined;
  return question;
}

async function answerTo({ find }: Question): Promise<Answer> {
  try {
    return { value: await find() };
  } catch (error) {
    return { error };
  }
}
