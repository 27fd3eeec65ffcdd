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
  // What a link says may be of an older gallery: a field has a value that it offers.
  const choose = (name, wanted) => {
    const field = one(`#${name}`);
    field.value = wanted;
    if (field.selectedIndex < 0) field.selectedIndex = 0;
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

  async function draw(focus, opening) {
    matches = filtered();
    const pages = Math.max(1, Math.ceil(matches.length / table.page));
    page = Math.min(Math.max(1, page), pages);
    shown = matches.slice((page - 1) * table.page, page * table.page);
    one("#count").textContent = matches.length === table.v.length
      ? `${matches.length.toLocaleString("en")} ${matches.length === 1 ? "image" : "images"}`
      : `${matches.length.toLocaleString("en")} of ${table.v.length.toLocaleString("en")} images`;
    one("#page").textContent = `page ${page.toLocaleString("en")} of ${pages.toLocaleString("en")}`;
    one("#before").disabled = page <= 1;
    one("#after").disabled = page >= pages;
    one("#none").hidden = matches.length > 0;
    toHash(opening);
    const turn = ++drawing;
    const needed = new Set(shown.map((i) => Math.floor(i / table.chunk)));
    if (chunks.size > 200) [...chunks.keys()].forEach((key) => { if (!needed.has(key)) chunks.delete(key); });
    await Promise.all([...needed].map(load));
    if (turn !== drawing) return;
    const cards = shown.map((i, position) => card(i, position));
    one("#cards").replaceChildren(...cards);
    if (focus && cards.length) {
      const position = focus === "last" ? cards.length - 1 : typeof focus === "number" ? focus : 0;
      link(cards[position]).focus();
      if (one("#large").open) large(position);
    }
    document.body.dataset.ready = String(turn);
  }

  const link = (node) => node.querySelector("a.open");
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
      const words = make("span", "absent");
      words.dataset.words = "no image";
      node.append(words);
    }
    (side.boxes || []).slice().reverse().forEach(([x0, y0, x1, y1, score, label]) => {
      const place = side.asked.indexOf(label);
      const box = make("div", `box ${place < 0 ? "other" : ["first", "second"][place] || "further"}`);
      const percent = (value, whole) => `${100 * value / whole}%`;
      box.style.left = percent(Math.max(0, x0), side.w);
      box.style.top = percent(Math.max(0, y0), side.h);
      box.style.width = percent(Math.min(side.w, x1) - Math.max(0, x0), side.w);
      box.style.height = percent(Math.min(side.h, y1) - Math.max(0, y0), side.h);
      const room = place > 0 ? side.h - y1 : y0;
      if (place > 0) box.classList.add("low");
      if (room < side.h * 0.08) box.classList.add("inside");
      if (x0 > side.w / 2) box.classList.add("edge");
      const words = make("span");
      words.dataset.words = `${label} ${score.toFixed(2)}`;
      box.append(words);
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
    node.dataset.position = position;
    node.dataset.id = entry.id;
    node.dataset.verdict = table.v[i];
    const open = make("a", "open");
    open.href = `#image=${encodeURIComponent(entry.id)}`;
    open.dataset.id = entry.id;
    const gone = entry.sides.some((side) => !side.src) ? " (no image)" : "";
    open.setAttribute("aria-label", `enlarge ${entry.id}: ${entry.text}${gone}`);
    const sides = make("div", "sides");
    entry.sides.forEach((side) => sides.append(frame(side)));
    open.append(sides);
    const about = make("div", "about");
    about.append(make("span", "key", entry.id), make("h3", "", entry.text));
    const by = make("div", "told-by");
    by.append(...entry.sides.map(told));
    about.append(by);
    node.append(open, about);
    open.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      large(position);
    });
    about.addEventListener("click", () => { if (!String(getSelection())) { open.focus(); large(position); } });
    return node;
  }

  function made(side, place, sides) {
    const node = make("p", "made");
    if (sides.length > 1) node.append(`${"AB"[place]}: `);
    if (side.seed !== undefined) node.append(`seed ${side.seed}`);
    if (side.src) {
      const original = make("a", "", side.small ? "smaller copy" : "original");
      original.href = side.src;
      // Browsers open no page of an image that stands in the page itself.
      if (side.src.startsWith("data:")) original.download = "";
      node.append(side.seed === undefined ? "" : " · ", original);
      if (side.w) node.append(` (${side.w} × ${side.h} pixels)`);
    }
    return node;
  }

  function large(position) {
    const entry = record(shown[position]);
    const dialog = one("#large");
    const stage = dialog.querySelector(".stage");
    stage.replaceChildren(...entry.sides.map(frame));
    stage.querySelectorAll("img").forEach((image) => { image.loading = "eager"; image.alt = entry.text; });
    const by = make("div", "told-by");
    by.append(...entry.sides.map(told));
    const title = make("h2", "", entry.text);
    title.id = "large-text";
    const own = make("p", "made");
    const here = make("a", "", "link to this image");
    own.append(here);
    dialog.querySelector(".told").replaceChildren(make("span", "key", entry.id), title, by, ...entry.sides.map(made), own);
    const at = (page - 1) * table.page + position;
    one("#place").textContent = `${(at + 1).toLocaleString("en")} of ${matches.length.toLocaleString("en")}`;
    one("#previous").disabled = at === 0;
    one("#next").disabled = at + 1 >= matches.length;
    dialog.dataset.position = position;
    dialog.dataset.id = entry.id;
    if (!dialog.open) dialog.showModal();
    toHash();
    here.href = location.hash;
  }

  // The number of an image by its name in a link, and -1 for one that is not here.
  async function numberOf(id) {
    const cut = id.lastIndexOf("/");
    const prompt = table.p.indexOf(id.slice(0, cut));
    if (prompt < 0) return -1;
    const first = promptOf.indexOf(prompt);
    const numbers = Array.from({ length: table.n[prompt] }, (_, k) => first + k);
    await Promise.all([...new Set(numbers.map((i) => Math.floor(i / table.chunk)))].map(load));
    return numbers.find((i) => record(i).id === id) ?? -1;
  }

  async function openImage(id) {
    const number = await numberOf(id);
    let at = filtered().indexOf(number);
    if (number >= 0 && at < 0) {
      one(".filters").querySelectorAll("input, select").forEach((field) => { field.value = ""; });
      at = filtered().indexOf(number);
    }
    if (at < 0) return draw();
    page = Math.floor(at / table.page) + 1;
    await draw(null, id);
    large(at % table.page);
  }

  function move(step) {
    const dialog = one("#large");
    const held = document.activeElement.closest(".card");
    const from = dialog.open ? Number(dialog.dataset.position) : held ? Number(held.dataset.position) : -1;
    const to = from < 0 ? 0 : from + step;
    const cards = one("#cards").children;
    if (to < 0 || to >= cards.length) {
      if (from >= 0) turnPage(to < 0 ? -1 : 1, to < 0 ? "last" : "first");
      return;
    }
    link(cards[to]).focus();
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
    if (!one("#large").open) scrollTo(0, 0);
  }

  const tabs = [...document.querySelectorAll("[role=tab]")];
  const named = (button) => button.id.slice("tab-".length);

  function tab(name) {
    tabs.forEach((button) => {
      const chosen = named(button) === name;
      button.setAttribute("aria-selected", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
      one(`#${named(button)}`).hidden = !chosen;
    });
  }

  const chosenTab = () => named(tabs.find((button) => button.getAttribute("aria-selected") === "true"));

  const inHash = (part) => new URLSearchParams(location.hash.slice(1)).get(part);

  function toHash(opening) {
    const parts = new URLSearchParams();
    if (chosenTab() !== "images") parts.set("tab", chosenTab());
    ["task", "verdict", "object"].forEach((name) => {
      if (one(`#${name}`).value) parts.set(name, one(`#${name}`).value);
    });
    if (page > 1) parts.set("page", String(page));
    const image = opening || (one("#large").open && one("#large").dataset.id);
    if (image) parts.set("image", image);
    const hash = parts.toString();
    if (hash === location.hash.slice(1)) return;
    const place = hash ? `#${hash}` : location.pathname;
    if (parts.has("image") && !inHash("image")) {
      history.replaceState({ under: true }, "");
      history.pushState({ above: true }, "", place);
    } else {
      history.replaceState(history.state, "", place);
    }
  }

  // The enlarged view is one step of the history, whatever is looked at in it: Back closes it.
  let closing = false;

  function closed() {
    if (inHash("image")) {
      closing = Boolean(history.state && history.state.above);
      if (closing) history.back();
      else toHash();
    }
    // Back to the image that was looked at last, which may be another one than was opened.
    const seen = one("#cards").children[Number(one("#large").dataset.position)];
    if (seen && seen.dataset.id === one("#large").dataset.id) link(seen).focus();
  }

  function fromHistory() {
    const left = closing || (one("#large").open && !inHash("image"));
    closing = false;
    if (!left || !(history.state && history.state.under)) return fromHash();
    one("#large").close();
    toHash();
  }

  function fromHash() {
    const parts = new URLSearchParams(location.hash.slice(1));
    const wanted = parts.get("tab") || "images";
    tab(tabs.some((button) => named(button) === wanted) ? wanted : "images");
    ["task", "verdict", "object"].forEach((name) => choose(name, parts.get(name) || ""));
    page = Math.floor(Number(parts.get("page"))) || 1;
    if (!parts.get("image") && one("#large").open) one("#large").close();
    if (parts.get("image")) openImage(parts.get("image")).catch(() => draw());
    else draw();
  }

  function boxes() {
    const off = document.body.classList.toggle("noboxes");
    one("#boxes").setAttribute("aria-pressed", String(!off));
  }

  function unasked() {
    const on = document.body.classList.toggle("unasked");
    one("#unasked").setAttribute("aria-pressed", String(on));
  }

  const keys = {
    ArrowLeft: () => move(-1), h: () => move(-1), ArrowRight: () => move(1), l: () => move(1),
    ArrowUp: () => move(-columns()), k: () => move(-columns()),
    ArrowDown: () => move(columns()), j: () => move(columns()),
    n: () => turnPage(1), p: () => turnPage(-1), b: boxes, u: unasked, t: THEME.toggle,
    r: () => one("#task").focus(), v: () => one("#verdict").focus(), o: () => one("#object").focus(),
    c: () => { one(".filters").reset(); page = 1; draw(); },
    "?": () => one("#keys").showModal(),
    Enter: () => large(Number(document.activeElement.closest(".card").dataset.position)),
  };

  const LARGE = new Set(["ArrowLeft", "ArrowRight", "h", "l", "b", "u", "t", "?"]);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || one("#keys").open) return;
    if (event.target.matches("input, select")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.key === "Enter" && !(event.target.matches("a.open") && !one("#large").open)) return;
    // Arrows scroll what can be scrolled, and walk along the tabs.
    if (event.key.startsWith("Arrow") && event.target.closest("[role=tablist], [role=region]")) return;
    // In the enlarged view, what is behind it stays as it is, and long words can be scrolled.
    if (one("#large").open && !LARGE.has(event.key)) return;
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
  one("#previous").addEventListener("click", () => move(-1));
  one("#next").addEventListener("click", () => move(1));
  one("#close").addEventListener("click", () => one("#large").close());
  one("#boxes").addEventListener("click", boxes);
  one("#unasked").addEventListener("click", unasked);
  one("#help").addEventListener("click", () => one("#keys").showModal());
  one("#large").addEventListener("click", (event) => { if (event.target === one("#large")) one("#large").close(); });
  one("#large").addEventListener("close", closed);
  tabs.forEach((button, place) => {
    button.addEventListener("click", () => { tab(named(button)); toHash(); });
    button.addEventListener("keydown", (event) => {
      const ends = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: tabs.length - 1 };
      if (!(event.key in ends)) return;
      event.preventDefault();
      const to = tabs[(ends[event.key] + tabs.length) % tabs.length];
      to.focus();
      to.click();
    });
  });
  addEventListener("popstate", fromHistory);

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
