"use strict";
// Whatever comes from a run enters the page as text, never as markup.
const SB = (() => {
  const one = (selector) => document.querySelector(selector);
  const make = (tag, className, text) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const rank = { l: 0, g: 1 };
  const chunks = new Map();
  const waiting = new Map();
  let table, promptOf, order, matches, shown = [], page = 1, drawing = 0;

  function facets(given) {
    table = given;
    promptOf = new Int32Array(table.v.length);
    let at = 0;
    table.n.forEach((count, prompt) => { promptOf.fill(prompt, at, at += count); });
    order = Array.from(promptOf.keys());
    const place = (i) => rank[table.v[i]] ?? 2;
    order.sort((a, b) => place(a) - place(b) || a - b);
    const options = (select, pairs) => pairs.forEach(([value, text]) => {
      const option = make("option", "", text);
      option.value = value;
      select.append(option);
    });
    options(one("#task"), table.tasks.map((name) => [name, name]));
    options(one("#verdict"), Object.entries(table.verdicts));
    options(one("#objects"), table.objects.map((name) => [name, name]));
    fromHash();
  }

  function chunk(number, records) {
    chunks.set(number, records);
    const done = waiting.get(number);
    waiting.delete(number);
    if (done) done();
  }

  function load(number) {
    if (chunks.has(number)) return Promise.resolve();
    return new Promise((done, failed) => {
      waiting.set(number, done);
      const script = document.createElement("script");
      script.src = `data/${number}.js`;
      script.onload = () => script.remove();
      script.onerror = failed;
      document.head.append(script);
    });
  }

  function filtered() {
    const task = table.tasks.indexOf(one("#task").value);
    const verdict = one("#verdict").value;
    const name = one("#object").value.trim().toLowerCase();
    const wanted = new Set();
    if (name) {
      const exact = table.objects.findIndex((object) => object.toLowerCase() === name);
      table.objects.forEach((object, i) => {
        if (exact < 0 ? object.toLowerCase().includes(name) : i === exact) wanted.add(i);
      });
    }
    return order.filter((i) => {
      const prompt = promptOf[i];
      return (task < 0 || table.t[prompt] === task)
        && (!verdict || table.v[i] === verdict)
        && (!name || table.o[prompt].some((object) => wanted.has(object)));
    });
  }

  async function draw(focus) {
    matches = filtered();
    const pages = Math.max(1, Math.ceil(matches.length / table.page));
    page = Math.min(Math.max(1, page), pages);
    shown = matches.slice((page - 1) * table.page, page * table.page);
    one("#count").textContent = matches.length === table.v.length
      ? `${matches.length.toLocaleString("en")} images`
      : `${matches.length.toLocaleString("en")} of ${table.v.length.toLocaleString("en")} images`;
    one("#page").textContent = `page ${page.toLocaleString("en")} of ${pages.toLocaleString("en")}`;
    one("#before").disabled = page <= 1;
    one("#after").disabled = page >= pages;
    one("#none").hidden = matches.length > 0;
    toHash();
    const turn = ++drawing;
    const needed = new Set(shown.map((i) => Math.floor(i / table.chunk)));
    if (chunks.size > 200) [...chunks.keys()].forEach((key) => { if (!needed.has(key)) chunks.delete(key); });
    await Promise.all([...needed].map(load));
    if (turn !== drawing) return;
    const cards = shown.map((i, position) => card(i, position));
    one("#cards").replaceChildren(...cards);
    document.body.dataset.ready = String(turn);
    if (focus && cards.length) cards[focus === "last" ? cards.length - 1 : 0].focus();
  }

  const record = (i) => chunks.get(Math.floor(i / table.chunk))[i % table.chunk];

  function frame(side) {
    const node = make("div", "frame");
    if (side.w) node.style.aspectRatio = `${side.w} / ${side.h}`;
    if (side.w && Math.max(side.w, side.h) <= 128) node.classList.add("tiny");
    if (side.src) {
      const image = make("img");
      image.loading = "lazy";
      image.decoding = "async";
      image.alt = "";
      image.src = side.src;
      node.append(image);
    } else {
      node.append(make("span", "absent", "no image"));
    }
    (side.boxes || []).slice().reverse().forEach(([x0, y0, x1, y1, score, label]) => {
      const place = side.asked.indexOf(label);
      const box = make("div", `box ${["first", "second"][place] || ""}`);
      const percent = (value, whole) => `${100 * value / whole}%`;
      box.style.left = percent(Math.max(0, x0), side.w);
      box.style.top = percent(Math.max(0, y0), side.h);
      box.style.width = percent(Math.min(side.w, x1) - Math.max(0, x0), side.w);
      box.style.height = percent(Math.min(side.h, y1) - Math.max(0, y0), side.h);
      const room = place > 0 ? side.h - y1 : y0;
      if (place > 0) box.classList.add("low");
      if (room < side.h * 0.08) box.classList.add("inside");
      if (x0 > side.w / 2) box.classList.add("edge");
      box.append(make("span", "", `${label} ${score.toFixed(2)}`));
      node.append(box);
    });
    return node;
  }

  function told(side, place, sides) {
    const node = make("p");
    if (sides.length > 1) node.append(make("b", `letter s${place + 1}`, "AB"[place]));
    const word = side.ok ? "right" : side.absent ? "not found" : "wrong";
    const chip = make("span", `chip ${side.ok ? "r" : side.absent ? "m" : "w"}`, side.score === undefined ? word : side.score.toFixed(2));
    node.append(chip, document.createTextNode(side.why));
    if (side.more) node.append(` (and ${side.more} more boxes)`);
    if (side.sent !== undefined) node.append(make("span", "sent", `made from: ${side.sent}`));
    return node;
  }

  function card(i, position) {
    const entry = record(i);
    const node = make("article", "card");
    node.tabIndex = 0;
    node.dataset.position = position;
    node.dataset.id = entry.id;
    node.dataset.verdict = table.v[i];
    const sides = make("div", "sides");
    entry.sides.forEach((side) => sides.append(frame(side)));
    const about = make("div", "about");
    about.append(make("span", "key", entry.id), make("h3", "", entry.text));
    const by = make("div", "told-by");
    by.append(...entry.sides.map(told));
    about.append(by);
    node.append(sides, about);
    node.addEventListener("click", () => { node.focus(); large(position); });
    return node;
  }

  function large(position) {
    const entry = record(shown[position]);
    const dialog = one("#large");
    const stage = dialog.querySelector(".stage");
    stage.replaceChildren(...entry.sides.map(frame));
    stage.querySelectorAll("img").forEach((image) => { image.loading = "eager"; });
    const by = make("div", "told-by");
    by.append(...entry.sides.map(told));
    dialog.querySelector(".told").replaceChildren(make("span", "key", entry.id), make("h3", "", entry.text), by);
    dialog.dataset.position = position;
    if (!dialog.open) dialog.showModal();
  }

  function move(step) {
    const dialog = one("#large");
    const from = dialog.open ? Number(dialog.dataset.position)
      : document.activeElement.classList.contains("card") ? Number(document.activeElement.dataset.position) : -1;
    const to = from < 0 ? 0 : from + step;
    const cards = one("#cards").children;
    if (to < 0 || to >= cards.length) {
      if (!dialog.open && from >= 0) turnPage(to < 0 ? -1 : 1, to < 0 ? "last" : "first");
      return;
    }
    cards[to].focus();
    if (dialog.open) large(to);
  }

  function columns() {
    return getComputedStyle(one("#cards")).gridTemplateColumns.split(" ").length;
  }

  function turnPage(step, focus) {
    const pages = Math.max(1, Math.ceil(matches.length / table.page));
    if (page + step < 1 || page + step > pages) return;
    page += step;
    draw(focus);
    scrollTo(0, 0);
  }

  function tab(name) {
    document.querySelectorAll(".tabs button").forEach((button) => {
      const chosen = button.dataset.tab === name;
      button.setAttribute("aria-selected", String(chosen));
      one(`#${button.dataset.tab}`).hidden = !chosen;
    });
  }

  function toHash() {
    const parts = new URLSearchParams();
    ["task", "verdict", "object"].forEach((name) => {
      if (one(`#${name}`).value) parts.set(name, one(`#${name}`).value);
    });
    if (page > 1) parts.set("page", String(page));
    const hash = parts.toString();
    if (hash !== location.hash.slice(1)) history.replaceState(null, "", hash ? `#${hash}` : location.pathname);
  }

  function fromHash() {
    const parts = new URLSearchParams(location.hash.slice(1));
    ["task", "verdict", "object"].forEach((name) => { one(`#${name}`).value = parts.get(name) || ""; });
    page = Number(parts.get("page")) || 1;
    draw();
  }

  function theme() {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  }

  function boxes() {
    const off = document.body.classList.toggle("noboxes");
    one("#boxes").setAttribute("aria-pressed", String(!off));
  }

  const keys = {
    ArrowLeft: () => move(-1), h: () => move(-1), ArrowRight: () => move(1), l: () => move(1),
    ArrowUp: () => move(-columns()), k: () => move(-columns()),
    ArrowDown: () => move(columns()), j: () => move(columns()),
    n: () => turnPage(1), p: () => turnPage(-1), b: boxes, t: theme,
    r: () => one("#task").focus(), v: () => one("#verdict").focus(), o: () => one("#object").focus(),
    c: () => { one(".filters").reset(); page = 1; draw(); },
    "?": () => one("#keys").showModal(),
    Enter: () => {
      if (document.activeElement.classList.contains("card")) large(Number(document.activeElement.dataset.position));
    },
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, select")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.key === "Enter" && !event.target.classList.contains("card")) return;
    const action = keys[event.key];
    if (action && !one("#images").hidden) {
      event.preventDefault();
      action();
    } else if (event.key === "t" || event.key === "?") {
      keys[event.key]();
    }
  });
  ["#task", "#verdict", "#object"].forEach((name) => one(name).addEventListener("input", () => { page = 1; draw(); }));
  one(".filters").addEventListener("submit", (event) => event.preventDefault());
  one(".filters").addEventListener("reset", () => setTimeout(() => { page = 1; draw(); }));
  one("#before").addEventListener("click", () => turnPage(-1));
  one("#after").addEventListener("click", () => turnPage(1));
  one("#boxes").addEventListener("click", boxes);
  one("#theme").addEventListener("click", theme);
  one("#help").addEventListener("click", () => one("#keys").showModal());
  one("#large").addEventListener("click", () => one("#large").close());
  document.querySelectorAll(".tabs button").forEach((button) => button.addEventListener("click", () => tab(button.dataset.tab)));
  addEventListener("hashchange", fromHash);

  const cells = one("#cells");
  if (cells) {
    const { objects, rows } = JSON.parse(cells.textContent);
    const group = one("#pairs g.cells");
    group.addEventListener("pointermove", (event) => {
      const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(group.getScreenCTM().inverse());
      const row = Math.floor(point.y), column = Math.floor(point.x);
      const found = rows[row] && rows[row][column];
      one("#cell").textContent = found ? `${objects[row]}, ${objects[column]}: ${found[0]} % of ${found[1]}` : "";
    });
  }
  return { facets, chunk };
})();
