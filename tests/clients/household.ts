// A household's first day, through openapi-fetch and the types made from our document.
// Called as `node household.ts BASE_URL PHONE OUTBOX`; prints what it has seen as JSON.

import { readFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.ts";

type Transaction = components["schemas"]["Transaction"];
type Problem = components["schemas"]["Problem"];

const [baseUrl, phone, outbox] = process.argv.slice(2) as [string, string, string];
const client = createClient<paths>({ baseUrl });

function lastCode(): string {
  const line = readFileSync(outbox, "utf8").trim().split("\n").at(-1);
  return (JSON.parse(line ?? "{}") as { code: string }).code;
}

function given<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

const asked = given(await client.POST("/v1/auth/otp", { body: { phone } }));
const signedIn = given(
  await client.POST("/v1/auth/token", {
    body: { phone, code: lastCode(), request_id: asked.request_id },
  }),
);
client.use({
  onRequest({ request }) {
    request.headers.set("Authorization", `Bearer ${signedIn.access_token}`);
    return request;
  },
});

const category = await client.POST("/v1/categories", { body: { name: "خوراک", kind: "expense" } });
if (category.response.status !== 201 || !category.data || !("id" in category.data)) {
  throw new Error("the category was not added");
}

const entry = { category_id: category.data.id, amount: 185_000, unit: "toman" } as const;
const recorded = given(
  await client.POST("/v1/transactions", {
    body: { ...entry, date: "1405-08-02" },
    params: { header: { "Idempotency-Key": "bread-1" } },
  }),
);
if (!("amount" in recorded)) throw new Error("that was a dry run");
const transaction: Transaction = recorded;
const direction: "deposit" | "withdraw" | null = transaction.direction;

const rehearsed = given(
  await client.POST("/v1/transactions", { body: entry, params: { query: { dry_run: true } } }),
);
if (!("events" in rehearsed)) throw new Error("that was no dry run");

const balance = given(await client.GET("/v1/balance"));
const status: "positive" | "zero" | "negative" = balance.status;

const report = given(
  await client.GET("/v1/reports/monthly", { params: { query: { year: 1405, month: 8 } } }),
);
const shares = report.categories.map(({ name, share }) => ({ name, share }));

const refused = await client.POST("/v1/transactions", {
  body: { ...entry, amount: 0 },
  params: { header: { "Accept-Language": "en" } },
});
if (!refused.error) throw new Error("zero was taken");
const problem: Problem = refused.error;

// @ts-expect-error: an amount is a number
await client.POST("/v1/transactions", { body: { ...entry, amount: "1" } });
// @ts-expect-error: nothing is called that
await client.GET("/v1/balances");

console.log(
  JSON.stringify({
    is_new: signedIn.account.is_new,
    amount: transaction.amount,
    direction,
    rehearsed_events: rehearsed.events.length,
    balance: balance.balance,
    status,
    shares,
    problem: problem.code,
    flaws: problem.errors?.map(({ field, code }) => ({ field, code })),
  }),
);
