/** Constant text. Room for 16 bytes more is left after each, so that it can be copied in whole vectors. */
const ROOM: usize = memory.data(1024, 16);
let used: usize = 0;

export function ascii(text: string): usize {
  const at = ROOM + used;
  for (let i = 0; i < text.length; i++) store<u8>(at + i, <u8>text.charCodeAt(i));
  used += text.length + 16;
  return at;
}

/** Copies a constant of up to 32 bytes. */
@inline export function put(to: usize, text: usize, length: usize): usize {
  v128.store(to, v128.load(text));
  if (length > 16) v128.store(to, v128.load(text, 16), 16);
  return to + length;
}
