/** How often the long loops go round: `AUDIT_ACCEPTANCE_ROUNDS`, or as often as the test itself asks for. */
export function rounds(usual: number): number {
  const text = process.env["AUDIT_ACCEPTANCE_ROUNDS"];
  if (!text) return usual;
  const wanted = Number(text);
  if (!Number.isSafeInteger(wanted) || wanted < 1)
    throw new Error(`AUDIT_ACCEPTANCE_ROUNDS is ${JSON.stringify(text)}; expected a whole number of at least 1`);
  return wanted;
}
