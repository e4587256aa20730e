// The wire between the page and the server: joining, pulling for ever, pushing, and coming back
// after the line was cut. Knows nothing of the document; chat.js shows what this reports.
//
// Every pull names the nick and this tab. The server answers such a pull by registering the tab
// if it does not know it (first time, restarted server, dropped for not pulling), and by waiting
// otherwise, so that coming back needs no case of its own. The tab's id keeps two tabs of one
// browser, which share a cookie, from taking each other's messages.

// All in milliseconds. A pull is answered within seconds, so a silent minute is a dead line.
const SILENCE = 60_000;
const FIRST_RETRY = 500;
const LONGEST_RETRY = 15_000;
const PUSH_RETRIES = [300, 1000, 3000];

/** The server understood the request and said no; the message is its reason. */
export class Refused extends Error {}

async function accepted(answer) {
  if (answer.ok) return answer;
  const plain = answer.headers.get("Content-Type")?.startsWith("text/plain");
  const reason = plain ? await answer.text() : `The server answered ${answer.status}.`;
  throw answer.status < 500 ? new Refused(reason) : new Error(reason);
}

export class Connection {
  #pullUrl;
  #pushUrl;
  #report;
  #left = new AbortController();
  #failures = 0;
  #history = 0; // how many lines of history the next answer begins with
  #wake = () => {}; // ends the pause that is running

  /**
   * @param {string} nick
   * @param {{lines: (lines: string[], history: number) => void,
   *          state: (state: "connected" | "reconnecting" | "offline") => void}} report
   */
  constructor(nick, report) {
    const tab = crypto.getRandomValues(new Uint32Array(2)).join("-");
    this.#pullUrl = `chat/pull/${encodeURIComponent(nick)}?tab=${tab}`;
    this.#pushUrl = `chat/push?tab=${tab}`;
    this.#report = report;
    const { signal } = this.#left;
    addEventListener("online", () => this.#wake(), { signal });
    addEventListener("offline", () => report.state("offline"), { signal });
  }

  /**
   * Register with the server and say how many lines of history it is going to send.
   * Throws Refused if it does not want this nick.
   */
  async join() {
    await this.#pull();
    return this.#history;
  }

  /** Pull until leave() is called, however often the line is cut. */
  async run() {
    while (!this.#left.signal.aborted) {
      try {
        if (this.#failures) await this.#probe();
        await this.#pull();
      } catch {
        await this.#backOff();
      }
    }
  }

  /** Say something. Throws Refused if the server does not want it, another error if it is away. */
  async push(text) {
    const post = () => this.#fetch(this.#pushUrl, { method: "POST", body: text });
    let answer = await post();
    for (const pause of PUSH_RETRIES) {
      // A restarted server has not seen this tab yet: have the next pull register it, say it again.
      if (answer.status !== 403) break;
      this.#wake();
      await this.#pause(pause);
      answer = await post();
    }
    await accepted(answer);
  }

  leave() {
    this.#left.abort();
    this.#wake();
  }

  #fetch(url, options) {
    const signal = AbortSignal.any([this.#left.signal, AbortSignal.timeout(SILENCE)]);
    return fetch(url, { cache: "no-store", signal, ...options });
  }

  async #pull() {
    const answer = await accepted(await this.#fetch(this.#pullUrl));
    const lines = (await answer.text()).split("\r\n").slice(0, -1);
    this.#failures = 0;
    this.#report.state("connected");
    const history = this.#history;
    this.#history = Number(answer.headers.get("Chat-History"));
    if (lines.length) this.#report.lines(lines, history);
  }

  // A pull says nothing until there is something to say, so ask for what is answered at once.
  async #probe() {
    await accepted(await this.#fetch("", { method: "HEAD" }));
    this.#report.state("connected");
  }

  async #backOff() {
    if (this.#left.signal.aborted) return;
    this.#report.state(navigator.onLine ? "reconnecting" : "offline");
    const longest = Math.min(FIRST_RETRY * 2 ** this.#failures, LONGEST_RETRY);
    this.#failures += 1;
    // Half of it at random, so that the tabs of a restarted server do not all return at once.
    await this.#pause(longest * (0.5 + Math.random() / 2));
  }

  #pause(milliseconds) {
    return new Promise((resolve) => {
      this.#wake = resolve;
      setTimeout(resolve, milliseconds);
    });
  }
}
