// Tables: sums to sort and filter, and single requests.

const MOST_ROWS = 200;

// Columns of the sums: their key, which is the ledger's, their heading, and whether they are money
// or are shown only with "All columns".
const SUM_COLUMNS = [
  { key: "total", title: "USD", isMoney: true, isAlways: true },
  { key: "before", title: "Before, USD", isMoney: true },
  { key: "change", title: "Change", isText: true },
  { key: "requests", title: "Requests", isAlways: true },
  { key: "failures", title: "Failed" },
  { key: "unknown", title: "Cost unknown" },
  { key: "prompt_tokens", title: "Prompt" },
  { key: "completion_tokens", title: "Completion" },
  { key: "cached_tokens", title: "Cached" },
  { key: "saved", title: "Saved, USD", isMoney: true },
  { key: "billed", title: "Billed, USD", isMoney: true, isExtra: true },
  { key: "upstream", title: "BYOK, USD", isMoney: true, isExtra: true },
  { key: "estimate", title: "Estimated, USD", isMoney: true, isExtra: true },
  { key: "cache_hits", title: "Cache hits", isExtra: true },
  { key: "cache_write_tokens", title: "Cache written", isExtra: true },
  { key: "reasoning_tokens", title: "Reasoning", isExtra: true },
  { key: "image_tokens", title: "Image", isExtra: true },
];

// A name is matched as a whole; `*` stands for any characters.
const pattern = (written) => {
  const wanted = written.trim().toLowerCase();
  if (!wanted) return () => true;
  if (!wanted.includes("*")) return (name) => name.toLowerCase() === wanted;
  const source = wanted.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&")).join(".*");
  const expression = new RegExp(`^${source}$`, "s");
  return (name) => expression.test(name.toLowerCase());
};

const collator = new Intl.Collator("en", { numeric: true });

// A table whose first column stays where it is, and whose headings sort.
//
// rows: `names` (elements and texts of the first column), and a value for each column.
// columns: `key`, `title`, `isMoney`, `isText`, and `show` for values that are neither.
const drawTable = (table, { heading, columns, rows, total, order, sorted, label }) => {
  const ordered = sortedRows(rows, columns, order);
  const places = {};
  for (const column of columns)
    if (column.isMoney) places[column.key] = mostPlaces([...ordered, ...(total ? [total] : [])].map((row) => row[column.key] ?? 0n));
  const cell = (row, column) => {
    const value = row[column.key];
    if (column.show) return h("td", { class: column.isText ? "t" : "n" }, column.show(value, row));
    if (value === null || value === undefined) return h("td", { class: "n" }, column.isText ? "" : "–");
    return h("td", { class: "n" }, column.isMoney ? money(value, places[column.key]) : column.isText ? value : count(value));
  };
  const head = (key, title, isNumber) => {
    const state = order.key === key ? (order.rising ? "ascending" : "descending") : null;
    return h("th", { scope: "col", class: isNumber ? "n" : null, "aria-sort": state, data: { key } },
      h("button", { type: "button", onclick: () => sorted({ key, rising: state ? !order.rising : !isNumber }) }, title));
  };
  table.setAttribute("aria-label", label);
  table.replaceChildren(
    h("thead", {}, h("tr", {}, head("name", heading, false), ...columns.map((column) => head(column.key, column.title, !column.isText || column.key === "change")))),
    h("tbody", {}, ...ordered.map((row) => h("tr", {}, h("th", { scope: "row" }, row.name), ...columns.map((column) => cell(row, column))))),
    ...(total ? [h("tfoot", {}, h("tr", {}, h("th", { scope: "row" }, total.name), ...columns.map((column) => cell(total, column))))] : []));
};

const sortedRows = (rows, columns, order) => {
  const sign = order.rising ? 1 : -1;
  const column = columns.find((one) => one.key === order.key);
  const value = (row) => (column ? (column.sortBy ? column.sortBy(row) : row[column.key]) : row.title);
  const least = (one) => one === null || one === undefined;
  return rows.map((row) => [value(row), row]).sort(([one, row], [other, next]) => {
    // What is not known is last, whichever way.
    if (least(one) || least(other)) return least(one) - least(other);
    const found = typeof one === "string" ? collator.compare(one, other) : compare(one, other);
    return found ? sign * found : collator.compare(row.title, next.title);
  }).map(([, row]) => row);
};

