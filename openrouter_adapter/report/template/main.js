// What is chosen, and what happens when something is.

const live = "live" in document.body.dataset;
let data = null;
let state = null;
let past = [];

const start = () => ({
  range: data.window, preset: "all", filters: new Map(), by: "model", and: "", chart: "model", left: "model", right: "provider",
  pattern: "", order: null, showsAll: false, everyRow: false, kind: "expensive", requestOrder: { key: "total", rising: false }, compares: false,
});

// Every change goes through here, so that it can be taken back.
const choose = (changes, { isKept = true } = {}) => {
  if (isKept) past.push(state);
  state = { ...state, ...changes };
  draw();
};

const isWithin = ([from, to]) => [Math.max(from, data.window[0]), Math.min(to, data.window[1])];

const presets = () => {
  const today = data.now - (data.now % DAY);
  const month = startOf(today, "month");
  const found = {
    all: ["Everything", data.window],
    today: ["Today", [today, today + DAY]],
    yesterday: ["Yesterday", [today - DAY, today]],
    week: ["7 days", [today - 6 * DAY, today + DAY]],
    days: ["30 days", [today - 29 * DAY, today + DAY]],
    month: ["This month", [month, nextOf(month, "month")]],
    before: ["Last month", [startOf(month - DAY, "month"), month]],
  };
  // One that is empty here, or the same as everything, would only be in the way.
  return Object.entries(found).filter(([name, [, range]]) => {
    const [from, to] = isWithin(range);
    return name === "all" || (from < to && (from > data.window[0] || to < data.window[1]));
  });
};

// Days of months that are summed up can't be told apart: a range begins and ends between them.
const aligned = ([from, to]) => [
  from < data.daily ? startOf(from, "month") : from,
  to < data.daily ? (startOf(to, "month") === to ? to : Math.min(nextOf(startOf(to, "month"), "month"), data.daily)) : to,
];

const rangeBefore = ([from, to]) => {
  const isMonth = startOf(from, "month") === from && nextOf(from, "month") === to;
  const before = [isMonth ? startOf(from - DAY, "month") : from - (to - from), from];
  const same = aligned(before);
  return before[0] >= startOf(data.window[0], "day") && same[0] === before[0] && same[1] === before[1] ? before : null;
};

const pickSlot = (slot) => {
  choose({ range: aligned([slot.from, slot.to]), preset: "" });
  reach();
};
const pickValue = (dimension, value) => {
  const filters = new Map(state.filters).set(dimension, value);
  // Its rows, and not the one row that it is.
  const by = state.by === dimension ? "day" : state.by;
  choose({ filters, by, and: state.and === dimension || state.and === by ? "" : state.and, order: null });
  reach();
};
// To the rows of what was picked.
const reach = () => {
  const heading = byId("explorer-title");
  heading.scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  heading.focus({ preventScroll: true });
};

const draw = () => {
  const facts = matching(data, state.range, state.filters);
  const earlier = rangeBefore(state.range);
  const before = state.compares && earlier ? matching(data, earlier, state.filters) : null;
  const sum = sumOf(data, facts);
  const spread = latencies(data, state.range, state.filters.get("model"));
  const saved = savings(data, facts);
  drawControls(earlier);
  drawNotices(data, sum);
  drawTiles(data, sum, before && sumOf(data, before), spread, savedInAll(saved, sum.cache_hits));
  drawSpend(data, facts, state.range, state.chart, pickSlot);
  drawRequests(data, facts, state.range, pickSlot);
  drawBars(byId("left-bars"), data, facts, state.left, pickValue);
  drawBars(byId("right-bars"), data, facts, state.right, pickValue);
  drawTokens(sum);
  drawLatency(spread);
  drawFailures(data, facts, pickValue);
  drawSavings(saved);
  drawBudgets(data);
  drawExplorer(facts, before, sum);
  drawSingles();
};

const options = (select, entries, value) => {
  select.replaceChildren(...entries.map(([key, title]) => h("option", { value: key }, title)));
  select.value = value;
};

const drawControls = (earlier) => {
  byId("presets").replaceChildren(...presets().map(([name, [title, range]]) =>
    h("button", { type: "button", "aria-pressed": String(state.preset === name), onclick: () => choose({ range: aligned(isWithin(range)), preset: name }) }, title)));
  const [from, to] = state.range;
  byId("from").value = dateText(from);
  byId("to").value = dateText(to - 1);
  for (const id of ["from", "to"]) {
    byId(id).min = dateText(data.window[0]);
    byId(id).max = dateText(data.window[1] - 1);
  }
  byId("range").textContent = rangeText(state.range);
  byId("compare").checked = state.compares;
  byId("compare").disabled = !earlier;
  byId("compare-text").textContent = earlier ? `Compare with ${rangeText(earlier)}` : "The period before is not in this page";
  const chips = [...state.filters].map(([name, value]) =>
    h("button", { type: "button", class: "chip", onclick: () => choose({ filters: new Map([...state.filters].filter(([other]) => other !== name)) }) },
      `${TITLES[name]}: `, named(value), h("span", { "aria-hidden": "true" }, " ✕"), h("span", { class: "unseen" }, ", remove this filter")));
  byId("chips").replaceChildren(...chips);
  byId("back").disabled = !past.length;
  const dimensions = dimensionsOf(data).map((name) => [name, TITLES[name]]);
  for (const id of ["chart", "left", "right"]) options(byId(id), dimensions, state[id]);
  options(byId("by"), [["day", TITLES.day], ...dimensions], state.by);
  options(byId("and"), [["", "nothing else"], ...[["day", TITLES.day], ...dimensions].filter(([name]) => name !== state.by)], state.and);
};

