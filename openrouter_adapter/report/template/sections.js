// Totals, latency, failures, savings and budgets of what is chosen.

const tile = (title, big, unit, note, delta) =>
  h("div", { class: "tile" }, h("h3", {}, title), h("p", { class: "big" }, big, unit ? h("small", {}, ` ${unit}`) : null),
    note ? h("p", {}, note) : null, delta ? h("p", { class: "delta" }, delta) : null);

const drawTiles = (data, sum, before, spread, saved) => {
  const against = (now, then) => (before ? `${change(now, then)} against the period before` : null);
  const ways = [[sum.billed, "billed by OpenRouter"], [sum.upstream, "paid to providers with keys of your own"],
    [sum.estimate, "at other providers, estimated by LiteLLM"]].filter(([amount]) => amount);
  const note = ways.length === 1 ? ways[0][1] : ways.map(([amount, way]) => `${usd(amount)} ${way}`).join("; ");
  byId("tiles").replaceChildren(
    tile("Spent", h("span", { id: "total" }, money(sum.total)), "USD", note || "billed by OpenRouter",
      before && `${usd(before.total)} USD in the period before: ${change(sum.total, before.total) || "±0.0 %"}`),
    tile("Requests", count(sum.requests), "", `${count(sum.failures)} failed (${share(sum.failures, sum.requests)})`, against(sum.requests, before?.requests)),
    tile("Tokens", count(sum.prompt_tokens + sum.completion_tokens), "",
      `${count(sum.prompt_tokens)} prompt, ${count(sum.completion_tokens)} completion`,
      against(sum.prompt_tokens + sum.completion_tokens, before && before.prompt_tokens + before.completion_tokens)),
    tile("Saved", [saved.isEstimate ? "≈\u00a0" : "", money(saved.amount)], "USD", saved.note),
    tile("Median latency", duration(spread.length ? spread[0].at(50) : null), "",
      spread.length ? `95 in 100 answers within ${duration(spread[0].at(95))}` : "no answer was timed"));
};

const drawNotices = (data, sum) => {
  const unknown = sum.unknown && h("p", { class: "notice warn" },
    h("strong", {}, `${count(sum.unknown)} of ${plural(sum.requests, "request")} ${sum.unknown === 1 ? "has" : "have"} a cost that is not known. `),
    `No sum includes ${sum.unknown === 1 ? "it" : "them"}, so the true total may be higher. `,
    h("code", {}, "openrouter-adapter spend reconcile"), " asks OpenRouter for what it charged.");
  const flying = data.in_flight && h("p", { class: "notice" },
    `${plural(data.in_flight, "request is", "requests are")} in flight, or the program that sent ${data.in_flight === 1 ? "it" : "them"} has died; no sum includes ${data.in_flight === 1 ? "it" : "them"} yet.`);
  byId("notices").replaceChildren(...[unknown, flying].filter(Boolean));
};

const drawTokens = (sum) => {
  const whole = Math.max(sum.prompt_tokens, sum.completion_tokens, 1);
  const kinds = [["Prompt", sum.prompt_tokens], ["read from cache", sum.cached_tokens, sum.prompt_tokens],
    ["written to cache", sum.cache_write_tokens, sum.prompt_tokens], ["Completion", sum.completion_tokens],
    ["reasoning", sum.reasoning_tokens, sum.completion_tokens], ["image", sum.image_tokens, sum.completion_tokens]];
  byId("tokens").replaceChildren(...kinds.filter(([, number, of]) => number || of === undefined).map(([name, number, of]) =>
    h("li", { class: of === undefined ? null : "part" }, h("div", { class: "pick" },
      h("span", { class: "who" }, of === undefined ? name : `of them ${name}`), h("span", { class: "figure" }, count(number)),
      h("span", { class: "track", "aria-hidden": "true" }, h("span", { class: "bar", style: `width:${(100 * number) / whole}%` })),
      h("span", { class: "note" }, of === undefined ? "" : share(number, of))))));
};

// Percentiles by nearest rank of answers with their milliseconds; of all models first.
const latencies = (data, [from, to], model) => {
  const byModel = new Map();
  const every = new Map();
  data.latencies.forEach(([day, name, ms, answers]) => {
    if (day !== null && (day + DAY <= from || day >= to)) return;
    if (model !== undefined && name !== model) return;
    if (!byModel.has(name)) byModel.set(name, new Map());
    for (const one of [byModel.get(name), every]) one.set(ms, (one.get(ms) ?? 0) + answers);
  });
  const found = [...byModel].map(([name, counts]) => percentiles(name, counts)).sort((one, other) => other.answers - one.answers);
  return found.length ? [percentiles(undefined, every), ...found] : [];
};
const percentiles = (model, counts) => {
  const ordered = [...counts].sort((one, other) => one[0] - other[0]);
  const answers = ordered.reduce((sum, [, number]) => sum + number, 0);
  const at = (percent) => {
    const rank = Math.ceil((answers * percent) / 100);
    let seen = 0;
    for (const [ms, number] of ordered) if ((seen += number) >= rank) return ms;
    return null;
  };
  return { model, answers, at };
};

