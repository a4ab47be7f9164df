// The tree as a map to pan and zoom: one canvas, on which rows in sight are drawn as cards, or as blocks when they are far
// away. A real link lies over the card that is pointed at or chosen by keys, so that it opens like any other.

const CARD = { width: 208, height: 44, across: 236, down: 62, line: 21 };
const NEAREST = 1.6;
const FARTHEST = 0.04;
const READABLE = 0.55; // below this scale cards have no text

export default function ({ parentElement, data }) {
  const root = parentElement.querySelector(".island");
  root.map ??= new TreeMap(root);
  root.map.show(data);
  return root.map.listen();
}

class TreeMap {
  constructor(root) {
    this.root = root;
    this.box = make("div", "map");
    this.canvas = make("canvas");
    this.canvas.setAttribute("aria-hidden", "true");
    this.link = make("a", "spot");
    this.link.draggable = false;
    this.link.setAttribute("aria-describedby", "tip-of-row");
    const tools = make("div", "tools");
    for (const [text, title, act] of [["+", "Zoom in", () => this.zoom(1.3)], ["−", "Zoom out", () => this.zoom(1 / 1.3)], ["Fit", "Show all of it", () => this.fit()]]) {
      const button = make("button", "button", text);
      button.title = title;
      button.setAttribute("aria-label", title);
      button.onclick = act;
      tools.append(button);
    }
    this.box.append(this.canvas, this.link, tools);
    root.replaceChildren(this.box, make("p", "soft hint", "Drag to move, wheel or pinch to zoom, arrow keys from card to card, Enter to open."));
    this.tip = new Tip(root);
    this.view = { x: 0, y: 0, scale: 1 };
    this.fingers = new Map();
  }

  show(data) {
    const told = JSON.stringify(data);
    if (told === this.told) return;
    const anew = !this.data || this.data.id !== data.id;
    this.told = told;
    this.data = data;
    this.times = new Times(data.zone);
    this.deepest = Math.max(0, ...data.rows.map((row) => row.depth || 0));
    this.children = new Map();
    data.rows.forEach((row, n) => { if (row.parent !== undefined || n) this.children.set(row.parent ?? 0, [...(this.children.get(row.parent ?? 0) || []), n]); });
    this.cells = new Map(data.rows.map((row, n) => [`${this.lane(row)} ${row.depth || 0}`, n]));
    this.chosen = Math.min(this.chosen ?? (data.newest ? data.rows.length - 1 : 0), data.rows.length - 1);
    this.box.style.height = `min(78vh, ${(this.deepest + 1) * CARD.down + 90}px)`;
    if (anew && this.width) this.start();
    this.draw();
  }

  listen() {
    const on = {
      pointerdown: (e) => this.press(e), pointermove: (e) => this.move(e), pointerup: (e) => this.release(e), pointercancel: (e) => this.release(e),
      pointerleave: () => this.tip.hide(), wheel: (e) => this.wheel(e), keydown: (e) => this.key(e), focusin: (e) => this.focused(e), focusout: () => this.tip.hide(),
    };
    for (const [name, act] of Object.entries(on)) this.box.addEventListener(name, act, { passive: name.startsWith("pointer") });
    const resize = new ResizeObserver(() => this.resized());
    resize.observe(this.box);
    const theme = new MutationObserver(() => { this.colours = null; this.draw(); });
    theme.observe(document.documentElement, { attributes: true, subtree: false });
    return () => {
      for (const [name, act] of Object.entries(on)) this.box.removeEventListener(name, act);
      resize.disconnect();
      theme.disconnect();
    };
  }

  resized() {
    const first = !this.width;
    this.width = this.box.clientWidth;
    this.height = this.box.clientHeight;
    const dots = window.devicePixelRatio || 1;
    this.canvas.width = this.width * dots;
    this.canvas.height = this.height * dots;
    if (first && this.width) this.start();
    this.draw();
  }

  // Begin with the root, or the newest row, at a size that can be read; with all of it where it fits.
  start() {
    this.fit();
    if (this.view.scale >= 0.75) return;
    this.view.scale = this.width < 600 ? 0.8 : 1;
    const { x, y } = this.at(this.data.rows[this.chosen]);
    this.view.x = 24 - (x > this.width / 2 ? x - this.width / 2 : 0) * this.view.scale;
    this.view.y = 24 - y * this.view.scale;
    if (!this.data.newest && y === 0) this.view.x = 24;
    this.draw();
  }