// The rows that the table shows, in its order: what its CSV has, too.
const shownRows = () => {
  const facts = matching(data, state.range, state.filters);
  const earlier = rangeBefore(state.range);
  const before = state.compares && earlier ? matching(data, earlier, state.filters) : null;
  return explored(facts, before, sumOf(data, facts));
};

const explored = (facts, before, sum) => {
  const dimensions = [state.by, ...(state.and ? [state.and] : [])];
  const every = sumRows(data, facts, before, dimensions);
  const fits = pattern(state.pattern);
  const rows = every.filter((row) => row.names.some((name) => fits(text(name))));
  for (const row of rows) row.title = row.names.map((name) => text(name)).join("\n");
  const columns = sumColumns(every, sum, state.showsAll);
  const order = state.order ?? (state.by === "day" && !state.and ? { key: "name", rising: false } : { key: "total", rising: false });
  return { dimensions, every, columns, order, rows: sortedRows(rows, columns, order) };
};

const drawExplorer = (facts, before, sum) => {
  const { dimensions, every, rows, columns, order } = explored(facts, before, sum);
  const shown = state.everyRow ? rows : rows.slice(0, MOST_ROWS);
  for (const row of shown)
    row.name = row.names.map((name, place) => {
      const dimension = dimensions[place];
      const open = dimension === "day" ? () => pickSlot(slotOf(name)) : () => pickValue(dimension, name);
      return h("button", { type: "button", class: place ? "name second" : "name", onclick: open }, named(name));
    });
  const inAll = rows.reduce((held, row) => {
    for (const column of columns) if (column.key !== "change" && row[column.key] !== null) held[column.key] = (held[column.key] ?? (column.isMoney ? 0n : 0)) + row[column.key];
    return held;
  }, {});
  const addsUp = !dimensions.includes("tag");
  const isAll = rows.length === every.length;
  const last = isAll ? { ...sum, before: before ? sumOf(data, before).total : null, name: "All requests" } : { ...inAll, name: "Rows shown" };
  if (last.before !== null && last.before !== undefined) last.change = change(last.total, last.before);
  const heading = dimensions.map((name) => TITLES[name]).join(", ");
  drawTable(byId("sums"), {
    heading, columns, rows: shown, order, label: `By ${heading.toLowerCase()}`, total: isAll || addsUp ? last : null,
    sorted: (chosen) => choose({ order: chosen }, { isKept: false }),
  });
  byId("status").textContent = `${count(rows.length)} of ${plural(every.length, "row")}` +
    (addsUp && rows.length ? `: ${usd(inAll.total)} USD, ${plural(inAll.requests, "request")}` : "");
  byId("sums-note").textContent = [
    dimensions.includes("tag") ? "A request with two tags is in the rows of both; the last line counts it once." : "",
    data.daily > state.range[0] ? `Before ${dayText(data.daily)}, this page has months and no days.` : "",
    dimensions.some((name) => name !== "day" && data.names[name].some((one) => typeof one === "number")) ? "The page names the most expensive values; the others are one row." : "",
  ].filter(Boolean).join(" ");
  const more = byId("more-rows");
  more.hidden = shown.length === rows.length;
  more.textContent = `Show all ${count(rows.length)} rows`;
  drawSuggestion(every, rows);
};

const slotOf = (name) => {
  const from = hourOf(new Date(`${name.length === 7 ? `${name}-01` : name}T00:00:00Z`));
  const to = name.length === 7 ? Math.min(nextOf(from, "month"), data.daily) : from + DAY;
  return { from, to };
};

// Nothing is named exactly so: what would be found with stars.
const drawSuggestion = (every, rows) => {
  const box = byId("suggestion");
  const written = state.pattern.trim();
  box.replaceChildren();
  if (rows.length || !written || written.includes("*")) return;
  const wide = `*${written}*`;
  const fits = pattern(wide);
  const number = every.filter((row) => row.names.some((name) => fits(text(name)))).length;
  if (number)
    box.append("No name is exactly that. ", h("button", { type: "button", onclick: () => {
      byId("filter").value = wide;
      choose({ pattern: wide }, { isKept: false });
    } }, `${wide} finds ${plural(number, "row")}`));
};

