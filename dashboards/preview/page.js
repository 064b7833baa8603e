"use strict";
// Shows the section that the address names, draws its charts then, and keeps the theme.
(() => {
  const root = document.documentElement;
  const all = (within, what) => [...within.querySelectorAll(what)];
  const main = document.querySelector("main");
  const boards = all(main, ".board");

  // -- the theme -----------------------------------------------------------------------
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const kept = { get: () => null, set: () => {} };
  try {
    const name = "delivery-signals-theme";
    kept.get = () => localStorage.getItem(name);
    kept.set = (theme) => localStorage.setItem(name, theme);
    kept.get();
  } catch {
    kept.get = () => null; // a page from a file may have no storage
  }
  const asked = new URLSearchParams(location.search).get("theme") || root.dataset.theme;
  const wish = () => asked || kept.get() || (dark.matches ? "dark" : "light");
  const button = document.querySelector("#theme");
  const paint = (theme) => {
    root.dataset.theme = theme;
    button.textContent = theme === "dark" ? "Light" : "Dark";
    all(main, ".plot.drawn").forEach(draw);
  };
  button.addEventListener("click", () => {
    const theme = root.dataset.theme === "dark" ? "light" : "dark";
    kept.set(theme);
    paint(theme);
  });
  dark.addEventListener("change", () => paint(wish()));

  // -- charts --------------------------------------------------------------------------
  const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const color = (text) => {
    const [, tone, covers] = /^(.*?)(?:\/(\d+))?$/.exec(text);
    const found = tone.startsWith("var(") ? css(tone.slice(4, -1)) : tone;
    if (covers === undefined || !/^#[0-9a-f]{6}$/i.test(found)) return found;
    return found + Math.round(covers * 2.55).toString(16).padStart(2, "0");
  };
  const colored = (value, key) => {
    if (Array.isArray(value)) return key === "x" || key === "y" ? value : value.map((v) => colored(v));
    if (value && typeof value === "object")
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, colored(v, k)]));
    return typeof value === "string" && /color$/i.test(key || "") ? color(value) : value;
  };
  const axis = () => ({ gridcolor: css("--line"), zeroline: false, automargin: true, color: css("--soft") });
  // Also where no window is resized: a legend may wrap, a scroll bar may come.
  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) if (target.offsetWidth) Plotly.Plots.resize(target);
  });
  const draw = (plot) => {
    plot.figure ??= JSON.parse(plot.nextElementSibling.textContent);
    const { data, layout } = colored(plot.figure);
    const shown = all(plot.parentElement, ".legend button");
    for (const trace of data) {
      const key = shown.find((one) => one.dataset.series === plain(trace.name));
      if (key) trace.visible = key.getAttribute("aria-pressed") === "true";
    }
    Plotly.react(plot, data, {
      ...layout,
      margin: { t: 6, r: 14, b: 22, l: 10 },
      paper_bgcolor: "#0000", plot_bgcolor: "#0000", showlegend: false,
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: css("--text") },
      hoverlabel: { bgcolor: css("--raised"), bordercolor: css("--line"), font: { color: css("--text") } },
      xaxis: { type: "date", ...axis(), hoverformat: "%a %-d %b %Y", nticks: 8, ...layout.xaxis },
      yaxis: { fixedrange: true, ...axis(), ...layout.yaxis },
    }, { displayModeBar: false });
    plot.classList.add("drawn");
    sizes.observe(plot);
  };
  const plain = (text) => new DOMParser().parseFromString(text, "text/html").body.textContent;

  // -- sections ------------------------------------------------------------------------
  const picks = (board) => all(board, "select");
  const route = () => {
    const [uid, query] = decodeURI(location.hash.slice(1)).split("?");
    const board = boards.find((one) => one.dataset.uid === uid) || boards[0];
    const wanted = new URLSearchParams(query);
    const served = Boolean(board.dataset.served);
    const values = picks(board).map((one) =>
      served ? one.value : (wanted.get(one.name) ?? one.dataset.first));
    const key = JSON.stringify(values);
    const sections = all(board, ".section");
    const found = sections.find((one) => one.dataset.key === key);
    for (const one of boards) one.hidden = one !== board;
    for (const one of sections) one.hidden = one !== found;
    board.querySelector(".absent").hidden = Boolean(found);
    picks(board).forEach((one, n) => { one.value = values[n]; });
    for (const link of all(document, ".top nav a"))
      link.toggleAttribute("aria-current", link.dataset.uid === board.dataset.uid);
    document.title = `${board.querySelector("h1").textContent} · delivery-signals`;
    if (found) open(found);
  };
  const open = (section) => {
    const template = section.querySelector("template");
    if (template) template.replaceWith(template.content);
    all(section, ".plot:not(.drawn)").forEach(draw);
  };
  main.addEventListener("change", (event) => {
    const board = event.target.closest(".board");
    if (event.target.tagName !== "SELECT") return;
    const served = board.dataset.served;
    const only = picks(board);
    const here = () => JSON.stringify(only.map((one) => one.value));
    // A file has each variable varied alone: the others go back to their first value.
    if (!served && !all(board, ".section").some((one) => one.dataset.key === here()))
      for (const one of only) if (one !== event.target) one.value = one.dataset.first;
    const query = new URLSearchParams(
      only.filter((one) => one.value !== one.dataset.first).map((one) => [one.name, one.value]),
    ).toString();
    const address = board.dataset.uid + (query ? `?${query}` : "");
    if (served) location.assign(`/${address}`);
    else location.hash = address;
  });

  // -- clicks --------------------------------------------------------------------------
  main.addEventListener("click", (event) => {
    const target = event.target;
    if (target.matches("th button")) sort(target.parentElement);
    else if (target.matches(".copy")) copy(target);
    else if (target.matches(".legend button")) {
      target.setAttribute("aria-pressed", String(target.getAttribute("aria-pressed") !== "true"));
      draw(target.closest(".panel").querySelector(".plot"));
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") for (const one of all(main, ".info[open]")) one.open = false;
  });
  const sort = (head) => {
    const body = head.closest("table").tBodies[0];
    const down = head.getAttribute("aria-sort") === "ascending";
    const of = (row) => {
      const cell = row.cells[head.cellIndex];
      return "v" in cell.dataset ? (cell.dataset.v === "" ? null : Number(cell.dataset.v)) : cell.textContent;
    };
    const order = (a, b) => {
      const [x, y] = [of(a), of(b)];
      if (x === null || y === null) return (x === null) - (y === null); // unknown stays last
      const sign = typeof x === "number" ? x - y : x.localeCompare(y);
      return down ? -sign : sign;
    };
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...[...body.rows].sort(order));
  };
  const copy = async (target) => {
    try {
      await navigator.clipboard.writeText(target.dataset.copy);
    } catch {
      // Without a secure origin, as from a file, there is only the old way.
      const area = Object.assign(document.createElement("textarea"), { value: target.dataset.copy });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    target.textContent = "Copied";
    setTimeout(() => { target.textContent = "Copy"; }, 1500);
  };

  addEventListener("hashchange", () => { route(); scrollTo(0, 0); });
  root.dataset.theme = wish();
  route();
  paint(wish());
  root.dataset.ready = "true";
})();
