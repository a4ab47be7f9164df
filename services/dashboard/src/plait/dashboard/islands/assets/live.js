// What happens now: one stream of events a tab, closed while the tab is hidden; a page says what it wants to hear of.
// Draws a line that says how much is new, or asks for the page anew when things have settled.

const SETTLED = 700;      // milliseconds without an event after which the page is made anew
const AT_LATEST = 4000;   // … or after so long, however many come

export default function (component) {
  const { parentElement, data } = component;
  const place = parentElement.querySelector(".live");
  place.component = component;
  const wanted = JSON.stringify(data);  // another one with each run of the script, as `drawn` is its time
  if (place.wanted !== wanted) {
    place.wanted = wanted;
    fresh(place);
  }
  place.querySelector("button").onclick = () => ask(place);
  listen(place, data);
  return () => setTimeout(() => { if (!place.isConnected && window.plaitLive?.place === place) stop(); }, 1000);
}

function listen(place, data) {
  const asked = new URLSearchParams(Object.entries(data.about).filter(([, value]) => value));
  const address = `/api/live${asked.size ? `?${asked}` : ""}`;
  const live = window.plaitLive ??= watch();
  live.place = place;
  live.names = data.names;
  if (live.address !== address) { live.address = address; start(); }
}

function watch() {
  document.addEventListener("visibilitychange", start);
  return {};
}

function start() {
  const live = window.plaitLive;
  live.source?.close();
  live.source = null;
  if (document.hidden || !live.address) { live.missed = Boolean(live.address); return; }
  const source = live.source = new EventSource(live.address);
  for (const name of live.names) source.addEventListener(name, (event) => heard(live.place, JSON.parse(event.data)));
  source.addEventListener("reset", () => missed(live.place));
  source.addEventListener("closed", (event) => { if (JSON.parse(event.data).reason === "logged out") logIn(); });
  source.onopen = () => {
    live.place?.classList.add("open");
    if (live.missed) missed(live.place);
    live.missed = false;
  };
  source.onerror = () => {
    live.missed = true;
    live.place?.classList.remove("open");
    if (source.readyState === EventSource.CLOSED) again(source);
  };
}

// The browser connects again by itself after a break, but not after a refusal: logged out, or the front is starting.
async function again(source) {
  const answer = await fetch("/api/session").catch(() => null);
  if (answer?.status === 401) logIn();
  else setTimeout(() => { if (window.plaitLive.source === source) start(); }, 5000);
}

function logIn() {
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
}

function stop() {
  const live = window.plaitLive;
  live.source?.close();
  Object.assign(live, { source: null, address: "", place: null });
}

function heard(place, news) {
  if (!place || place.component.data.mode === "quiet") return;
  place.news.add(news.conversationId ?? news.requestId ?? "");
  if (place.component.data.mode === "follow") settle(place);
  else say(place);
}

// While the tab was hidden or the connection broken, something may have happened that nobody told.
function missed(place) {
  if (!place || place.component.data.mode === "quiet") return;
  place.unsure = true;
  if (place.component.data.mode === "follow") settle(place);
  else say(place);
}

function settle(place) {
  place.first ??= performance.now();
  clearTimeout(place.timer);
  place.timer = setTimeout(() => ask(place), Math.min(SETTLED, Math.max(0, place.first + AT_LATEST - performance.now())));
}

function ask(place) {
  clearTimeout(place.timer);
  place.first = undefined;
  fresh(place);
  place.component.setTriggerValue("asked", true);
}

function fresh(place) {
  place.news = new Set();
  place.unsure = false;
  say(place);
}

function say(place) {
  const { noun, nouns, mode } = place.component.data;
  place.classList.toggle("quiet", mode === "quiet");
  const many = place.news.size;
  const button = place.querySelector("button");
  button.hidden = mode === "follow" || (many === 0 && !place.unsure);
  button.textContent = many ? `${many} new or changed ${many === 1 ? noun : nouns}: show` : "Show what is new";
}