const singles = () => {
  const rows = requestRows(data, state.kind, state.range, state.filters);
  for (const row of rows) row.title = `${row.model}\n${row.generation_id ?? ""}`;
  return sortedRows(rows, REQUEST_COLUMNS, state.requestOrder);
};

const drawSingles = () => {
  const rows = singles();
  const shown = rows.slice(0, MOST_ROWS);
  for (const row of shown) row.name = [named(row.model), row.served_model && row.served_model !== row.model ? h("small", {}, row.served_model) : null];
  for (const button of byId("kinds").querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.dataset.kind === state.kind));
  drawTable(byId("singles"), {
    heading: "Model", rows: shown, order: state.requestOrder, label: "Single requests",
    columns: REQUEST_COLUMNS.filter((column) => column.key === "total" || column.key === "labels" || rows.some((row) => row[column.key] !== null)),
    sorted: (chosen) => choose({ requestOrder: chosen }, { isKept: false }),
  });
  const kept = data.requests[state.kind].length;
  const which = { expensive: "most expensive", failed: "latest that failed", unknown: "latest of unknown cost" }[state.kind];
  byId("singles-note").textContent = kept ? `${count(rows.length)} of the ${count(kept)} ${which} in this page are in the period and match the filters.` : "There is none.";
};

const setDates = () => {
  const [from, to] = ["from", "to"].map((id) => hourOf(new Date(`${byId(id).value}T00:00:00Z`)));
  if (Number.isNaN(from) || Number.isNaN(to)) return;
  const range = isWithin(aligned([Math.min(from, to), Math.max(from, to) + DAY]));
  if (range[0] < range[1]) choose({ range, preset: "" });
  else draw();
};

const listen = () => {
  for (const id of ["from", "to"]) byId(id).addEventListener("change", setDates);
  for (const id of ["chart", "left", "right", "and"])
    byId(id).addEventListener("change", (event) => choose({ [id]: event.target.value, ...(id === "and" ? { order: null } : {}) }));
  byId("by").addEventListener("change", (event) => choose({ by: event.target.value, and: state.and === event.target.value ? "" : state.and, order: null, everyRow: false }));
  byId("compare").addEventListener("change", (event) => choose({ compares: event.target.checked }));
  byId("columns").addEventListener("change", (event) => choose({ showsAll: event.target.checked }, { isKept: false }));
  byId("filter").addEventListener("input", (event) => choose({ pattern: event.target.value }, { isKept: false }));
  byId("more-rows").addEventListener("click", () => choose({ everyRow: true }, { isKept: false }));
  byId("back").addEventListener("click", () => {
    state = { ...past.pop(), pattern: state.pattern, showsAll: state.showsAll };
    draw();
  });
  byId("clear").addEventListener("click", () => {
    byId("filter").value = "";
    choose({ ...start(), showsAll: state.showsAll });
  });
  for (const button of byId("kinds").querySelectorAll("button")) button.addEventListener("click", () => choose({ kind: button.dataset.kind }, { isKept: false }));
  const period = () => `${dateText(state.range[0])}-to-${dateText(state.range[1] - 1)}`;
  byId("csv").addEventListener("click", () => {
    const { dimensions, rows, columns } = shownRows();
    download(`spend-by-${dimensions.join("-and-")}-${period()}.csv`, csvOfSums(dimensions, rows, columns));
  });
  byId("singles-csv").addEventListener("click", () => download(`requests-${state.kind}-${period()}.csv`, csvOfRequests(data, singles())));
};

const show = async (packed) => {
  const isFirst = data === null;
  const window = data?.window;
  data = loaded(await decode(packed.trim()));
  if (!data.count) {
    byId("nothing").hidden = false;
    byId("page").hidden = true;
    drawBudgets(data);
  } else {
    byId("nothing").hidden = true;
    byId("page").hidden = false;
    if (isFirst || !state) {
      state = start();
      listen();
    } else if (state.preset) {
      // The period moves on with the clock; one that was chosen freely stays.
      const chosen = presets().find(([name]) => name === state.preset);
      state.range = chosen ? aligned(isWithin(chosen[1][1])) : data.window;
    } else if (window && state.range[1] === window[1]) state.range = [state.range[0], data.window[1]];
    draw();
  }
  byId("made").textContent = data.made;
  document.documentElement.dataset.ready = String(Number(document.documentElement.dataset.ready ?? 0) + 1);
};

// A page that is served asks for new data, and says so if there is no answer.
const follow = () => {
  let tag = null;
  const ask = async () => {
    try {
      const answer = await fetch("data", { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
      if (answer.status === 200) {
        tag = answer.headers.get("ETag");
        await show(await answer.text());
      } else if (answer.status !== 304) throw new Error(String(answer.status));
      byId("live").textContent = "live";
    } catch {
      byId("live").textContent = "not connected: these figures may be old";
    }
    setTimeout(ask, Number(document.body.dataset.live) * 1000);
  };
  ask();
};

if (typeof DecompressionStream === "undefined") byId("unsupported").hidden = false;
else show(byId("data").textContent).then(() => live && follow());
