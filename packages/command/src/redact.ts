/** What stands in the place of a secret. */
const HIDDEN = "***";

/**
 * A URL's user and password: everything between `scheme://` and the last `@` before white space, a quote or the
 * next URL. The last, because people forget to percent-encode an `@` or `/` in a password: rather a host too few in
 * a message than a secret too much.
 */
const CREDENTIALS = /([a-z][a-z0-9+.-]*:\/\/)((?:(?![,\s][a-z][a-z0-9+.-]*:)[^\s"'<>`])*)@/gi;

/** Parameters of URLs and of `key=value` connection strings that hold secrets. */
const SECRET_PARAMETER =
  /\b((?:ssl)?password|passwd|passphrase|secret(?:[_-]?access[_-]?key)?|(?:access|auth|session)?[_-]?token|x-amz-(?:signature|credential|security-token)|sig|signature)(\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&;,"'`]+)/gi;

/** A signed-note signing key: `PRIVATE+KEY+name+hash+key`. */
const SIGNING_KEY = /PRIVATE\+KEY\+\S+/g;

/**
 * The text without the passwords, tokens and signing keys in it, fit to be printed. The user's name stays:
 * `postgres://app:***@db/scidex`.
 */
export function redact(text: string): string {
  return text
    .replaceAll(SIGNING_KEY, `PRIVATE+KEY+${HIDDEN}`)
    .replaceAll(CREDENTIALS, (whole, scheme: string, userInfo: string) => {
      const colon = userInfo.indexOf(":");
      return colon === -1 ? whole : `${scheme}${userInfo.slice(0, colon)}:${HIDDEN}@`;
    })
    .replaceAll(SECRET_PARAMETER, `$1$2${HIDDEN}`);
}

/**
 * A whole value that should be a URL, without its password. It need not be a URL, and the password may have white space
 * or quotes in it.
 */
export function redactUrl(url: string): string {
  return redact(url.replace(/^([a-z][a-z0-9+.-]*:\/\/[^:@/?#]*:)[\s\S]*@/i, `$1${HIDDEN}@`));
}
