"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const tip = byId("tip");

  // What is pointed at: a mouse, a finger, or the arrow keys in a chart.
  let shownFor = null;
  const show = (plot, target, x, y) => {
    shownFor = plot;
    tip.textContent = target.dataset.tip;
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - width - 4))}px`;
    tip.style.top = `${Math.max(4, y + 14 + height > innerHeight ? y - height - 10 : y + 14)}px`;
  };
  for (const plot of document.querySelectorAll(".plot")) {
    const hits = [...plot.querySelectorAll(".hit")];
    let at = -1;
    const leave = () => {
      // The pointer may leave one chart while the keys are in another.
      if (shownFor === plot) tip.hidden = true;
      hits[at]?.classList.remove("at");
      at = -1;
    };
    for (const type of ["pointermove", "pointerdown"])
      plot.addEventListener(type, (event) => {
        if (event.target.dataset.tip) show(plot, event.target, event.clientX, event.clientY);
      });
    plot.addEventListener("pointerleave", leave);
    plot.addEventListener("blur", leave);
    plot.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (event.key === "Escape") leave();
      if (!step || !hits.length) return;
      event.preventDefault();
      hits[at]?.classList.remove("at");
      at = at < 0 ? (step > 0 ? 0 : hits.length - 1) : (at + step + hits.length) % hits.length;
      hits[at].classList.add("at");
      const box = hits[at].getBoundingClientRect();
      show(plot, hits[at], box.x, box.y);
    });
  }

  const by = byId("by");
  if (!by) return;
  const filter = byId("filter");
  const status = byId("status");
  const sheets = new Map([...document.querySelectorAll(".sheet")].map((sheet) => [sheet.id.slice(3), sheet]));

  // All figures of a column have the same number of decimal places: without the point they are
  // whole numbers, and BigInt sorts and adds them up exactly.
  const whole = (cell) => BigInt(cell.dataset.ms ?? cell.textContent.replace(/\D/g, ""));
  const places = (cell) => cell.textContent.trim().split(".")[1]?.length ?? 0;
  const written = (sum, decimals) => {
    const digits = sum.toString().padStart(decimals + 1, "0");
    const cut = digits.length - decimals;
    const grouped = digits.slice(0, cut).replace(/\B(?=(\d{3})+$)/g, ",");
    return decimals ? `${grouped}.${digits.slice(cut)}` : grouped;
  };

  const rowsOf = (table) => [...table.tBodies[0].rows];
  const cellOf = (row, column) => row.cells[column];

  const update = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const [key, sheet] of sheets) sheet.hidden = key !== by.value;
    const table = sheets.get(by.value).querySelector("table");
    const rows = rowsOf(table);
    const shown = rows.filter((row) => {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      return !row.hidden;
    });
    status.textContent = `${shown.length} of ${rows.length} rows`;
    if (!("addsUp" in table.dataset) || !shown.length) return;
    const heads = [...table.tHead.rows[0].cells];
    const first = heads.findIndex((head) => "sum" in head.dataset);
    const sum = (column) => shown.reduce((held, row) => held + whole(cellOf(row, column)), 0n);
    const usd = written(sum(first), places(cellOf(shown[0], first)));
    status.textContent += `: ${usd} USD, ${written(sum(first + 1), 0)} requests`;
  };

  const sort = (table, head) => {
    const column = head.cellIndex;
    const isNumber = head.classList.contains("n");
    const before = head.getAttribute("aria-sort");
    // Figures begin with the largest, names with A.
    const order = before ? (before === "descending" ? 1 : -1) : isNumber ? -1 : 1;
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order > 0 ? "ascending" : "descending");
    const collator = new Intl.Collator("en", { numeric: true });
    const key = isNumber ? whole : (cell) => cell.textContent.trim();
    const compare = isNumber ? (a, b) => (a < b ? -1 : a > b ? 1 : 0) : collator.compare;
    const keyed = rowsOf(table).map((row) => [key(cellOf(row, column)), row]);
    keyed.sort((a, b) => order * compare(a[0], b[0]));
    table.tBodies[0].append(...keyed.map((pair) => pair[1]));
  };

  for (const sheet of sheets.values()) {
    const table = sheet.querySelector("table");
    for (const head of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => sort(table, head));
    }
  }
  document.querySelector(".controls").hidden = false;
  by.addEventListener("change", update);
  filter.addEventListener("input", update);
  update();
})();
