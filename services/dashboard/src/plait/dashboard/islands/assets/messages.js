// What the buttons of messages do: copy, link, unfold to the whole, and replay an answer at the pace at which it came.

const MESSAGE_ACTS = "[data-text], [data-link], [data-more], [data-replay]";

function actOnMessage(root, event) {
  const target = event.target.closest(MESSAGE_ACTS);
  if (!target) return false;
  const { text, link, more, replay } = target.dataset;
  if (text) copyMessage(target, text);
  if (link) copyText(target, `${location.origin}${location.pathname}${location.search}#${link}`);
  if (more !== undefined) showAll(target);
  if (replay) replayStream(root, Number(replay));
  return true;
}

// The text as it was written, from the record: what is drawn has lost its marks.
async function wholeText(button, place) {
  const request = button.closest("[data-request]").dataset.request;
  const answer = await fetch(`/api/requests/${request}/text?at=${encodeURIComponent(place)}`);
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.text();
}

async function copyMessage(button, place) {
  try {
    await copyText(button, await wholeText(button, place));
  } catch {
    sayFailed(button);
  }
}

async function showAll(button) {
  const block = button.previousElementSibling;
  try {
    if (button.dataset.whole) block.replaceChildren(...plainRuns(await wholeText(button, button.dataset.whole)));
    block.classList.remove("long");
    button.remove();
  } catch {
    sayFailed(button);
  }
}

// Text of any length without a pause: the browser lays out only the runs that are in sight.
const RUN = 20_000;
function plainRuns(text) {
  const runs = [];
  for (let start = 0; start < text.length;) {
    const end = text.length - start <= RUN ? text.length : text.lastIndexOf("\n", start + RUN) + 1;
    const stop = end > start ? end : start + RUN;
    const run = document.createElement("pre");
    run.className = "plain run";
    run.textContent = text.slice(start, stop).replace(/\n$/, "");
    runs.push(run);
    start = stop;
  }
  return runs;
}

function sayFailed(button) {
  button.classList.add("failed");
  button.title = "That did not work: the record could not be read.";
}

// Runs of text appear when they came; `speed` 0 shows all at once.
function replayStream(root, speed) {
  const came = root.querySelector(".came");
  const clock = root.querySelector(".clock");
  const runs = [...came.querySelectorAll("[data-at]")].sort((a, b) => a.dataset.at - b.dataset.at);
  cancelAnimationFrame(came.frame);
  runs.forEach((run) => { run.hidden = speed > 0; });
  clock.textContent = "";
  if (!speed) return;
  const begun = performance.now();
  let next = 0;
  const draw = (now) => {
    const reached = (now - begun) * speed;
    while (next < runs.length && Number(runs[next].dataset.at) <= reached) runs[next++].hidden = false;
    clock.textContent = `${(reached / 1000).toFixed(1)} s`;
    if (next < runs.length && came.isConnected) came.frame = requestAnimationFrame(draw);
  };
  came.frame = requestAnimationFrame(draw);
}

// A message is put in sight until it stays there, for what stands above it grows as it is laid out. Whoever scrolls
// meanwhile is left alone.
const ARRIVING = 3000;
let arrived = 0;
function arrive(target) {
  const mine = ++arrived;
  const until = performance.now() + ARRIVING;
  let gone = false;
  const leave = () => { gone = true; };
  for (const event of ["wheel", "pointerdown", "keydown", "touchstart"]) addEventListener(event, leave, { once: true });
  let still = 0, before;
  const draw = () => {
    if (gone || mine !== arrived || !target.isConnected || still > 20 || performance.now() > until && still > 0) return;
    target.scrollIntoView({ block: "start" });
    const { top } = target.getBoundingClientRect();
    still = top === before ? still + 1 : 0;
    before = top;
    requestAnimationFrame(draw);
  };
  draw();
}
