import type { Context } from "@opentelemetry/api";
import type { ReadableSpan, Span, SpanProcessor } from "@opentelemetry/sdk-trace-base";
import { type HookOptions, type HookStep, LedgerHooks } from "./hooks.ts";

// Which span becomes which event, by gen_ai.operation.name (OpenTelemetry semantic conventions for generative AI).
//
//   invoke_agent, invoke_workflow                         task_start when it starts, task_end when it ends
//   chat, generate_content, text_completion, embeddings   llm_call when it ends
//   execute_tool                                          tool_call when it ends
//
//   agent_id     gen_ai.agent.id, else gen_ai.agent.name, else the span's above, else the option
//   session_id   gen_ai.conversation.id, else the span's above, else the option, else the trace id
//   model_used   gen_ai.request.model, else gen_ai.response.model; for tools gen_ai.tool.name
//   input        gen_ai.input.messages (older: gen_ai.prompt); for tools gen_ai.tool.call.arguments
//   output       gen_ai.output.messages (older: gen_ai.completion); for tools gen_ai.tool.call.result
//   flags        audit.human_oversight_flag and audit.risk_flag, ours, where they are true

const TASKS = new Set<unknown>(["invoke_agent", "invoke_workflow"]);
const MODEL_CALLS = new Set<unknown>(["chat", "generate_content", "text_completion", "embeddings"]);
const TOOL_CALL = "execute_tool";

/** Spans that are never ended must not fill the memory: beyond this the oldest is forgotten, and nothing inherits from it. */
const MAX_LIVE_SPANS = 100_000;

interface Identity {
  readonly agent_id: string;
  readonly session_id: string;
}

/**
 * Records spans of the `gen_ai.*` semantic conventions in the ledger.
 *
 * A processor is only shown spans that are recorded: with a sampler other than AlwaysOn, what is not sampled is not in the
 * ledger either. Recording never disturbs the traced program (`failClosed` has no effect here): `failures` counts.
 *
 * @example
 * const ledger = new LedgerSpanProcessor({ agent_id: "reviewer" });
 * const provider = new BasicTracerProvider({ spanProcessors: [ledger] });
 */
export class LedgerSpanProcessor implements SpanProcessor {
  readonly #hooks: LedgerHooks;
  readonly #options: HookOptions;
  readonly #live = new Map<string, Identity>();

  constructor(options: HookOptions) {
    this.#options = options;
    this.#hooks = new LedgerHooks({ ...options, failClosed: false });
  }

  /** How many events have been written. */
  get recorded(): number {
    return this.#hooks.recorded;
  }

  /** How many events could not be written. */
  get failures(): number {
    return this.#hooks.failures;
  }

  onStart(span: Span, _parent: Context): void {
    const identity = this.#identityOf(span);
    if (this.#live.size >= MAX_LIVE_SPANS) {
      const [oldest] = this.#live.keys();
      if (oldest !== undefined) this.#live.delete(oldest);
    }
    this.#live.set(keyOf(span), identity);
    if (TASKS.has(span.attributes["gen_ai.operation.name"])) {
      const { output: _output, ...step } = stepOf(span, identity);
      void this.#hooks.onTaskStart(step);
    }
  }

  onEnd(span: ReadableSpan): void {
    const identity = this.#identityOf(span);
    this.#live.delete(keyOf(span));
    const operation = span.attributes["gen_ai.operation.name"];
    if (TASKS.has(operation)) void this.#hooks.onTaskEnd(stepOf(span, identity));
    else if (MODEL_CALLS.has(operation)) void this.#hooks.onLlmCall(stepOf(span, identity));
    else if (operation === TOOL_CALL) void this.#hooks.onToolCall(stepOf(span, identity));
  }

  forceFlush(): Promise<void> {
    return this.#hooks.flush();
  }

  async shutdown(): Promise<void> {
    this.#live.clear();
    await this.#hooks.close();
  }

  #identityOf(span: ReadableSpan): Identity {
    const parent = span.parentSpanContext;
    const above = parent === undefined ? undefined : this.#live.get(`${parent.traceId} ${parent.spanId}`);
    const known = this.#live.get(keyOf(span));
    const { attributes } = span;
    return {
      agent_id:
        text(attributes["gen_ai.agent.id"]) ??
        text(attributes["gen_ai.agent.name"]) ??
        known?.agent_id ??
        above?.agent_id ??
        this.#options.agent_id,
      session_id:
        text(attributes["gen_ai.conversation.id"]) ??
        known?.session_id ??
        above?.session_id ??
        this.#options.session_id ??
        span.spanContext().traceId,
    };
  }
}

function keyOf(span: ReadableSpan): string {
  const { traceId, spanId } = span.spanContext();
  return `${traceId} ${spanId}`;
}

function text(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function stepOf({ attributes }: ReadableSpan, identity: Identity): HookStep {
  const isTool = attributes["gen_ai.operation.name"] === TOOL_CALL;
  const first = (...names: readonly string[]): unknown =>
    names.map((name) => attributes[name]).find((value) => value !== undefined);
  return {
    ...identity,
    input: isTool ? first("gen_ai.tool.call.arguments") : first("gen_ai.input.messages", "gen_ai.prompt"),
    output: isTool ? first("gen_ai.tool.call.result") : first("gen_ai.output.messages", "gen_ai.completion"),
    model_used: isTool
      ? text(attributes["gen_ai.tool.name"])
      : (text(attributes["gen_ai.request.model"]) ?? text(attributes["gen_ai.response.model"])),
    human_oversight_flag: attributes["audit.human_oversight_flag"] === true,
    risk_flag: attributes["audit.risk_flag"] === true,
  };
}
