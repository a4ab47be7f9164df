// The tree as a list, as `git log --graph` draws it. Only rows in sight are in the document: a row is made from data when
// it comes near, and dropped when it is far. The page itself scrolls.

const NARROW = 46; // rem, as in the style sheet
const ROW = 2.3;
const TALL = 4.6; // rem, of a row on a phone
const BEYOND = 14; // rows kept above and below what is in sight

export default function ({ parentElement, data }) {
  const root = parentElement.querySelector(".island");
  root.list ??= new List(root);
  root.list.show(data);
  return root.list.listen();
}

class List {
  constructor(root) {
    this.root = root;
    this.heads = make("div", "heads");
    this.heads.setAttribute("aria-hidden", "true");
    for (const [name, className] of [["", ""], ["", ""], ["", ""], ["Context", "context"], ["Tokens", "number"], ["Duration", "number"], ["Start", "number"]])
      this.heads.append(make("span", className, name));
    this.body = make("ol", "tree");
    root.replaceChildren(this.heads, this.body);
    this.tip = new Tip(root);
    this.rows = new Map();
    this.current = 0;
  }

  show(data) {
    const told = JSON.stringify(data);
    if (told === this.told) return;
    this.told = told;
    this.data = data;
    this.times = new Times(data.zone);
    this.order = data.rows.map((_, n) => n);
    if (data.newest) this.order.reverse();
    this.place = new Array(data.rows.length);
    this.order.forEach((n, place) => { this.place[n] = place; });
    this.current = Math.min(this.current, Math.max(data.rows.length - 1, 0));
    const gutter = Math.min(data.list.lanes * 1.15 + 0.6, 14);
    this.root.style.setProperty("--gutter", `${gutter}rem`);
    this.body.classList.toggle("newest", Boolean(data.newest));
    this.body.setAttribute("aria-label", `${data.rows.length} rows`);
    this.clear();
    this.draw();
  }

  listen() {
    const draw = () => { this.tip.hide(); this.draw(); };
    const resize = new ResizeObserver(() => { this.resized(); });
    document.addEventListener("scroll", draw, { capture: true, passive: true });
    window.addEventListener("resize", draw);
    resize.observe(this.body);
    const on = { pointerover: (e) => this.point(e), pointerout: (e) => this.leave(e), keydown: (e) => this.key(e), focusin: (e) => this.focused(e), focusout: () => { this.focus = null; this.tip.hide(); } };
    for (const [name, act] of Object.entries(on)) this.body.addEventListener(name, act);
    return () => {
      document.removeEventListener("scroll", draw, { capture: true });
      window.removeEventListener("resize", draw);
      resize.disconnect();
      clearTimeout(this.soon);
      for (const [name, act] of Object.entries(on)) this.body.removeEventListener(name, act);
    };
  }

  resized() {
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const height = rem * (this.body.clientWidth < NARROW * rem ? TALL : ROW);
    if (height !== this.height) this.clear();
    this.height = height;
    this.body.style.height = `${this.height * this.order.length + 8}px`;
    this.draw();
  }

  clear() {
    for (const row of this.rows.values()) row.remove();
    this.rows.clear();
    if (this.height) this.body.style.height = `${this.height * this.order.length + 8}px`;
  }

  draw() {
    if (!this.height) return;
    const top = this.body.getBoundingClientRect().top;
    const first = Math.max(Math.floor(-top / this.height) - BEYOND, 0);
    const last = Math.min(Math.ceil((innerHeight - top) / this.height) + BEYOND, this.order.length) - 1;
    for (const [place, row] of this.rows)
      if ((place < first || place > last) && !row.contains(this.focus)) { row.remove(); this.rows.delete(place); }
    for (let place = first; place <= last; place++) if (!this.rows.has(place)) this.add(place);
    if (!this.rows.has(this.place[this.current]) && this.order.length) this.keepReachable(Math.min(first + BEYOND, last));
  }

  // One row can be reached by the Tab key: that which was last walked to, or one in sight where that is far away.
  keepReachable(place) {
    this.current = this.order[place];
    this.rows.get(place).firstChild.tabIndex = 0;
  }

  add(place) {
    const n = this.order[place];
    const row = this.row(n);
    const item = make("li");
    item.style.transform = `translateY(${place * this.height + 4}px)`;
    item.setAttribute("aria-setsize", this.order.length);
    item.setAttribute("aria-posinset", place + 1);
    item.append(row);
    this.rows.set(place, item);
    const after = this.rows.get(place + 1);
    if (after) after.before(item); else this.body.append(item);
  }

  row(n) {
    const row = this.data.rows[n];
    const branch = this.data.branches[row.branch];
    const link = make("a", `b${branch.colour} ${row.who || "quiet"}${row.run ? " run" : ""}`);
    link.href = row.href;
    link.dataset.row = n;
    link.tabIndex = n === this.current ? 0 : -1;
    link.append(this.gutter(n, row), this.what(row, branch), this.badges(row), this.context(row), make("span", "number tokens", row.tokens || ""), make("span", "number took", row.took || ""), make("span", "number when", this.times.short(row)));
    return link;
  }

