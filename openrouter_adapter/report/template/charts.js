// Charts: shapes are numbers, every figure in a label is exact.

const TICKS = 6n;
const MOST_LABELS = 6;
const MOST_BARS = 8;
const COLOURS = 5;
const UNITS = { hour: 3 * DAY, day: 100 * DAY, week: 700 * DAY, month: Infinity };

// The distance of grid lines: 1, 2 or 5 times a power of ten.
const stepFor = (highest) => {
  for (let power = 1n; ; power *= 10n)
    for (const times of [1n, 2n, 5n]) if (power * times * TICKS >= highest) return power * times;
};

const unitFor = (data, [from, to]) => {
  if (from < data.daily) return "month";
  return Object.keys(UNITS).find((unit) => to - from <= UNITS[unit] && (unit !== "hour" || from >= data.hourly));
};

const startOf = (hour, unit) => {
  if (unit === "hour") return hour;
  const day = hour - (hour % DAY);
  if (unit === "week") return day - ((moment(day).getUTCDay() + 6) % 7) * DAY;
  const date = moment(day);
  return unit === "month" ? hourOf(new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1))) : day;
};
const nextOf = (start, unit) =>
  unit === "month" ? startOf(start + 32 * DAY, unit) : start + { hour: 1, day: DAY, week: 7 * DAY }[unit];

// The columns of a range: their beginnings and ends, within it.
const slotsOf = (data, range) => {
  const unit = unitFor(data, range);
  const slots = [];
  for (let start = startOf(range[0], unit); start < range[1]; start = nextOf(start, unit))
    slots.push({ start, from: Math.max(start, range[0]), to: Math.min(nextOf(start, unit), range[1]) });
  return { unit, slots };
};

const slotTitle = (unit, slot) => {
  const date = moment(slot.start);
  if (unit === "hour") return `${WEEKDAYS[date.getUTCDay()]} ${dayText(slot.start)}, ${clock(slot.start)} UTC`;
  if (unit === "day") return `${WEEKDAYS[date.getUTCDay()]} ${dayText(slot.start)}`;
  return unit === "week" ? `week from ${dayText(slot.start)}` : `${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
};
const slotLabel = (unit, slot, before) => {
  if (unit === "hour") return !before || slot.start % DAY < before.start % DAY ? `${clock(slot.start)}\n${dayText(slot.start, false)}` : clock(slot.start);
  const year = moment(slot.start).getUTCFullYear();
  const isNew = !before || moment(before.start).getUTCFullYear() !== year;
  if (unit === "month") return `${MONTHS[moment(slot.start).getUTCMonth()]}${isNew ? `\n${year}` : ""}`;
  return `${dayText(slot.start, false)}${isNew ? `\n${year}` : ""}`;
};

const SVG = "http://www.w3.org/2000/svg";
const rectangle = (attributes) => {
  const element = document.createElementNS(SVG, "rect");
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
};
const percent = (part, whole) => (whole ? Number((part * 1000000n) / whole) / 10000 : 0);

const tip = byId("tip");
const showTip = (words, x, y) => {
  tip.textContent = words;
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - width - 4))}px`;
  tip.style.top = `${Math.max(4, y + 14 + height > innerHeight ? y - height - 10 : y + 14)}px`;
};

