// What list and map share: elements, exact figures, and the tooltip of a row. All texts are set as texts, never as HTML.

const SVG = "http://www.w3.org/2000/svg";

function make(name, className = "", text = "") {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

function shape(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

const PICTURES = {
  person: "M8 2.4a2.6 2.6 0 1 1 0 5.2 2.6 2.6 0 0 1 0-5.2M2.8 13.6c.5-3 2.6-4.4 5.2-4.4s4.7 1.4 5.2 4.4",
  subtask: "M5 5.5h6a2 2 0 0 1 2 2V11a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V7.5a2 2 0 0 1 2-2M8 5.5V2.3M6 8.7v1.2M10 8.7v1.2",
  compact: "M3 8h10M8 1.8v3.6M6 3.8l2 2 2-2M8 14.2v-3.6M6 12.2l2-2 2 2",
  side: "M3 3v5.5a2 2 0 0 0 2 2h8M10.5 8l2.5 2.5L10.5 13",
};

function picture(name) {
  const drawn = shape("svg", { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true", fill: "none", stroke: "currentColor", "stroke-width": "1.4", "stroke-linecap": "round", "stroke-linejoin": "round" });
  drawn.append(shape("path", { d: PICTURES[name] }));
  return drawn;
}

const exact = (number) => number.toLocaleString("en-US");

// Times of a row in the reader's zone: short for the row, whole for the tooltip.
class Times {
  constructor(zone) {
    const year = new Date().getFullYear();
    const parts = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options });
    const day = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
    this.year = year;
    this.usual = parts(day);
    this.older = parts({ ...day, year: "numeric" });
    this.clock = parts({ hour: "2-digit", minute: "2-digit" });
    this.whole = parts({ weekday: "long", day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" });
  }

  short(row) {
    const at = new Date(row.at);
    const told = (at.getFullYear() === this.year ? this.usual : this.older).format(at).replace(",", "");
    const until = row.until ? this.clock.format(new Date(row.until)) : "";
    return until && !told.endsWith(until) ? `${told}–${until}` : told;
  }

  exact(row) {
    const told = this.whole.format(new Date(row.at));
    return row.until ? `${told} to ${this.whole.format(new Date(row.until))}` : told;
  }
}

function facts(row, branch, times) {
  const [input, read, written, output] = row.used || [];
  return [
    ["Branch", branch.name],
    ["Model", row.model],
    ["Prompt", row.used && `${exact(input + read + written)} tokens · ${exact(read)} from cache, ${exact(written)} written`],
    ["Answer", row.used && `${exact(output)} tokens`],
    ["Tokens", !row.used && row.tokens],
    ["Context", row.context && `${(row.context[0] * 100).toFixed(1)} % · ${row.context[2]}`],
    ["Cost", row.cost],
    ["Messages", row.messages && exact(row.messages)],
    [row.run ? "Answers took" : "Took", row.took],
    ["Time", times.exact(row)],
    ["Error", row.error],
  ].filter(([, value]) => value);
}

// The tooltip: beside the row that is pointed at or focused, never under the pointer, gone with Escape.
class Tip {
  constructor(root) {
    this.root = root;
    this.box = make("div", "tip");
    this.box.id = "tip-of-row";
    this.box.setAttribute("role", "tooltip");
    this.box.hidden = true;
    root.append(this.box);
  }

  show(row, branch, times, near) {
    this.box.replaceChildren(make("p", "", row.text));
    const list = make("dl");
    for (const [name, value] of facts(row, branch, times)) list.append(make("dt", "", name), make("dd", "", value));
    this.box.append(list);
    if (row.run) this.box.append(make("p", "hint", "Click to unfold"));
    this.box.hidden = false;
    this.place(near);
  }

  place(near) {
    const around = this.root.getBoundingClientRect();
    const { width, height } = this.box.getBoundingClientRect();
    const left = Math.min(Math.max(near.x + 16, around.left), innerWidth - width - 12);
    const below = near.bottom + 10;
    const top = below + height > innerHeight - 8 ? near.top - height - 8 : below;
    this.box.style.left = `${Math.max(left, 8) - around.left}px`;
    this.box.style.top = `${Math.max(top, 8) - around.top}px`;
  }

  hide() {
    this.box.hidden = true;
  }
}
