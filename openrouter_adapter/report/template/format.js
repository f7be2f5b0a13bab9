// Figures and names as texts, and the elements that show them.

const TITLES = {
  day: "Day", model: "Model", provider: "Provider", endpoint: "Endpoint", outcome: "Outcome", via: "Sent through",
  user: "User", end_user: "End user", team: "Team", organization: "Organization", key: "Key", job: "Job", tag: "Tag",
};
const PLACES = 12;
const UNNAMED = "none";

const h = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
};

const byId = (id) => document.getElementById(id);
const count = (number) => Math.round(number).toLocaleString("en-US");
const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

const placesOf = (pico) => {
  const digits = (pico < 0n ? -pico : pico).toString().padStart(PLACES + 1, "0").slice(-PLACES);
  return Math.max(2, digits.replace(/0+$/, "").length);
};
const mostPlaces = (amounts) => amounts.reduce((most, pico) => Math.max(most, placesOf(pico)), 2);

// The text of an amount: with its cents, and the digits after them.
const parts = (pico, places = placesOf(pico)) => {
  const digits = (pico < 0n ? -pico : pico).toString().padStart(PLACES + 1, "0");
  const whole = digits.slice(0, -PLACES).replace(/\B(?=(\d{3})+$)/g, ",");
  const fraction = digits.slice(-PLACES).slice(0, places);
  return [`${pico < 0n ? "−" : ""}${whole}.${fraction.slice(0, 2)}`, fraction.slice(2)];
};
const usd = (pico, places) => parts(pico, places).join("");
const money = (pico, places) => {
  const [cents, rest] = parts(pico, places);
  return [cents, rest ? h("i", {}, rest) : null];
};
// For a spreadsheet: no grouping, no zeros at the end.
const plain = (pico) => usd(pico, PLACES).replace(/,/g, "").replace("−", "-").replace(/\.?0+$/, "");

const share = (part, whole) => {
  if (!whole || !part) return "0 %";
  const percent = (100 * part) / whole;
  if (percent < 0.1) return "< 0.1 %";
  if (part < whole && percent > 99.9) return "> 99.9 %";
  return part < whole ? `${percent.toFixed(1)} %` : "100 %";
};

// How an amount or a number changed, in percent.
const change = (now, before) => {
  if (!before) return now ? "new" : "";
  const tenths = Number(((BigInt(now) - BigInt(before)) * 1000n) / BigInt(before)) / 10;
  if (Math.abs(tenths) >= 1000) return `× ${count(Number(BigInt(now) / BigInt(before)))}`;
  return `${tenths > 0 ? "+" : tenths < 0 ? "−" : "±"}${Math.abs(tenths).toFixed(1)} %`;
};

const duration = (ms) => {
  if (ms === null) return "–";
  if (ms < 1000) return `${ms} ms`;
  if (ms < 10000) return `${(ms / 1000).toFixed(1)} s`;
  return ms < 100000 ? `${Math.floor(ms / 1000)} s` : `${(ms / 60000).toFixed(1)} min`;
};

const text = (value, nothing = UNNAMED) =>
  value === null ? nothing : typeof value === "number" ? `${count(value)} others` : value;
const named = (value, nothing = UNNAMED) => h(typeof value === "string" ? "bdi" : "em", {}, text(value, nothing));

const pad = (number) => String(number).padStart(2, "0");
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const moment = (hour) => new Date(hour * 3600000);
const hourOf = (date) => Math.floor(date.getTime() / 3600000);
const dateText = (hour) => moment(hour).toISOString().slice(0, 10);
const monthText = (hour) => moment(hour).toISOString().slice(0, 7);
const clock = (hour) => `${pad(moment(hour).getUTCHours())}:00`;
const dayText = (hour, withYear = true) => {
  const date = moment(hour);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}${withYear ? ` ${date.getUTCFullYear()}` : ""}`;
};
const rangeText = ([from, to]) => {
  if (to - from <= 1) return `${dayText(from)}, ${clock(from)} to ${clock(to)}`;
  if (from % DAY || to % DAY) return `${dayText(from)}, ${clock(from)} to ${dayText(to)}, ${clock(to)}`;
  return to - from === DAY ? dayText(from) : `${dayText(from)} to ${dayText(to - DAY)}`;
};

// A file for a spreadsheet; what looks like a formula gets an apostrophe.
const csv = (lines) =>
  lines.map((line) => line.map((cell) => {
    const value = cell === null ? "" : String(cell);
    const safe = typeof cell === "string" && /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(value) && !/^-?\d+(\.\d+)?$/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
  }).join(",")).join("\r\n") + "\r\n";

const download = (name, lines) => {
  const url = URL.createObjectURL(new Blob([csv(lines)], { type: "text/csv;charset=utf-8" }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
};
