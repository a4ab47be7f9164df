// One island: HTML from the server, put in place once per change; links that Streamlit follows without a new page.

export default function ({ parentElement, data }) {
  followLinks();
  const root = parentElement.querySelector(".island");
  if (root.shown !== data.html) {
    root.shown = data.html;
    root.innerHTML = data.html;
    root.onclick = act;
    root.onsubmit = submit;
    root.folds = undefined;
    listenForFinding(root);
    takeSlices(root, location.hash.slice(1));
    jump(root, location.hash.slice(1));
  }
  return () => setTimeout(() => { if (!root.isConnected) leaveSlices(root); }, 1000);
}

// Streamlit's own ways to change the page write two history entries. A pushState and a popstate write one, and Streamlit
// reads page and query from the address. In the capture phase, so that links in shadow roots are seen too.
function followLinks() {
  if (window.plaitFollowsLinks) return;
  window.plaitFollowsLinks = true;
  const push = keepPage();
  document.addEventListener("click", (event) => {
    if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.composedPath().find((node) => node instanceof HTMLAnchorElement);
    if (!link || link.target || link.dataset.jump || link.dataset.leave !== undefined) return;
    if (link.origin !== location.origin || link.hasAttribute("download")) return;
    event.preventDefault();
    event.stopPropagation();
    go(push, link, link.dataset.top !== undefined);
  }, true);
  window.plaitGo = (address) => go(push, new URL(address, location.href));
}

// With `top` the reader goes on at the page's beginning, as on another page: what is left below is of the list before.
function go(push, place, top = false) {
  if (place.href === location.href) return;
  const turned = place.pathname !== location.pathname;
  push(null, "", place.href);
  window.dispatchEvent(new PopStateEvent("popstate", { state: null }));
  if (turned || top) document.querySelector('[data-testid="stMain"]')?.scrollTo(0, 0);
}

// A form that asks (method get) leads to its address as a link would; empty fields are left out of it.
function submit(event) {
  const form = event.target;
  if (form.method !== "get") return;
  event.preventDefault();
  const asked = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
  document.activeElement?.blur();
  window.plaitGo(`${form.getAttribute("action")}${asked.size ? `?${asked}` : ""}`);
}

// Pages change by links and by the browser's buttons alone. A run of a page that was left meanwhile still tells Streamlit
// its page, which would write that page's path before the query of the page gone to: such a write is dropped.
function keepPage() {
  const push = history.pushState.bind(history);
  history.pushState = (state, title, address) => {
    if (new URL(address, location.href).pathname === location.pathname) push(state, title, address);
  };
  return push;
}

function act(event) {
  const root = event.currentTarget;
  if (actOnMessage(root, event) || actOnFinding(root, event)) return;
  const target = event.target.closest("[data-copy], [data-jump], [data-fold], [data-hide], [data-prompt], [data-take], [data-address]");
  if (!target) return;
  const { copy, jump: place, fold, hide, prompt } = target.dataset;
  if (copy) copyText(target, copy);
  if (target.dataset.address !== undefined) copyText(target, location.href);
  if (place) { event.preventDefault(); jump(root, place); }
  if (fold) foldAll(root, fold);
  if (hide) root.querySelector(".messages").classList.toggle(hide, target.checked);
  if (prompt) nextPrompt(root, Number(prompt));
  if (target.dataset.take !== undefined) takeSlices(root, "");
}

async function copyText(button, text) {
  await navigator.clipboard.writeText(text);
  button.classList.add("done");
  setTimeout(() => button.classList.remove("done"), 1200);
}

function foldAll(root, fold) {
  root.folds = fold;
  root.querySelectorAll(".messages details").forEach((part) => { part.open = fold === "open"; });
}

async function jump(root, place) {
  const target = place && await messageAt(root, place);
  if (target) arrive(target);
}

// A slice that is not there yet may hold the prompt that is looked for: it is waited for.
async function nextPrompt(root, direction) {
  const found = [...root.querySelectorAll(".message.user, .slice")];
  const line = (one) => one.getBoundingClientRect().top - parseFloat(getComputedStyle(one).scrollMarginTop);
  const above = found.filter((one) => line(one) < -10);
  const below = found.filter((one) => line(one) > 10);
  const next = direction < 0 ? above.at(-1) : below[0];
  if (next?.matches(".slice")) {
    await taken(root, next);
    nextPrompt(root, direction);
  } else if (next) {
    arrive(next);
  }
}