  fit() {
    const wide = this.data.map.lanes * CARD.across;
    const high = (this.deepest + 1) * CARD.down;
    const scale = Math.max(Math.min((this.width - 32) / wide, (this.height - 32) / high, 1), FARTHEST);
    this.view = { scale, x: Math.max((this.width - wide * scale) / 2, 16), y: 16 };
    this.draw();
  }

  lane(row) {
    return this.data.branches[row.branch].lane || 0;
  }

  at(row) {
    const depth = row.depth || 0;
    return { x: this.lane(row) * CARD.across, y: (this.data.newest ? this.deepest - depth : depth) * CARD.down };
  }

  zoom(by, x = this.width / 2, y = this.height / 2) {
    const scale = Math.min(Math.max(this.view.scale * by, FARTHEST), NEAREST);
    const ratio = scale / this.view.scale;
    this.view = { scale, x: x - (x - this.view.x) * ratio, y: y - (y - this.view.y) * ratio };
    this.draw();
  }

  // ---- drawing

  draw() {
    if (this.frame || !this.data || !this.width) return;
    this.frame = requestAnimationFrame(() => { this.frame = 0; this.paint(); });
  }

  theme() {
    if (this.colours) return this.colours;
    const probe = make("i");
    this.box.append(probe);
    const read = (css) => { probe.style.color = css; return getComputedStyle(probe).color; };
    const branch = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => { probe.className = `b${n}`; return read("var(--branch)"); });
    const named = { ink: "var(--ink)", soft: "var(--soft)", line: "var(--line)", ground: "var(--ground)", bad: "var(--st-red-color)", good: "var(--st-green-color)", near: "var(--st-orange-color)", full: "var(--st-red-color)", over: "var(--st-red-color)" };
    this.colours = { branch, ...Object.fromEntries(Object.entries(named).map(([name, css]) => [name, read(css)])) };
    this.font = getComputedStyle(this.box).fontFamily;
    probe.remove();
    return this.colours;
  }

  paint() {
    const colours = this.theme();
    const pen = this.canvas.getContext("2d");
    const dots = window.devicePixelRatio || 1;
    const { x, y, scale } = this.view;
    pen.setTransform(dots, 0, 0, dots, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    pen.setTransform(dots * scale, 0, 0, dots * scale, dots * x, dots * y);
    const sight = { left: -x / scale - CARD.width, right: (this.width - x) / scale, top: -y / scale - CARD.down, bottom: (this.height - y) / scale + CARD.down };
    for (const line of this.data.map.lines) this.paintLine(pen, line, colours, sight);
    this.data.rows.forEach((row, n) => {
      const at = this.at(row);
      if (at.x > sight.left && at.x < sight.right && at.y > sight.top && at.y < sight.bottom) this.paintCard(pen, row, n, at, colours);
    });
    this.placeLink();
  }

  paintLine(pen, [of, lane, first, last, fork, parent], colours, sight) {
    const branch = this.data.branches[of];
    const place = (depth) => (this.data.newest ? this.deepest - depth : depth) * CARD.down + CARD.height / 2;
    const x = lane * CARD.across + CARD.line;
    pen.strokeStyle = colours.branch[branch.colour];
    pen.lineWidth = 1.6;
    pen.setLineDash(branch.kind === "subtask" ? [5, 4] : []);
    pen.beginPath();
    const [top, bottom] = [place(first), place(last)].sort((a, b) => a - b);
    if (x > sight.left && x < sight.right && bottom > sight.top && top < sight.bottom) {
      pen.moveTo(x, Math.max(top, sight.top));
      pen.lineTo(x, Math.min(bottom, sight.bottom));
    }
    if (fork !== undefined) {
      const from = parent * CARD.across + CARD.line + 26;
      const way = this.data.newest ? -1 : 1;
      const level = place(fork) + way * (CARD.down / 2 + 1);
      pen.moveTo(from, place(fork) + way * CARD.height / 2);
      pen.arcTo(from, level, x, level, 9);
      pen.arcTo(x, level, x, place(first), 9);
      pen.lineTo(x, place(first) - way * CARD.height / 2);
    }
    pen.stroke();
    pen.setLineDash([]);
  }

  paintCard(pen, row, n, { x, y }, colours) {
    const branch = this.data.branches[row.branch];
    const colour = row.state === "bad" ? colours.bad : colours.branch[branch.colour];
    pen.beginPath();
    pen.roundRect(x, y, CARD.width, CARD.height, row.who === "compact" ? 2 : 8);
    pen.fillStyle = colours.ground;
    pen.fill();
    pen.globalAlpha = row.who === "person" ? 0.2 : row.run ? 0.04 : 0.09;
    pen.fillStyle = colour;
    pen.fill();
    pen.globalAlpha = 1;
    pen.setLineDash(branch.kind === "subtask" ? [5, 4] : []);
    pen.lineWidth = n === this.chosen ? 3 : row.who === "person" || row.state === "bad" ? 2 : 1.3;
    pen.strokeStyle = colour;
    pen.stroke();
    pen.setLineDash([]);
    if (this.view.scale >= READABLE) this.paintWords(pen, row, x, y, colours);
  }

  paintWords(pen, row, x, y, colours) {
    const bar = row.context ? 34 : 0;
    pen.textBaseline = "middle";
    pen.fillStyle = colours.ink;
    pen.font = `${row.who === "person" ? 650 : row.run ? 400 : 550} 12px ${this.font}`;
    pen.fillText(fitting(pen, row.text, CARD.width - 22), x + 11, y + 15);
    pen.fillStyle = colours.soft;
    pen.font = `400 10.5px ${this.font}`;
    const under = [row.opens ? this.data.branches[row.branch].name : row.tokens && `${row.tokens} tok`, row.took, (row.badge || []).map(([text]) => text).join(", ") || this.times.short(row)];
    pen.fillText(fitting(pen, under.filter(Boolean).join(" · "), CARD.width - 24 - bar), x + 11, y + 31);
    if (!row.context) return;
    const [share, level] = row.context;
    pen.fillStyle = colours.line;
    pen.fillRect(x + CARD.width - 40, y + 29, 30, 4.5);
    pen.fillStyle = colours[level];
    pen.fillRect(x + CARD.width - 40, y + 29, Math.max(30 * Math.min(share, 1), 1), 4.5);
  }

  placeLink() {
    const row = this.data.rows[this.chosen];
    const { x, y, scale } = this.view;
    const at = this.at(row);
    this.link.href = row.href;
    this.link.dataset.row = this.chosen;
    this.link.setAttribute("aria-label", `${this.data.branches[row.branch].name}: ${row.text}`);
    this.link.style.transform = `translate(${x + at.x * scale}px, ${y + at.y * scale}px)`;
    this.link.style.width = `${CARD.width * scale}px`;
    this.link.style.height = `${CARD.height * scale}px`;
  }

  tell() {
    const row = this.data.rows[this.chosen];
    const around = this.box.getBoundingClientRect();
    const { x, y, scale } = this.view;
    const at = this.at(row);
    this.tip.show(row, this.data.branches[row.branch], this.times, { x: around.left + x + at.x * scale - 16, top: around.top + y + at.y * scale, bottom: around.top + y + (at.y + CARD.height) * scale });
  }

  // ---- pointers and keys

  under(event) {
    const around = this.box.getBoundingClientRect();
    const x = (event.clientX - around.left - this.view.x) / this.view.scale;
    const y = (event.clientY - around.top - this.view.y) / this.view.scale;
    const [lane, level] = [Math.floor(x / CARD.across), Math.floor(y / CARD.down)];
    if (x - lane * CARD.across > CARD.width || y - level * CARD.down > CARD.height) return undefined;
    return this.cells.get(`${lane} ${this.data.newest ? this.deepest - level : level}`);
  }

  press(event) {
    if (event.target.closest(".tools")) return;
    this.fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    this.dragged = 0;
  }

  move(event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) { this.hover(event); return; }
    if (!event.buttons && event.pointerType === "mouse") { this.fingers.delete(event.pointerId); return; }
    const now = { x: event.clientX, y: event.clientY };
    const other = [...this.fingers].find(([id]) => id !== event.pointerId)?.[1];
    this.fingers.set(event.pointerId, now);
    this.dragged += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
    if (this.dragged > 6) this.link.style.pointerEvents = "none"; // the end of a drag is no click on a link
    this.tip.hide();
    if (other) { this.pinch(before, now, other); return; }
    this.view.x += now.x - before.x;
    this.view.y += now.y - before.y;
    this.draw();
  }

  pinch(before, now, other) {
    const around = this.box.getBoundingClientRect();
    const gap = (a) => Math.hypot(a.x - other.x, a.y - other.y);
    this.zoom(gap(now) / Math.max(gap(before), 1), (now.x + other.x) / 2 - around.left, (now.y + other.y) / 2 - around.top);
  }

  release(event) {
    this.fingers.delete(event.pointerId);
    setTimeout(() => { this.link.style.pointerEvents = ""; });
  }

  hover(event) {
    const found = event.target.closest(".tools") ? undefined : this.under(event);
    this.box.classList.toggle("over", found !== undefined);
    if (found === undefined) { this.tip.hide(); return; }
    if (found === this.chosen && !this.tip.box.hidden) return;
    this.chosen = found;
    this.paint();
    this.tell();
  }

  wheel(event) {
    event.preventDefault();
    const around = this.box.getBoundingClientRect();
    this.tip.hide();
    this.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX - around.left, event.clientY - around.top);
  }

  focused(event) {
    if (event.target === this.link && this.link.matches(":focus-visible")) { this.reveal(); this.tell(); }
  }

  key(event) {
    if (event.target.closest(".tools") || event.metaKey || event.ctrlKey || event.altKey) return;
    if (event.key === "Escape") this.tip.hide();
    const act = { "+": () => this.zoom(1.3), "-": () => this.zoom(1 / 1.3), 0: () => this.fit() }[event.key];
    const next = this.next(event.key);
    if (!act && next === undefined) return;
    event.preventDefault();
    if (act) { act(); return; }
    this.chosen = next;
    this.reveal();
    this.paint();
    this.tell();
  }

  // Along a branch, and to the branch beside it at the same height.
  next(key) {
    const row = this.data.rows[this.chosen];
    const [lane, depth] = [this.lane(row), row.depth || 0];
    const down = this.data.newest ? -1 : 1;
    const own = (this.children.get(this.chosen) || []).find((n) => this.data.rows[n].branch === row.branch);
    const beside = (way) => {
      for (let at = lane + way; at >= 0 && at < this.data.map.lanes; at += way)
        for (let off = 0; off < 40; off++)
          for (const level of [depth + off, depth - off]) { const found = this.cells.get(`${at} ${level}`); if (found !== undefined) return found; }
      return undefined;
    };
    const steps = { ArrowDown: () => (down > 0 ? own ?? this.children.get(this.chosen)?.[0] : row.parent), ArrowUp: () => (down > 0 ? row.parent : own ?? this.children.get(this.chosen)?.[0]), ArrowLeft: () => beside(-1), ArrowRight: () => beside(1), Home: () => 0, End: () => this.data.rows.length - 1 };
    return steps[key]?.();
  }

  reveal() {
    const { scale } = this.view;
    const at = this.at(this.data.rows[this.chosen]);
    const [x, y] = [this.view.x + at.x * scale, this.view.y + at.y * scale];
    const [right, bottom] = [this.width - CARD.width * scale - 20, this.height - CARD.height * scale - 20];
    this.view.x += Math.max(20 - x, 0) - Math.max(x - Math.max(right, 20), 0);
    this.view.y += Math.max(20 - y, 0) - Math.max(y - Math.max(bottom, 20), 0);
  }
}

function fitting(pen, text, width) {
  if (pen.measureText(text).width <= width) return text;
  let [fits, over] = [0, text.length];
  while (over - fits > 1) {
    const middle = (fits + over) >> 1;
    if (pen.measureText(`${text.slice(0, middle)}…`).width <= width) fits = middle; else over = middle;
  }
  return `${text.slice(0, fits)}…`;
}
