// The page: the form to join, the log, the form to speak. What others wrote enters the document
// only as text (textContent), never as markup. The wire is connection.js.

import { Connection, Refused } from "./connection.js";

const LONGEST_LOG = 500; // messages kept in the document
const NEAR = 60; // pixels from the end of the log that are still its end
const PAUSE = 300_000; // ms after which the name is shown again
const STATES = {
  connected: "Connected",
  reconnecting: "Reconnecting…",
  offline: "Offline",
};

const $ = (id) => document.getElementById(id);
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const title = document.title;

let me = null; // my nick, once joined
let connection = null;
let shown = []; // the lines in the log, as they came
let atEnd = true; // whether the reader is at the end of the log
let unread = 0; // lines that came while the page was hidden

// ---- joining and leaving

async function join(nick) {
  const candidate = new Connection(nick, { lines: showLines, state: showState });
  $("join-error").textContent = "";
  let history;
  try {
    history = await candidate.join();
  } catch (error) {
    candidate.leave();
    sessionStorage.removeItem("nick");
    showJoin();
    $("join-error").textContent = reason(error);
    return;
  }
  me = nick;
  connection = candidate;
  sessionStorage.setItem("nick", nick); // this tab joins again by itself when it is reloaded
  localStorage.setItem("nick", nick); // other tabs suggest it
  showRoom();
  showState("connected");
  if (!history) note(`You joined as ${nick}`, new Date());
  connection.run();
}

function leave() {
  connection.leave();
  connection = me = null;
  sessionStorage.removeItem("nick");
  $("log").replaceChildren($("empty"));
  $("empty").hidden = false;
  shown = [];
  showJoin();
}

function showJoin() {
  $("join").hidden = false;
  $("room").hidden = $("leave").hidden = $("state").hidden = true;
  $("nick").value ||= localStorage.getItem("nick") ?? "";
  $("nick").select();
}

function showRoom() {
  $("join").hidden = true;
  $("room").hidden = $("leave").hidden = false;
  $("text").focus();
}

function showState(state) {
  const pill = $("state");
  pill.hidden = !me;
  if (pill.dataset.state === state) return;
  pill.dataset.state = state;
  pill.textContent = STATES[state];
}

// ---- the log

function showLines(lines, history) {
  // A server that has registered this tab anew sends its history again: skip what is here already.
  const earlier = withoutOverlap(shown, lines.slice(0, history));
  const welcome = shown.length ? "You are back" : `You joined as ${me}`;
  const now = new Date();
  for (const line of earlier) showMessage(line, null); // when they were said is not known
  if (earlier.length) note(welcome, now);
  for (const line of lines.slice(history)) showMessage(line, now);
  while ($("log").childElementCount > LONGEST_LOG) $("log").firstElementChild.remove();
  follow();
  if (document.hidden) {
    unread += lines.length - history;
    showUnread();
  }
}

/** What of `earlier` is left when the longest beginning of it that ends `shown` is taken away. */
function withoutOverlap(shown, earlier) {
  for (let length = Math.min(shown.length, earlier.length); length > 0; length--) {
    const end = shown.slice(-length);
    if (end.every((line, index) => line === earlier[index])) return earlier.slice(length);
  }
  return earlier;
}

function showMessage(line, when) {
  const split = line.indexOf(": "); // a nick has no colon
  const nick = line.slice(0, split);
  const message = element("article", "message");
  message.style.setProperty("--hue", hue(nick));
  message.dataset.nick = nick;
  message.dataset.when = when?.getTime() ?? 0;
  message.classList.toggle("own", nick === me);
  message.classList.toggle("more", goesOn($("empty").previousElementSibling?.dataset, message.dataset));
  const face = element("span", "face", [...nick][0].toUpperCase());
  face.setAttribute("aria-hidden", "true");
  const who = element("p", "who", nick === me ? "You" : nick);
  if (when) who.append(" ", time(when));
  const said = element("p", "said", line.slice(split + 2));
  said.dir = "auto";
  message.append(face, who, said);
  $("empty").before(message);
  $("empty").hidden = true;
  shown = [...shown, line].slice(-LONGEST_LOG);
}

/** Whether a message follows one of the same person, so that the name need not be shown again. */
function goesOn(last, next) {
  return last?.nick === next.nick && next.when - last.when < PAUSE;
}

function note(text, when) {
  const line = element("p", "note", `${text} · `);
  line.append(time(when));
  $("empty").before(line);
}

/** Scroll to the end if that is where the reader was, else say that there is more. */
function follow() {
  if (atEnd) scrollToEnd();
  else $("newer").hidden = false;
}

function scrollToEnd() {
  $("log").scrollTop = $("log").scrollHeight;
}

function noteWhereTheReaderIs() {
  const log = $("log");
  atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
  if (atEnd) $("newer").hidden = true;
}

function showUnread() {
  document.title = unread ? `(${unread}) ${title}` : title;
}

// ---- speaking

async function say(text) {
  $("text").value = $("send-error").textContent = "";
  scrollToEnd();
  try {
    await connection.push(text);
  } catch (error) {
    $("text").value ||= text;
    $("send-error").textContent = `Not sent. ${reason(error)}`;
  }
}

// ---- small things

function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function time(when) {
  const made = element("time", "", clock.format(when));
  made.dateTime = when.toISOString();
  made.title = when.toLocaleString();
  return made;
}

function reason(error) {
  return error instanceof Refused ? error.message : "The server can’t be reached. Try again in a moment.";
}

/** The same colour for the same nick on every screen. */
function hue(nick) {
  let sum = 0;
  for (const character of nick) sum = (sum * 31 + character.codePointAt(0)) % 360;
  return sum;
}

// ---- what the reader does

$("join").addEventListener("submit", (event) => {
  event.preventDefault();
  join($("nick").value.trim());
});
$("compose").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (text) say(text);
});
$("leave").addEventListener("click", leave);
$("newer").addEventListener("click", scrollToEnd);
$("log").addEventListener("scroll", noteWhereTheReaderIs);
// The keyboard of a telephone, or an error below, takes room away from the log.
new ResizeObserver(() => atEnd && scrollToEnd()).observe($("log"));
document.addEventListener("visibilitychange", () => {
  unread = 0;
  showUnread();
});

const remembered = sessionStorage.getItem("nick");
if (remembered) join(remembered);
else showJoin();
