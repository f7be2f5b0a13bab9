#!/usr/bin/env node
// Stands where Prisma's query engine binary stands: the same engine, as its makers compile it to
// WebAssembly, behind the binary's HTTP interface. The binary reads GraphQL, the WebAssembly only
// Prisma's JSON, so a query is rewritten from one to the other; the engine does the rest.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";

const VERSION = "393aa359c9ad4a4bb28630fb5613f9c281cde053";
if (process.argv.includes("--version")) {
  console.log(`query-engine ${VERSION}`);
  process.exit(0);
}
if (!process.argv.includes("-p")) {
  console.error("This is the query engine only; it neither migrates nor compares schemas.");
  process.exit(1);
}

const require = createRequire(join(process.env.ENGINE_MODULES, "engine.js"));
const { PrismaPg } = require("@prisma/adapter-pg");
const { bindAdapter } = require("@prisma/driver-adapter-utils");
const { parse } = require("graphql");
const { Pool } = require("pg");

const ACTION =
  /^(findUnique|findFirst|findMany|createOne|createMany|updateOne|updateMany|deleteOne|deleteMany|upsertOne|aggregate|groupBy)(.+?)(OrThrow)?$/;

// The names of each model's JSON columns. GraphQL has their values as strings like any other.
function readJsonColumns(schema) {
  const models = schema.matchAll(/^model (\w+) \{(.*?)^\}/gms);
  return new Map(
    Array.from(models, ([, model, lines]) => [
      model,
      new Set(Array.from(lines.matchAll(/^\s*(\w+)\s+Json\b/gm), ([, column]) => column)),
    ]),
  );
}

function startEngine() {
  const runtime = require("@prisma/client/runtime/query_engine_bg.postgresql.js");
  const wasm = readFileSync(
    require.resolve("@prisma/client/runtime/query_engine_bg.postgresql.wasm"),
  );
  const instance = new WebAssembly.Instance(new WebAssembly.Module(wasm), {
    "./query_engine_bg.js": runtime,
  });
  runtime.__wbg_set_wasm(instance.exports);
  const [override] = JSON.parse(process.env.OVERWRITE_DATASOURCES ?? "[]");
  // The engine's own settings in the address are not PostgreSQL's.
  const url = new URL(override?.url ?? process.env.DATABASE_URL);
  const max = Number(url.searchParams.get("connection_limit") ?? 5);
  for (const name of ["connection_limit", "pool_timeout"]) url.searchParams.delete(name);
  const pool = new Pool({ connectionString: url.href, max });
  return new runtime.QueryEngine(
    {
      datamodel: schema,
      env: process.env,
      logQueries: false,
      ignoreEnvVarErrors: true,
      datasourceOverrides: {},
      logLevel: "error",
      configDir: ".",
      engineProtocol: "json",
    },
    () => {},
    bindAdapter(new PrismaPg(pool)),
  );
}

function asJson({ query }) {
  const [field] = parse(query).definitions[0].selectionSet.selections;
  const name = field.name.value;
  const [, action, modelName, orThrow = ""] = name.match(ACTION) ?? [null, name, undefined];
  const columns = jsonColumns.get(modelName) ?? new Set();
  const rewritten = readField(field, columns);
  if (name === "queryRaw") {
    // The adapter knows no lists of PostgreSQL's type "name".
    rewritten.arguments.query = rewritten.arguments.query.replace("AGG(viewname)", "AGG(viewname::text)");
  }
  return { action: action + orThrow, modelName, query: rewritten };
}

const readField = (field, columns) => ({
  arguments: readEntries(field.arguments, columns),
  selection: Object.fromEntries(
    (field.selectionSet?.selections ?? []).map((one) => [
      one.name.value,
      one.selectionSet || one.arguments.length ? readField(one, columns) : true,
    ]),
  ),
});