const plainTable = (label, heads, rows, className = null) =>
  h("table", { class: className, "aria-label": label }, h("thead", {}, h("tr", {}, ...heads.map((head, place) => h("th", { scope: "col", class: place ? "n" : null }, head)))),
    h("tbody", {}, ...rows));

const drawLatency = (spread) => {
  const shown = spread.slice(0, MOST_BARS + 1);
  const box = byId("latency");
  if (!shown.length) return box.replaceChildren(h("p", { class: "note" }, "No answer was timed."));
  const low = Math.log(Math.max(1, Math.min(...shown.map((one) => one.at(50))))) - 0.15;
  const high = Math.log(Math.max(2, ...shown.map((one) => one.at(99)))) + 0.05;
  const place = (ms) => (100 * (Math.log(Math.max(1, ms)) - low)) / (high - low);
  const rows = shown.map((one) => h("tr", {}, h("th", { scope: "row" }, one.model === undefined ? h("strong", {}, "All") : named(one.model)),
    h("td", { class: "n" }, count(one.answers)), ...[50, 90, 95, 99].map((percent) => h("td", { class: "n" }, duration(one.at(percent)))),
    h("td", { class: "span", "aria-hidden": "true" }, h("span", { class: "range" },
      h("span", { style: `left:${place(one.at(50))}%;width:${Math.max(0.8, place(one.at(95)) - place(one.at(50)))}%` }), h("b", { style: `left:${place(one.at(99))}%` })))));
  box.replaceChildren(plainTable("Latency", ["Model", "Answers", "p50", "p90", "p95", "p99", h("span", { class: "unseen" }, "Range")], rows));
  byId("latency-more").textContent = spread.length > shown.length ? `The ${shown.length - 1} busiest of ${spread.length - 1} models.` : "";
};

const drawFailures = (data, facts, pick) => {
  const failed = facts.filter((fact) => data.sums.failures[fact]);
  const box = byId("failures");
  if (!failed.length) return box.replaceChildren(h("p", { class: "note" }, "No request failed."));
  const number = (groups) => groups.sort((one, other) => other.sum.failures - one.sum.failures);
  const models = number(grouped(data, failed, ["model"])).slice(0, MOST_BARS - 2);
  const outcomes = number(grouped(data, failed, ["outcome"]));
  const cells = new Map(grouped(data, failed, ["outcome", "model"]).map((group) => [group.key, group.sum.failures]));
  const largest = Math.max(...cells.values());
  const cell = (amount) => h("td", { class: "n", style: amount ? `--heat:${amount / largest}` : null }, amount ? count(amount) : "");
  const hasOthers = grouped(data, failed, ["model"]).length > models.length;
  const rows = outcomes.slice(0, 2 * MOST_BARS).map((outcome) => {
    const numbers = models.map((model) => cells.get(`${outcome.key}|${model.key}`) ?? 0);
    const rest = outcome.sum.failures - numbers.reduce((sum, one) => sum + one, 0);
    const name = outcome.names[0];
    return h("tr", {}, h("th", { scope: "row" }, h("button", { type: "button", class: "name", onclick: () => pick("outcome", name) }, h("bdi", {}, text(name).replace(FAILED, "")))),
      ...numbers.map(cell), hasOthers ? cell(rest) : null, h("td", { class: "n" }, h("strong", {}, count(outcome.sum.failures))));
  });
  box.replaceChildren(plainTable("Failures", ["Exception", ...models.map((model) => named(model.names[0])), ...(hasOthers ? [h("em", {}, "others")] : []), "All"], rows, "heat"));
};

