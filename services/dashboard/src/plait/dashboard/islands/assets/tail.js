// The text of one answer while the model writes it: pieces of its event stream, read as they come.

export default function ({ parentElement, data, setTriggerValue }) {
  const place = parentElement.querySelector(".tail");
  place.ended = () => setTriggerValue("ended", true);
  if (place.shown !== data.id) {
    place.shown = data.id;
    place.stop?.();
    place.querySelector("pre").replaceChildren();
    place.stop = follow(place, data.id);
  }
  return () => setTimeout(() => { if (!place.isConnected) place.stop?.(); }, 1000);
}

function follow(place, id) {
  const source = new EventSource(`/api/requests/${id}/live`);
  const read = reader(place.querySelector("pre"));
  source.addEventListener("piece", (event) => read(JSON.parse(event.data).data));
  source.addEventListener("end", () => { source.close(); place.ended(); });
  source.addEventListener("closed", () => source.close());
  return () => source.close();
}

// Pieces are cut anywhere: lines are put together first. Text is only ever written as text.
function reader(pre) {
  let rest = "";
  return (piece) => {
    const lines = (rest + piece).split("\n");
    rest = lines.pop();
    const low = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 40;
    for (const line of lines) if (line.startsWith("data:")) write(pre, line.slice(5));
    if (low) pre.scrollTop = pre.scrollHeight;
  };
}

function write(pre, text) {
  let event;
  try { event = JSON.parse(text); } catch { return; }
  const { delta, content_block: block } = event;
  if (block?.name) part(pre, "call", `${block.name} `);
  const words = delta?.text ?? delta?.thinking ?? delta?.partial_json;
  if (words) part(pre, delta.text === undefined ? "call" : "", words);
  if (event.type === "content_block_stop") pre.lastChild?.append("\n");
}

function part(pre, kind, words) {
  let last = pre.lastChild;
  if (!last || last.className !== kind || words.endsWith(" ") && kind) {
    last = document.createElement("span");
    last.className = kind;
    pre.append(last);
  }
  last.append(words);
}
