// The data of the page: decoded, kept in columns, and summed up. Money is BigInt, in picodollars.

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;,=>?@^_`{|}~";
const MONEY = ["billed", "upstream", "estimate", "saved"];
const COUNTS = [
  "requests", "failures", "unknown", "cache_hits", "prompt_tokens", "completion_tokens",
  "cached_tokens", "cache_write_tokens", "reasoning_tokens", "image_tokens",
];
const FAILED = "failed: ";
const DAY = 24;

const decode = async (text) => {
  const digits = new Uint8Array(128);
  [...ALPHABET].forEach((character, value) => { digits[character.charCodeAt(0)] = value; });
  const missing = (5 - (text.length % 5)) % 5;
  const padded = text + "~".repeat(missing);
  const bytes = new Uint8Array((padded.length / 5) * 4);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < padded.length; at += 5) {
    let number = 0;
    for (let place = 0; place < 5; place++) number = number * 85 + digits[padded.charCodeAt(at + place)];
    view.setUint32((at / 5) * 4, number);
  }
  const whole = bytes.subarray(0, bytes.length - missing);
  const stream = new Blob([whole]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
};

// Facts in columns. `keys` has, for each fact and dimension, the places of its values in `values`:
// one, but any number of tags.
const loaded = (found) => {
  const { columns, count } = found;
  const read = (name, make) => {
    const column = new Array(count).fill(make(0));
    if (columns[name]) columns[name].split(" ").forEach((text, at) => { column[at] = make(text); });
    return column;
  };
  const facts = { ...found, hour: read("hour", Number), sums: {}, keys: {}, names: {} };
  for (const name of MONEY) facts.sums[name] = read(name, BigInt);
  for (const name of COUNTS) facts.sums[name] = read(name, Number);
  facts.sums.total = facts.sums.billed.map((usd, at) => usd + facts.sums.upstream[at] + facts.sums.estimate[at]);
  for (const [name, values] of Object.entries(found.values)) {
    const column = read(name, Number);
    if (name === "tag") {
      const tags = [...new Set(values.flat())];
      const sets = values.map((set) => (set.length ? set.map((tag) => tags.indexOf(tag)) : [tags.length]));
      facts.names.tag = [...tags, null];
      facts.keys.tag = column.map((place) => sets[place]);
    } else {
      const places = values.map((_, place) => [place]);
      facts.names[name] = values;
      facts.keys[name] = column.map((place) => places[place]);
    }
  }
  return facts;
};

const noSum = () => {
  const sum = { total: 0n };
  for (const name of MONEY) sum[name] = 0n;
  for (const name of COUNTS) sum[name] = 0;
  return sum;
};

const addFact = (sum, data, fact) => {
  const { sums } = data;
  sum.total += sums.total[fact];
  for (const name of MONEY) if (sums[name][fact]) sum[name] += sums[name][fact];
  for (const name of COUNTS) sum[name] += sums[name][fact];
};

const sumOf = (data, facts) => {
  const sum = noSum();
  for (const fact of facts) addFact(sum, data, fact);
  return sum;
};

// The places of the facts from one hour up to another that have the values chosen.
const matching = (data, [from, to], filters) => {
  const wanted = [...filters].map(([name, value]) => [data.keys[name], data.names[name].findIndex((one) => same(one, value))]);
  const found = [];
  for (let fact = 0; fact < data.count; fact++) {
    const hour = data.hour[fact];
    if (hour < from || hour >= to) continue;
    if (wanted.every(([keys, place]) => keys[fact].includes(place))) found.push(fact);
  }
  return found;
};

// A number stands for so many values that the page does not name.
const same = (one, other) => one === other || (typeof one === "number" && typeof other === "number");

const dayOf = (data, hour) => (hour < data.daily ? monthText(hour) : dateText(hour));

// Sums by one or two dimensions, in no order; `day` is one, too.
const grouped = (data, facts, dimensions) => {
  const groups = new Map();
  const keysOf = dimensions.map((name) =>
    name === "day" ? (fact) => [dayOf(data, data.hour[fact])] : (fact) => data.keys[name][fact]);
  const nameOf = dimensions.map((name) => (name === "day" ? (key) => key : (key) => data.names[name][key]));
  for (const fact of facts)
    for (const one of keysOf[0](fact))
      for (const other of keysOf[1] ? keysOf[1](fact) : [null]) {
        const key = other === null ? one : `${one}|${other}`;
        let group = groups.get(key);
        if (!group) {
          const names = other === null ? [nameOf[0](one)] : [nameOf[0](one), nameOf[1](other)];
          groups.set(key, (group = { names, key, sum: noSum() }));
        }
        addFact(group.sum, data, fact);
      }
  return [...groups.values()];
};

const byCost = (one, other) => compare(other.sum.total, one.sum.total) || other.sum.requests - one.sum.requests;
const compare = (one, other) => (one < other ? -1 : one > other ? 1 : 0);

// What is worth showing: a dimension of which more than one value, or one that is named, occurs.
const dimensionsOf = (data) =>
  Object.keys(data.names).filter((name) => data.names[name].some((one) => typeof one === "string") &&
    (name !== "via" || data.names[name].length > 1));
