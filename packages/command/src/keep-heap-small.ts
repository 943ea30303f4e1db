import { setFlagsFromString } from "node:v8";

/**
 * For a verification, before it begins. What it allocates is forgotten at once, and yet V8 lets the part of the heap
 * for young objects grow to 64 MB. Without that growth 4 million rows take 173 MB instead of 235 MB, and as long. Other
 * work can take 9 % longer (Node.js 24).
 */
export function keepHeapSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}