// Columns over time. `stacks`: for each slot, [style, amount (BigInt), words] from the bottom up.
const drawColumns = (plot, { unit, slots, stacks, tips, title, summary, empty, label, pick }) => {
  const heights = stacks.map((stack) => stack.reduce((sum, [, amount]) => sum + amount, 0n));
  const highest = heights.reduce((most, one) => (one > most ? one : most), 0n);
  const step = highest ? stepFor(highest) : empty;
  const top = step * ((highest + step - 1n) / step || 1n);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${slots.length} 100`);
  svg.setAttribute("preserveAspectRatio", "none");
  stacks.forEach((stack, place) => {
    let y = 100;
    for (const [style, amount] of stack) {
      if (!amount) continue;
      const height = percent(amount, top);
      y -= height;
      const mark = rectangle({ class: `s${style}`, x: place + 0.08, y, width: 0.84, height });
      mark.dataset.amount = amount;
      svg.append(mark);
    }
  });
  const hits = slots.map((slot, place) => {
    const hit = rectangle({ class: "hit", x: place, y: 0, width: 1, height: 100 });
    hit.dataset.tip = tips[place];
    hit.addEventListener("click", () => pick(slot));
    return hit;
  });
  svg.append(...hits);
  const ticks = [];
  for (let at = 0n; at <= top; at += step)
    ticks.push(h("span", { class: "tick", style: `bottom:${percent(at, top)}%` }, h("span", {}, label(at, step))));
  const every = Math.max(1, Math.ceil(slots.length / (plot.clientWidth < 480 ? 4 : MOST_LABELS)));
  const labels = [];
  for (let place = 0; place < slots.length; place += every) {
    const left = (100 * (place + 0.5)) / slots.length;
    labels.push(h("span", { style: `left:${left}%` }, slotLabel(unit, slots[place], slots[place - every])));
  }
  const frame = h("div", { class: "frame", "aria-hidden": "true" }, ...ticks);
  frame.append(svg);
  plot.replaceChildren(frame, h("div", { class: "labels", "aria-hidden": "true" }, ...labels));
  plot.setAttribute("aria-label", `${title}. ${summary} Arrow keys read the columns, Enter opens one.`);
  // The widest label has its place on the left.
  const widest = Math.max(...[...frame.querySelectorAll(".tick span")].map((one) => one.offsetWidth));
  plot.style.paddingLeft = `${Math.max(32, widest + 2)}px`;
  watch(plot, hits, slots, pick);
};

// What is pointed at: a mouse, a finger, or the arrow keys in a chart.
const watch = (plot, hits, slots, pick) => {
  let at = -1;
  const leave = () => {
    if (tip.dataset.plot === plot.id) tip.hidden = true;
    hits[at]?.classList.remove("at");
    at = -1;
  };
  const show = (hit, x, y) => {
    tip.dataset.plot = plot.id;
    showTip(hit.dataset.tip, x, y);
  };
  plot.onpointermove = plot.onpointerdown = (event) => {
    if (event.target.dataset.tip) show(event.target, event.clientX, event.clientY);
  };
  plot.onpointerleave = plot.onblur = leave;
  plot.onkeydown = (event) => {
    if (event.key === "Escape") leave();
    if ((event.key === "Enter" || event.key === " ") && at >= 0) {
      event.preventDefault();
      const slot = slots[at];
      leave();
      return pick(slot);
    }
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || !hits.length) return;
    event.preventDefault();
    hits[at]?.classList.remove("at");
    at = at < 0 ? (step > 0 ? 0 : hits.length - 1) : (at + step + hits.length) % hits.length;
    hits[at].classList.add("at");
    const box = hits[at].getBoundingClientRect();
    show(hits[at], box.x, box.y);
  };
};

// Spend over time, with a colour for each of the most expensive values of a dimension.
const drawSpend = (data, facts, range, dimension, pick) => {
  const totals = grouped(data, facts, [dimension]).filter((group) => group.sum.total).sort(byCost);
  const shown = totals.slice(0, COLOURS);
  const colour = new Map(shown.map((group, place) => [group.key, place]));
  const { unit, slots } = slotsOf(data, range);
  const places = new Map(slots.map((slot, place) => [slot.start, place]));
  const sums = slots.map(() => new Array(shown.length + 1).fill(0n));
  const isTag = dimension === "tag";
  for (const fact of facts) {
    const place = places.get(startOf(data.hour[fact], unit));
    // A request with two tags has the colour of the first that has one, so that no sum has it twice.
    const key = isTag ? data.keys.tag[fact].find((one) => colour.has(one)) : data.keys[dimension][fact][0];
    sums[place][colour.get(key) ?? shown.length] += data.sums.total[fact];
  }
  const style = (place) => (place < shown.length ? String(place) : "o");
  const nameOf = (place) => (place < shown.length ? text(shown[place].names[0]) : "others");
  const heights = sums.map((stack) => stack.reduce((sum, amount) => sum + amount, 0n));
  const total = heights.reduce((sum, amount) => sum + amount, 0n);
  drawColumns(byId("spend-plot"), {
    unit, slots, pick,
    stacks: sums.map((stack) => stack.map((amount, place) => [style(place), amount])),
    tips: slots.map((slot, at) => [slotTitle(unit, slot), `${usd(heights[at])} USD`,
      ...sums[at].map((amount, place) => amount && `${nameOf(place)}: ${usd(amount)}`).filter(Boolean)].join("\n")),
    title: `Spend by ${unit}`,
    summary: `USD, ${rangeText(range)}; ${usd(total)} in all.`,
    empty: 10n ** 12n,
    label: (at, step) => usd(at, placesOf(step)),
  });
  byId("spend-title").textContent = `Spend by ${unit}, USD`;
  const hasOthers = sums.some((stack) => stack[shown.length]);
  byId("spend-legend").replaceChildren(
    ...shown.map((group, place) => h("li", {}, h("span", { class: `key s${place}`, "aria-hidden": "true" }), named(group.names[0]))),
    ...(hasOthers ? [h("li", {}, h("span", { class: "key so", "aria-hidden": "true" }), h("em", {}, "others"))] : []));
};

const KINDS = [["answered", "fine"], ["abandoned", "left"], ["failed", "failed"]];

const drawRequests = (data, facts, range, pick) => {
  const { unit, slots } = slotsOf(data, range);
  const places = new Map(slots.map((slot, place) => [slot.start, place]));
  const sums = slots.map(() => [0n, 0n, 0n]);
  for (const fact of facts) {
    const outcome = data.names.outcome[data.keys.outcome[fact][0]];
    const kind = outcome?.startsWith?.(FAILED) ? 2 : outcome === "abandoned" ? 1 : 0;
    sums[places.get(startOf(data.hour[fact], unit))][kind] += BigInt(data.sums.requests[fact]);
  }
  const all = sums.reduce((held, stack) => held.map((one, kind) => one + stack[kind]), [0n, 0n, 0n]);
  drawColumns(byId("requests-plot"), {
    unit, slots, pick,
    stacks: sums.map((stack) => stack.map((amount, kind) => [KINDS[kind][1], amount])),
    tips: slots.map((slot, at) => [slotTitle(unit, slot),
      ...sums[at].map((number, kind) => `${count(Number(number))} ${KINDS[kind][0]}`)].join("\n")),
    title: `Requests by ${unit}`,
    summary: `${all.map((number, kind) => `${count(Number(number))} ${KINDS[kind][0]}`).join(", ")}; ${rangeText(range)}.`,
    empty: 1n,
    label: (at) => count(Number(at)),
  });
  byId("requests-title").textContent = `Requests by ${unit}`;
  byId("requests-legend").replaceChildren(...KINDS.filter((_, kind) => all[kind]).map(([name, style]) =>
    h("li", {}, h("span", { class: `key s${style}`, "aria-hidden": "true" }), name)));
};

// Bars below each other; each is a button that leads to its rows.
const drawBars = (list, data, facts, dimension, pick) => {
  const charged = grouped(data, facts, [dimension]).filter((group) => group.sum.total).sort(byCost);
  const shown = charged.length <= MOST_BARS + 1 ? charged : charged.slice(0, MOST_BARS);
  const rest = charged.slice(shown.length);
  const restSum = rest.reduce((sum, group) => sum + group.sum.total, 0n);
  const amounts = [...shown.map((group) => group.sum.total), ...(rest.length ? [restSum] : [])];
  const longest = amounts.reduce((most, one) => (one > most ? one : most), 0n);
  const places = mostPlaces(amounts);
  const bar = (pico, who, note, style = "") => [
    h("span", { class: "who" }, who), h("span", { class: "figure" }, money(pico, places)),
    h("span", { class: "track", "aria-hidden": "true" }, h("span", { class: `bar${style}`, style: `width:${percent(pico, longest)}%` })),
    h("span", { class: "note" }, note)];
  list.replaceChildren(
    ...shown.map((group) => h("li", {}, h("button", { type: "button", class: "pick", onclick: () => pick(dimension, group.names[0]) },
      bar(group.sum.total, named(group.names[0]), plural(group.sum.requests, "request"))))),
    ...(rest.length ? [h("li", {}, h("div", { class: "pick" }, bar(restSum, h("em", {}, "others"), `${count(rest.length)} more`, " rest")))] : []),
    ...(charged.length ? [] : [h("li", { class: "note" }, "Nothing was spent.")]));
};
