export { type Application, type Ended, type Executables } from "./applications.ts";
export { type DemoResult, type DemoStep, playDemo, type Show } from "./demo.ts";
export { Stage, type StageOptions } from "./stage.ts";
export { type Divergence, type Verdict } from "./verdict.ts";