  gutter(n, row) {
    const { lanes, lines } = this.data.list;
    const box = make("span", "gutter");
    const drawn = shape("svg", { viewBox: `0 0 ${lanes} 100`, preserveAspectRatio: "none", "aria-hidden": "true" });
    let lane = 0;
    for (const line of lines) {
      const [of, own, first, last, fork] = line;
      if (of === row.branch) lane = own;
      if (n > last || n < (fork ?? first)) continue;
      const branch = this.data.branches[of];
      drawn.append(shape("path", { d: stroke(n, line), class: `b${branch.colour}${branch.kind === "subtask" ? " dashed" : ""}` }));
    }
    const node = make("span", `node ${row.who || ""} ${row.state || ""}${row.run ? " run" : ""}`);
    node.style.left = `calc(.4rem + (100% - .8rem) * ${(lane + 0.5) / lanes})`; // as the style sheet has the lines
    box.append(drawn, node);
    return box;
  }

  what(row, branch) {
    const what = make("span", "what");
    if (row.opens) what.append(make("span", `badge branch ${branch.kind}`, branch.name));
    if (row.who) what.append(picture(row.who));
    what.append(make("span", "text", row.text));
    return what;
  }

  badges(row) {
    const marks = make("span", "marks");
    for (const [text, colour] of row.badge || []) marks.append(make("span", `badge ${colour}`, text));
    return marks;
  }

  context(row) {
    const [share, level, told] = row.context || [];
    const box = make("span", `context ${level || ""}`);
    if (share === undefined) return box;
    const bar = make("span", "bar");
    const filled = make("i");
    filled.style.width = `${Math.min(share, 1) * 100}%`;
    bar.append(filled);
    bar.setAttribute("role", "img");
    bar.setAttribute("aria-label", `context ${Math.round(share * 100)} %, ${told}`);
    box.append(bar);
    return box;
  }

  // ---- pointing and keys

  link(event) {
    return event.target.closest("a[data-row]");
  }

  tell(link) {
    const row = this.data.rows[link.dataset.row];
    const box = link.getBoundingClientRect();
    const text = link.querySelector(".what").getBoundingClientRect();
    this.tip.show(row, this.data.branches[row.branch], this.times, { x: text.left - 16, top: box.top, bottom: box.bottom - 6 });
  }

  point(event) {
    const link = this.link(event);
    clearTimeout(this.soon);
    if (link && event.pointerType !== "touch") this.soon = setTimeout(() => this.tell(link), 250);
  }

  leave(event) {
    if (this.link(event)?.contains(event.relatedTarget)) return;
    clearTimeout(this.soon);
    this.tip.hide();
  }

  focused(event) {
    const link = this.link(event);
    if (!link) return;
    this.focus = link;
    this.current = Number(link.dataset.row);
    for (const item of this.rows.values()) item.firstChild.tabIndex = item.firstChild === link ? 0 : -1;
    if (link.matches(":focus-visible")) { link.setAttribute("aria-describedby", this.tip.box.id); this.tell(link); }
  }

  key(event) {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    if (event.key === "Escape") { this.tip.hide(); return; }
    const link = this.link(event);
    const next = link && this.next(Number(link.dataset.row), event.key);
    if (next === undefined || next === null) return;
    event.preventDefault();
    this.go(next);
  }

  // Up and down go through rows as they stand, left to the row that this one follows, right to the first that follows it.
  next(n, key) {
    const { rows } = this.data;
    const at = (place) => this.order[Math.min(Math.max(place, 0), rows.length - 1)];
    const page = Math.max(Math.floor(innerHeight / this.height) - 4, 1);
    const steps = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: page, PageUp: -page };
    if (key in steps) return at(this.place[n] + steps[key]);
    if (key === "Home") return at(0);
    if (key === "End") return at(rows.length - 1);
    if (key === "ArrowLeft") return rows[n].parent;
    if (key === "ArrowRight") { const found = rows.findIndex((row) => row.parent === n); return found < 0 ? null : found; }
    return null;
  }

  go(n) {
    const place = this.place[n];
    if (!this.rows.has(place)) this.add(place);
    const link = this.rows.get(place).firstChild;
    link.scrollIntoView({ block: "nearest" });
    this.draw();
    link.focus({ preventScroll: true });
  }
}

// A branch's line within one row: 100 high, one unit a lane.
function stroke(n, [, lane, first, last, fork, parent]) {
  const x = lane + 0.5;
  if (n === fork) return `M${parent + 0.5} 50C${parent + 0.5} 85 ${x} 65 ${x} 100`;
  const start = fork ?? first;
  return `M${x} ${n > start ? 0 : 50}V${n < last ? 100 : 50}`;
}