// What caches and the Batch API saved, by model: hits exactly, the rest at list prices.
const savings = (data, facts) => {
  const models = new Map();
  const through = data.names.via;
  for (const fact of facts) {
    const via = through[data.keys.via[fact][0]];
    const model = data.names.model[data.keys.model[fact][0]];
    const { sums } = data;
    const isBatch = data.names.endpoint[data.keys.endpoint[fact][0]] === "/batches";
    const found = models.get(model) ?? { model, hits: 0, saved: 0n, cached: 0, written: 0, prompt: 0, cache: 0n, batched: 0, batch: 0n };
    models.set(model, found);
    found.hits += sums.cache_hits[fact];
    found.saved += sums.saved[fact];
    found.cached += sums.cached_tokens[fact];
    found.written += sums.cache_write_tokens[fact];
    found.prompt += sums.prompt_tokens[fact];
    const rates = via === "openrouter" ? data.prices[model] : null;
    const [prompt, completion, read, write] = (rates ?? [null, null, null, null]).map((rate) => (rate === null ? null : BigInt(rate)));
    const [cached, written] = [BigInt(sums.cached_tokens[fact]), BigInt(sums.cache_write_tokens[fact])];
    if (cached || written) {
      if (prompt === null || (cached && read === null)) found.cache = null;
      else if (found.cache !== null) found.cache += cached * (prompt - (read ?? prompt)) - written * ((write ?? prompt) - prompt);
    }
    // The standard price of a batch without its cost would be a saving that nobody made.
    if (!isBatch || sums.unknown[fact]) continue;
    found.batched += sums.requests[fact];
    if (prompt === null || completion === null) found.batch = null;
    else if (found.batch !== null)
      found.batch += BigInt(sums.prompt_tokens[fact]) * prompt + BigInt(sums.completion_tokens[fact]) * completion
        - cached * (prompt - (read ?? prompt)) - sums.total[fact];
  }
  return [...models.values()].filter((one) => one.hits || one.cached || one.written || one.batched).sort((one, other) => compare(worth(other), worth(one)) || other.cached - one.cached);
};
const worth = (one) => one.saved + (one.cache ?? 0n) + (one.batch ?? 0n);

const savedInAll = (found, hits) => {
  const exact = found.reduce((sum, one) => sum + one.saved, 0n);
  const all = found.reduce((sum, one) => sum + worth(one), 0n);
  const cached = found.reduce((sum, one) => sum + one.cached, 0);
  const batched = found.reduce((sum, one) => sum + one.batched, 0);
  const notes = [`${usd(exact)} by ${plural(hits, "cache hit")}`, ...(cached ? [`${count(cached)} prompt tokens from providers’ caches`] : []),
    ...(batched ? [`${plural(batched, "request")} at batch prices`] : [])];
  return { amount: all, isEstimate: all !== exact, note: notes.join("; ") };
};

const drawSavings = (found) => {
  const box = byId("savings");
  if (!found.length) return box.replaceChildren(h("p", { class: "note" }, "No cache and no batch price was used."));
  const shown = found.slice(0, 12);
  const hasBatch = found.some((one) => one.batched);
  const places = ["saved", "cache", "batch"].map((name) => mostPlaces(shown.map((one) => one[name] ?? 0n)));
  const estimate = (amount, at) => (amount === null ? h("em", {}, "not known") : money(amount, places[at]));
  const cell = (...content) => h("td", { class: "n" }, ...content);
  const rows = shown.map((one) => h("tr", {}, h("th", { scope: "row" }, named(one.model)), cell(money(one.saved, places[0])), cell(estimate(one.cache, 1)),
    ...(hasBatch ? [cell(estimate(one.batch, 2)), cell(count(one.batched))] : []), cell(count(one.hits)), cell(count(one.cached)), cell(share(one.cached, one.prompt))));
  box.replaceChildren(plainTable("Savings", ["Model", "By hits, USD", "≈ by prompt caches, USD", ...(hasBatch ? ["≈ by batches, USD", "Batched"] : []), "Hits", "Cached tokens", "Of prompt"], rows));
  byId("savings-more").textContent = found.length > shown.length ? `${count(found.length - shown.length)} more models are in the sum above.` : "";
};

const drawBudgets = (data) => {
  byId("budgets").replaceChildren(...data.budgets.map((one) => {
    const [limit, spent, held, unsettled] = [one.limit, one.spent, one.held, one.unsettled].map(BigInt);
    const left = limit - spent - held;
    const whole = spent + held > limit ? spent + held : limit || 1n;
    const part = (style, amount) => h("span", { class: style, style: `width:${percent(amount, whole)}%` });
    return h("li", {}, h("h3", {}, h("bdi", {}, one.name), h("small", {}, ` ${one.period} · `, h("bdi", {}, one.scope))),
      h("div", { class: "meter", "aria-hidden": "true" }, part(left < 0n ? "spent over" : "spent", spent), part("held", held - unsettled), part("unsettled", unsettled)),
      h("p", {}, `${usd(spent)} of ${usd(limit)} USD spent`, held ? `, ${usd(held)} reserved${unsettled ? ` (${usd(unsettled)} of it unsettled)` : ""}` : "", "; ",
        h("strong", {}, left < 0n ? `${usd(-left)} over the limit` : `${usd(left)} left`)),
      h("p", { class: "note" }, one.forecast));
  }), ...(data.budgets.length ? [] : [h("li", { class: "note" }, "No budget is set.")]));
};