const readEntries = (entries, columns) =>
  Object.fromEntries(
    entries.map(({ name, value }) => [
      name.value,
      columns.has(name.value) ? asJsonColumn(readValue(value, columns)) : readValue(value, columns),
    ]),
  );

function asJsonColumn(value) {
  if (typeof value === "string") return { $type: "Json", value };
  if (typeof value?.set === "string") return { set: asJsonColumn(value.set) };
  if (typeof value?.equals === "string") return { ...value, equals: asJsonColumn(value.equals) };
  return value;
}

function readValue(node, columns) {
  switch (node.kind) {
    case "IntValue": {
      const number = Number(node.value);
      return Number.isSafeInteger(number) ? number : { $type: "BigInt", value: node.value };
    }
    case "FloatValue":
      return Number(node.value);
    case "NullValue":
      return null;
    case "ListValue":
      return node.values.map((one) => readValue(one, columns));
    case "ObjectValue":
      return readEntries(node.fields, columns);
    default:
      return node.value;
  }
}

// JSON marks dates, decimals, JSON and big numbers with their type; GraphQL has them bare.
function asGraphql(answer) {
  if (!answer.data) return answer;
  const [[name, result]] = Object.entries(answer.data);
  return { ...answer, data: { result: name === "queryRaw" ? asRows(result) : withoutTypes(result) } };
}

// The client is of a time when the engine answered SQL with an object a row.
const asRows = ({ columns, types, rows }) =>
  rows.map((row) =>
    Object.fromEntries(columns.map((column, at) => [column, asTyped(types[at], row[at])])),
  );

function asTyped(type, value) {
  if (value === null) return { prisma__type: "null", prisma__value: null };
  const [element, array] = type.split("-");
  if (!array) return { prisma__type: type, prisma__value: value };
  return { prisma__type: "array", prisma__value: value.map((one) => asTyped(element, one)) };
}

function withoutTypes(value) {
  if (Array.isArray(value)) return value.map(withoutTypes);
  if (value === null || typeof value !== "object") return value;
  if ("$type" in value) return value.value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withoutTypes(one)]));
}

async function query(content, transaction) {
  const { batch, transaction: together } = content;
  const body = batch
    ? { batch: batch.map(asJson), transaction: together ? {} : undefined }
    : asJson(content);
  const answer = JSON.parse(await engine.query(JSON.stringify(body), TRACE, transaction));
  if (!answer.batchResult) return asGraphql(answer);
  return { ...answer, batchResult: answer.batchResult.map(asGraphql) };
}

async function respond({ method, url, headers }, content) {
  if (url === "/status") return { status: "ok" };
  if (url === "/") return await query(content, headers["x-transaction-id"]);
  if (url === "/transaction/start") {
    return JSON.parse(await engine.startTransaction(JSON.stringify(content), TRACE));
  }
  const [, id, end] = url.match(/^\/transaction\/(.+)\/(commit|rollback)$/) ?? [];
  if (end === "commit") return JSON.parse(await engine.commitTransaction(id, TRACE));
  if (end === "rollback") return JSON.parse(await engine.rollbackTransaction(id, TRACE));
  throw new Error(`${method} ${url} is not part of the interface`);
}

const TRACE = "{}";
const schema = readFileSync(process.env.PRISMA_DML_PATH, "utf8");
const jsonColumns = readJsonColumns(schema);
const engine = startEngine();
await engine.connect(TRACE);
const server = createServer((request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", async () => {
    const text = Buffer.concat(pieces).toString();
    let answer;
    try {
      answer = await respond(request, text ? JSON.parse(text) : undefined);
    } catch (error) {
      console.error(error);
      answer = { errors: [{ error: String(error) }] };
    }
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify(answer));
  });
});
// The proxy keeps its connections; one that is closed under it would be a failed query.
server.keepAliveTimeout = 0;
server.listen(Number(process.argv[process.argv.indexOf("-p") + 1]), "localhost");
