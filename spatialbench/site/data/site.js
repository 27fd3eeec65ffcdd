"use strict";
// Sorting, filters and forest plots, all of what stands in the tables; the address keeps them.
(() => {
  const one = (selector, from = document) => from.querySelector(selector);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const make = (tag, className, text) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const filters = ["benchmark", "base", "mark", "text"];
  const value = (name) => (one(`#${name}`) ? one(`#${name}`).value : "");
  const boards = all(".board").map((node) => ({
    node,
    rows: all("tbody tr", node),
    buttons: all("thead button", node),
    metric: one(".metric", node),
  }));
  let sorted = {};

  // What a link says may be of an older site: a field has a value that it offers.
  function choose(field, wanted) {
    field.value = wanted;
    if (field.selectedIndex < 0) field.selectedIndex = 0;
  }

  const number = (cell) => (cell.dataset.value === "" ? NaN : Number(cell.dataset.value));

  function sort(board, column, way) {
    const kind = board.buttons[column].dataset.kind;
    const rows = [...board.rows];
    if (way) {
      const sign = way === "ascending" ? 1 : -1;
      rows.sort((a, b) => {
        if (kind === "text") return sign * a.cells[column].dataset.value.localeCompare(b.cells[column].dataset.value, "en", { numeric: true });
        const [x, y] = [number(a.cells[column]), number(b.cells[column])];
        // What is undefined stands last either way.
        if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
        return sign * (x - y);
      });
    }
    one("tbody", board.node).replaceChildren(...rows);
    board.buttons.forEach((button, place) => button.parentElement.setAttribute("aria-sort", way && place === column ? way : "none"));
    if (way) sorted[board.node.id] = [column, way];
    else delete sorted[board.node.id];
  }

  function clicked(board, column) {
    const button = board.buttons[column];
    const best = button.dataset.kind === "text" || button.dataset.better === "smaller" ? "ascending" : "descending";
    const other = best === "ascending" ? "descending" : "ascending";
    const now = button.parentElement.getAttribute("aria-sort");
    sort(board, column, now === "none" ? best : now === best ? other : null);
    plot(board);
    toHash();
    const way = button.parentElement.getAttribute("aria-sort");
    one("#said").textContent = way === "none" ? "rows in their first order" : `sorted by ${button.textContent}, ${way}`;
  }

  function matches(row, wanted) {
    const marks = row.dataset.marks.split(" ").filter(Boolean);
    return (!wanted.base || row.dataset.base === wanted.base)
      && (!wanted.mark || (wanted.mark === "-" ? !marks.length : marks.includes(wanted.mark)))
      && (!wanted.text || row.cells[0].textContent.toLowerCase().includes(wanted.text.trim().toLowerCase()))
      && (!row.classList.contains("paper") || !one("#published") || one("#published").checked);
  }

  function filter() {
    const wanted = Object.fromEntries(filters.map((name) => [name, value(name)]));
    let shown = 0, total = 0;
    boards.forEach((board) => {
      const other = Boolean(wanted.benchmark) && board.node.dataset.benchmark !== wanted.benchmark;
      const here = other ? 0 : board.rows.reduce((count, row) => {
        row.hidden = !matches(row, wanted);
        return count + !row.hidden;
      }, 0);
      board.node.hidden = here === 0;
      total += board.rows.length;
      shown += here;
      plot(board);
    });
    one(".nothing").hidden = shown > 0;
    all(".jump a").forEach((link) => { link.hidden = document.getElementById(link.getAttribute("href").slice(1)).hidden; });
    one("#count").textContent = shown === total ? `${total.toLocaleString("en")} ${total === 1 ? "row" : "rows"}` : `${shown.toLocaleString("en")} of ${total.toLocaleString("en")} rows`;
    document.body.dataset.ready = String(Number(document.body.dataset.ready || 0) + 1);
  }

  // The next of 1, 2, 5, 10, 20, 50, 100 and so on that is no smaller.
  function roundUp(x) {
    const unit = 10 ** Math.floor(Math.log10(x));
    return unit * [1, 2, 5, 10].find((step) => x <= unit * step * (1 + 1e-9));
  }

  // One scale for percent; another one, as in the files, only where a number does not fit it.
  function span(cells) {
    const numbers = cells.flatMap((cell) => [number(cell), Number(cell.dataset.low ?? NaN), Number(cell.dataset.high ?? NaN)]).filter(Number.isFinite);
    const [low, high] = [Math.min(0, ...numbers), Math.max(0, ...numbers)];
    if (low >= -1e-9 && high <= 100 + 1e-9) return [0, 100];
    return [low < 0 ? -roundUp(-low) : 0, high > 0 ? roundUp(high) : 0];
  }

  function plot(board) {
    const key = board.metric.value;
    const column = board.buttons.findIndex((button) => button.dataset.better && button.textContent === key);
    const rows = all("tbody tr", board.node).filter((row) => !row.hidden);
    const [low, high] = span(board.rows.map((row) => row.cells[column]));
    const at = (x) => `${100 * (x - low) / (high - low)}%`;
    one(".points", board.node).replaceChildren(...rows.map((row) => {
      const cell = row.cells[column];
      const item = make("li", row.className);
      const { name, base } = row.dataset;
      const alike = board.rows.some((other) => other !== row && other.dataset.name === name);
      const signs = all(".sign", row.cells[0]).map((sign) => sign.textContent);
      const who = make("span", "who", [name, ...signs, ...(alike ? [`· ${base}`] : [])].join(" "));
      const track = make("span", "track");
      if (cell.dataset.low !== undefined) {
        const between = make("span", "between");
        between.style.left = at(Number(cell.dataset.low));
        between.style.width = `${100 * (Number(cell.dataset.high) - Number(cell.dataset.low)) / (high - low)}%`;
        track.append(between);
      }
      if (!Number.isNaN(number(cell))) {
        const dot = make("span", "dot");
        dot.style.left = at(number(cell));
        track.append(dot);
      }
      const much = make("span", "much", [one("b", cell), one("span:not(.unseen)", cell)].filter(Boolean).map((part) => part.textContent).join(" "));
      item.append(who, track, much);
      return item;
    }));
    const ticks = make("div", "ticks");
    [0, 1, 2, 3, 4].forEach((step) => ticks.append(make("span", "", String(Math.round((low + (high - low) * step / 4) * 10) / 10))));
    one(".axis", board.node).replaceChildren(ticks);
    const papers = rows.some((row) => row.classList.contains("paper")) ? "; hollow: published" : "";
    one(".unit", board.node).replaceChildren(make("span", "", `${key} in percent, with 95 % interval${papers}`));
    all(".files a", board.node).forEach((link) => {
      link.href = `charts/${board.node.id}-${key.toLowerCase()}.${link.dataset.form}`;
    });
  }

  function toHash() {
    const parts = new URLSearchParams();
    filters.forEach((name) => { if (value(name)) parts.set(name, value(name)); });
    if (one("#published") && !one("#published").checked) parts.set("published", "no");
    boards.forEach((board) => {
      const id = board.node.id;
      if (sorted[id]) parts.set(`sort.${id}`, `${board.buttons[sorted[id][0]].dataset.name}.${sorted[id][1]}`);
      if (board.metric.selectedIndex > 0) parts.set(`plot.${id}`, board.metric.value);
    });
    const hash = parts.toString();
    if (hash !== location.hash.slice(1)) history.replaceState(null, "", hash ? `#${hash}` : location.pathname);
  }

  function fromHash() {
    // A link to one of the tables says nothing of filters.
    if (location.hash && !location.hash.includes("=") && document.body.dataset.ready) return;
    const parts = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
    filters.forEach((name) => { if (one(`#${name}`)) choose(one(`#${name}`), parts.get(name) || ""); });
    if (one("#published")) one("#published").checked = parts.get("published") !== "no";
    boards.forEach((board) => {
      const id = board.node.id;
      const wanted = parts.get(`sort.${id}`) || "";
      const cut = wanted.lastIndexOf(".");
      const column = board.buttons.findIndex((button) => button.dataset.name === wanted.slice(0, cut));
      const way = ["ascending", "descending"].find((name) => name === wanted.slice(cut + 1));
      sort(board, Math.max(0, column), column < 0 ? null : way || null);
      const place = [...board.metric.options].findIndex((option) => option.value === parts.get(`plot.${id}`));
      board.metric.selectedIndex = Math.max(0, place);
    });
    filter();
  }

  boards.forEach((board) => {
    board.buttons.forEach((button, column) => button.addEventListener("click", () => clicked(board, column)));
    board.metric.addEventListener("input", () => { plot(board); toHash(); });
  });
  const form = one(".filters");
  form.addEventListener("input", () => { filter(); toHash(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { filter(); toHash(); }));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=checkbox]), select")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.key === "t") THEME.toggle();
    if (event.key === "/") {
      event.preventDefault();
      one("#text").focus();
    }
  });
  addEventListener("hashchange", fromHash);
  fromHash();
})();
