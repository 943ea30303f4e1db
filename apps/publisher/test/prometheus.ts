/** A strict reader of Prometheus' text format: throws for everything that the format does not allow. */
export function readPrometheus(text: string): Map<string, number> {
  if (text !== "" && !text.endsWith("\n")) throw new Error("the last line has no line feed");
  const samples = new Map<string, number>();
  const typed = new Set<string>();
  const closed = new Set<string>();
  let current = "";
  for (const line of text.split("\n").slice(0, -1)) {
    if (line === "") continue;
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
    if (comment) {
      const [, kind, name = "", rest] = comment;
      if (kind === "TYPE" && (rest !== "gauge" || typed.has(name))) throw new Error(`TYPE: ${line}`);
      if (kind === "TYPE") typed.add(name);
      if (name !== current) {
        if (closed.has(name)) throw new Error(`the lines of ${name} are not together`);
        closed.add(current);
        current = name;
      }
      continue;
    }
    const label = String.raw`[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"`;
    const [, name = "", labels = "", value = ""] =
      new RegExp(
        String.raw`^([a-zA-Z_:][a-zA-Z0-9_:]*)\{(${label}(?:,${label})*)\} (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$`,
      ).exec(line) ?? [];
    if (name === "" || name !== current || !typed.has(name)) throw new Error(`not a sample of ${current}: ${line}`);
    const series = `${name}{${labels}}`;
    if (samples.has(series)) throw new Error(`twice: ${series}`);
    samples.set(series, Number(value));
  }
  return samples;
}
