import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
const FLAGS =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

/** The browser to test with: `AUDIT_TEST_BROWSER`, else the first of the usual names on the path. */
function findBrowser(): string {
  const chosen = process.env["AUDIT_TEST_BROWSER"];
  if (chosen !== undefined && chosen !== "") return chosen;
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const found = folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new Error(
    `These tests need a real Chromium, and there is none of ${NAMES.join(", ")} on the path: apt-get install chromium, or set AUDIT_TEST_BROWSER to the path of one.`,
  );
}

/** A page as a person has it open, with what it did that it must not. */
export interface Opened {
  readonly page: Page;
  /** URLs of requests, other than for the file itself and for what stands in it. */
  readonly requests: readonly string[];
  /** What the console said, and errors of scripts. */
  readonly complaints: readonly string[];
}

/** A browser that opens pages from files, as somebody does who was sent one. */
export class Reader {
  readonly #browser: Browser;
  readonly #folder: string;
  #count = 0;

  private constructor(browser: Browser, folder: string) {
    this.#browser = browser;
    this.#folder = folder;
  }

  static async start(): Promise<Reader> {
    const browser = await chromium.launch({ executablePath: findBrowser(), headless: true, args: FLAGS.split(" ") });
    return new Reader(browser, mkdtempSync(join(tmpdir(), "audit-report-")));
  }

  async open(html: string, options: BrowserContextOptions = {}): Promise<Opened> {
    const file = join(this.#folder, `${++this.#count}.html`);
    writeFileSync(file, html);
    const context = await this.#browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    const page = await context.newPage();
    const url = pathToFileURL(file).href;
    const requests: string[] = [];
    const complaints: string[] = [];
    page.on("request", (request) => {
      if (request.url() !== url && !request.url().startsWith("data:")) requests.push(request.url());
    });
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("dialog", (dialog) => {
      complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    await page.goto(url, { waitUntil: "load" });
    return { page, requests, complaints };
  }

  async close(): Promise<void> {
    await this.#browser.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