// The rows of the table of sums, those of the period before among them.
const sumRows = (data, facts, before, dimensions) => {
  const groups = new Map(grouped(data, facts, dimensions).map((group) => [group.key, group]));
  const earlier = new Map((before ? grouped(data, before, dimensions) : []).map((group) => [group.key, group]));
  const isDay = dimensions.includes("day");
  if (before && !isDay)
    for (const [key, group] of earlier) if (!groups.has(key)) groups.set(key, { ...group, sum: noSum() });
  return [...groups.values()].map((group) => {
    const was = before && !isDay ? earlier.get(group.key)?.sum.total ?? 0n : null;
    return { ...group.sum, names: group.names, before: was, change: was === null ? null : change(group.sum.total, was) };
  }).filter((row) => row.requests || row.total || row.before);
};

const sumColumns = (rows, total, showsAll) =>
  SUM_COLUMNS.filter((column) => column.isAlways || (column.key === "change" || column.key === "before"
    ? rows.some((row) => row.before !== null)
    : (showsAll || !column.isExtra) && total[column.key]))
    .map((column) => (column.key === "change" ? { ...column, sortBy: (row) => (row.before === null ? null : row.total - row.before) } : column));

const csvOfSums = (dimensions, rows, columns) => {
  const kept = columns.filter((column) => column.key !== "change");
  const keyOf = { estimate: "estimated", before: "total_before" };
  return [
    [...dimensions, ...kept.map((column) => keyOf[column.key] ?? column.key)],
    ...rows.map((row) => [
      ...row.names.map((name) => (name === null ? "" : text(name))),
      ...kept.map((column) => (row[column.key] === null ? null : column.isMoney ? plain(row[column.key]) : row[column.key])),
    ]),
  ];
};

// Single requests, in columns of the ledger's names.
const requestRows = (data, kind, [from, to], filters) =>
  data.requests[kind].map((values) => Object.fromEntries(data.listed.map((name, place) => [name, values[place]])))
    .filter((one) => one.started_at >= from * 3600000 && one.started_at < to * 3600000)
    .filter((one) => [...filters].every(([name, value]) => typeof value === "number" ? isOther(data, name, one[name])
      : name === "tag" ? (value === null ? !one.tag.length : one.tag.includes(value)) : one[name] === value))
    .map((one) => ({ ...one, total: one.cost === null ? null : BigInt(one.cost) + BigInt(one.upstream) }));

const isOther = (data, name, found) =>
  (name === "tag" ? found : [found]).some((one) => one !== null && !data.names[name].includes(one));

const REQUEST_COLUMNS = [
  { key: "total", title: "USD", isMoney: true },
  { key: "started_at", title: "Time, UTC", isText: true, show: (value) => new Date(value).toISOString().slice(0, 19).replace("T", " ") },
  { key: "outcome", title: "Outcome", isText: true, show: (value, row) => value + (row.error_code ? ` (${row.error_code})` : "") },
  { key: "provider", title: "Provider", isText: true, show: (value) => (value === null ? h("em", {}, "not known") : h("bdi", {}, value)) },
  { key: "prompt_tokens", title: "Prompt" },
  { key: "completion_tokens", title: "Completion" },
  { key: "latency_ms", title: "Latency", show: (value) => duration(value) },
  { key: "labels", title: "Labels", isText: true, show: (_, row) => labelsOf(row) },
  { key: "generation_id", title: "Generation", isText: true, show: (value) => (value === null ? "" : h("code", {}, value)) },
];
const labelsOf = (row) =>
  ["user", "end_user", "team", "organization", "key", "job"].filter((name) => row[name] !== null).map((name) => [name, row[name]])
    .concat(row.tag.map((tag) => ["tag", tag]))
    .flatMap(([name, value], place) => [place ? ", " : "", `${TITLES[name].toLowerCase()} `, h("bdi", {}, value)]);

const csvOfRequests = (data, rows) => {
  const names = data.listed.filter((name) => name !== "started_at" && name !== "cost" && name !== "upstream");
  return [
    ["started_at", "total", ...names],
    ...rows.map((row) => [new Date(row.started_at).toISOString(), row.total === null ? null : plain(row.total),
      ...names.map((name) => (name === "tag" ? row.tag.join(" ") : row[name]))]),
  ];
};
