// A webhook's life by the client that openapi-typescript makes of the specification. Prints what was seen, as JSON.
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths, webhooks } from "./api.js";

type Received<Name extends keyof webhooks> = webhooks[Name]["post"] extends {
  requestBody: { content: { "application/json": infer Payload } };
} ? Payload : never;

declare const process: { env: Record<string, string> };
const { API_URL, ACCOUNT_ID, ACCOUNT_KEY, PLATFORM_KEY, ENDPOINT } = process.env;

function clientOf(key: string) {
  const client = createClient<paths>({ baseUrl: API_URL });
  const authorized: Middleware = {
    onRequest: ({ request }) => { request.headers.set("Authorization", `Bearer ${key}`); },
  };
  client.use(authorized);
  return client;
}

/** The answer's body; throws what was refused. */
function read<Data>({ data, error }: { data?: Data; error?: components["schemas"]["Problem"] }): Data {
  if (error) throw new Error(error.detail);
  return data as Data;
}

const account = clientOf(ACCOUNT_KEY);
const platform = clientOf(PLATFORM_KEY);
const created = read(await account.POST("/v1/webhooks", {
  body: { name: "TypeScript", url: ENDPOINT, events: ["message.incoming"] },
}));
const data = { message_id: "wamid.typescript", whatsapp_account_id: "uuid", text: "naïve", extra: [1.5, null] };
const { id } = read(await platform.POST("/v1/events", {
  body: { account_id: ACCOUNT_ID, event: "message.incoming", data },
}));

async function delivered() {
  for (;;) {
    const { data: found } = await account.GET("/v1/events/{event_id}", { params: { path: { event_id: id } } });
    if (found?.deliveries[0]?.status === "delivered") return found;
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
}

const event = await delivered();
if (event.payload.event !== "message.incoming") throw new Error(event.payload.event);
const payload: Received<"message.incoming"> = event.payload; // narrowed by its `event`
const params = { path: { webhook_id: created.id } };
const log = read(await account.GET("/v1/webhooks/{webhook_id}/deliveries", {
  params: { ...params, query: { since: event.accepted_at } },
}));
const refused = await account.POST("/v1/webhooks", {
  body: { name: "", url: "", events: ["message.incoming"] },
});
const deleted = await account.DELETE("/v1/webhooks/{webhook_id}", { params });
console.log(JSON.stringify({
  secret: created.secret,
  data: payload.data,
  statuses: log.data.map(({ status }) => status),
  refused: refused.error?.errors?.map(({ field }) => field),
  deleted: deleted.response.status,
}));

// What the API would refuse does not compile.
// @ts-expect-error: without message_id
const wrong: components["schemas"]["EventRequest"] = { account_id: "a", event: "message.read", data: { whatsapp_account_id: "u" } };
// @ts-expect-error: no such event
const unknown: Received<"message.lost"> = undefined;
void [wrong, unknown];
