/**
 * Removes credentials from a text that may hold URLs (a sink's URL, what git prints about a remote). It removes
 * everything between `://` and the last `@` before the path, and the values of parameters that are named like secrets.
 */
export function redact(text: string): string {
  return text
    .replaceAll(/(:\/\/)[^\s/'"]*@/g, "$1***@")
    .replaceAll(/(%3A%2F%2F)[^\s/'"&]*?(?:@|%40)/gi, "$1***@")
    .replaceAll(/([?&](?:token|access_token|private_token|password|key)=)[^&\s'"]*/gi, "$1***");
}
