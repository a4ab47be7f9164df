// Find on a page of text: all places are marked, the ones in folded parts too, and shown one after the other.

function findOn(root, words) {
  const place = root.querySelector(".messages");
  root.places = words.trim().length > 1 ? placesOf(place, words.trim().toLowerCase()) : [];
  root.place = -1;
  CSS.highlights?.set("found", new Highlight(...root.places));
  CSS.highlights?.delete("found-now");
  tellFound(root, words);
}

function placesOf(place, words) {
  const found = [];
  const walk = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
  while (walk.nextNode() && found.length < 5000) {
    const text = walk.currentNode.data.toLowerCase();
    for (let at = text.indexOf(words); at >= 0; at = text.indexOf(words, at + words.length)) {
      const range = document.createRange();
      range.setStart(walk.currentNode, at);
      range.setEnd(walk.currentNode, at + words.length);
      found.push(range);
    }
  }
  return found;
}

function tellFound(root, words) {
  const { places, place } = root;
  const told = places.length ? (place < 0 ? `${places.length} found` : `${place + 1} of ${places.length}`) : "nothing found";
  root.querySelector(".finder output").textContent = words.trim().length > 1 ? told : "";
}

function showFound(root, step) {
  const field = root.querySelector("[data-find]");
  if (!root.places?.length) { findOn(root, field.value); }
  if (!root.places.length) return;
  root.place = (root.place + step + root.places.length + (root.place < 0 && step < 0 ? 1 : 0)) % root.places.length;
  const range = root.places[root.place];
  for (let part = range.startContainer.parentElement.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
  CSS.highlights?.set("found-now", new Highlight(range));
  range.startContainer.parentElement.scrollIntoView({ block: "center" });
  tellFound(root, field.value);
}

function listenForFinding(root) {
  root.oninput = (event) => { if (event.target.matches("[data-find]")) findOn(root, event.target.value); };
  root.onkeydown = (event) => {
    if (!event.target.matches("[data-find]") || event.key !== "Enter") return;
    event.preventDefault();
    showFound(root, event.shiftKey ? -1 : 1);
  };
}

function actOnFinding(root, event) {
  const button = event.target.closest("[data-found]");
  if (button) showFound(root, Number(button.dataset.found));
  return Boolean(button);
}
