// The messages of a long request that come after its page, in slices: those in sight first, then all others, so that
// finding and printing know the whole. Until a slice is there its place keeps the room.

const NEARING = 150;  // milliseconds for which a place must be in sight before it goes before the others

function takeSlices(root, place) {
  leaveSlices(root);
  root.sight = new IntersectionObserver((seen) => near(root, seen));
  const slices = slicesOf(root);
  slices.forEach((slice) => root.sight.observe(slice));
  if (slices.length) take(root, sliceAt(root, place) ?? slices[0]);
}

function leaveSlices(root) {
  root.sight?.disconnect();
  root.taking?.close();
}

const slicesOf = (root) => [...root.querySelectorAll(".slice")];

function sliceAt(root, place) {
  const number = Number(place.slice(1));
  return slicesOf(root).find(({ dataset }) => number >= dataset.first && number <= dataset.last);
}

// One stream at a time; asking anew puts another slice first, and what is there already is passed over.
function take(root, slice) {
  const messages = root.querySelector(".messages");
  const address = `/api/requests/${messages.dataset.request}/messages?from=${slice.dataset.first}`;
  root.taking?.close();
  const source = root.taking = new EventSource(address);
  root.next = slice;
  messages.classList.remove("cut");
  source.addEventListener("slice", (event) => put(root, JSON.parse(event.data)));
  source.addEventListener("end", () => source.close());
  source.addEventListener("closed", () => source.close());
  source.onerror = () => { if (source.readyState === EventSource.CLOSED) messages.classList.add("cut"); };
}

function put(root, { first, html }) {
  const place = root.querySelector(`.slice[data-first="${first}"]`);
  if (!place) return;
  root.sight.unobserve(place);
  place.innerHTML = html;
  if (root.folds) place.querySelectorAll("details").forEach((part) => { part.open = root.folds === "open"; });
  place.replaceWith(...place.childNodes);
  place.there?.();
  if (!root.querySelector(".slice")) leaveSlices(root);
}

function near(root, seen) {
  clearTimeout(root.nearing);
  const slice = seen.find((one) => one.isIntersecting)?.target;
  if (slice) root.nearing = setTimeout(() => prefer(root, slice), NEARING);
}

function prefer(root, slice) {
  if (slice.isConnected && (root.next !== slice || root.taking.readyState === EventSource.CLOSED)) take(root, slice);
}

// The message of an anchor, as soon as it is there; none of a place that no message has.
async function messageAt(root, place) {
  const slice = sliceAt(root, place);
  if (slice) await taken(root, slice);
  return root.querySelector(`[id="${CSS.escape(place)}"]`);
}

function taken(root, slice) {
  prefer(root, slice);
  return new Promise((resolve) => { slice.there = resolve; });
}
