import { join } from "node:path";
import { context, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { expect, test } from "vitest";
import { hashContent, type LedgerEvent, openLedger, verifyChain } from "../src/index.ts";
import { decodeRow } from "../src/event/event.ts";
import { LedgerSpanProcessor } from "../src/otel.ts";
import { newFolder, secrets } from "./vectors.ts";

async function events(path: string): Promise<LedgerEvent[]> {
  const ledger = openLedger(path, { access: "read" });
  const found: LedgerEvent[] = [];
  await ledger.store.scan({}, (row) => {
    const event = decodeRow(row);
    if (event !== null) found.push(event);
  });
  for (const agent of new Set(found.map((event) => event.agent_id)))
    expect((await verifyChain(ledger, agent, { secrets })).valid).toBe(true);
  await ledger.close();
  return found;
}

test("spans of the GenAI conventions become events of their agent and conversation, other spans do not", async () => {
  const path = join(newFolder(), "ledger.db");
  const processor = new LedgerSpanProcessor({ agent_id: "nobody", db: path, secrets });
  const provider = new BasicTracerProvider({ spanProcessors: [processor] });
  const tracer = provider.getTracer("test");

  const agent = tracer.startSpan("invoke_agent reviewer", {
    attributes: {
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.agent.id": "reviewer",
      "gen_ai.conversation.id": "conv-1",
      "gen_ai.request.model": "model-1",
    },
  });
  const within = trace.setSpan(ROOT_CONTEXT, agent);
  // A span of something else in between passes on who is acting.
  const http = tracer.startSpan("POST", {}, within);
  const call = tracer.startSpan(
    "chat model-1",
    { attributes: { "gen_ai.operation.name": "chat" } },
    trace.setSpan(within, http),
  );
  call.setAttributes({
    "gen_ai.request.model": "model-1",
    "gen_ai.input.messages": '[{"role":"user"}]',
    "gen_ai.output.messages": '[{"role":"assistant"}]',
  });
  call.end();
  http.end();
  const tool = tracer.startSpan(
    "execute_tool search",
    { attributes: { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search" } },
    within,
  );
  tool.setAttributes({ "gen_ai.tool.call.arguments": "{}", "gen_ai.tool.call.result": "[]", "audit.risk_flag": true });
  tool.end();
  agent.setAttribute("audit.human_oversight_flag", true);
  agent.end();
  const alone = tracer.startSpan("embeddings", { attributes: { "gen_ai.operation.name": "embeddings" } });
  alone.end();
  await provider.forceFlush();
  expect({ recorded: processor.recorded, failures: processor.failures }).toEqual({ recorded: 5, failures: 0 });
  await provider.shutdown();
  context.disable();

  const of = { agent_id: "reviewer", session_id: "conv-1" };
  const [start, llm, toolCall, end, embeddings] = await events(path);
  expect(start).toMatchObject({ ...of, operation: "task_start", model_used: "model-1", prev_hmac: null });
  expect(llm).toMatchObject({
    ...of,
    operation: "llm_call",
    model_used: "model-1",
    input_hash: hashContent('[{"role":"user"}]'),
    output_hash: hashContent('[{"role":"assistant"}]'),
    prev_hmac: start?.hmac,
  });
  expect(toolCall).toMatchObject({
    ...of,
    operation: "tool_call",
    model_used: "search",
    risk_flag: true,
    input_hash: hashContent("{}"),
  });
  expect(end).toMatchObject({ ...of, operation: "task_end", human_oversight_flag: true, prev_hmac: toolCall?.hmac });
  expect(embeddings).toMatchObject({
    agent_id: "nobody",
    session_id: alone.spanContext().traceId,
    operation: "llm_call",
  });
});

test("a ledger that cannot be written does not disturb what is traced", async () => {
  const told: string[] = [];
  const processor = new LedgerSpanProcessor({
    agent_id: "a",
    db: "/dev/null/ledger.db",
    secrets,
    failClosed: true,
    log: (message) => void told.push(message),
  });
  const provider = new BasicTracerProvider({ spanProcessors: [processor] });
  const span = provider.getTracer("test").startSpan("chat", { attributes: { "gen_ai.operation.name": "chat" } });
  span.end();
  await provider.forceFlush();
  await provider.shutdown();
  expect({ recorded: processor.recorded, failures: processor.failures, told: told.length }).toEqual({
    recorded: 0,
    failures: 1,
    told: 1,
  });
});
