// Creates a user and reads it again, with the types of docs/openapi.json.
import createClient from "openapi-fetch";

import type { components, paths } from "./openapi.js";

type User = components["schemas"]["User"];

const client = createClient<paths>({
  baseUrl: process.env.DOCASSEMBLE_URL,
  headers: { "X-API-Key": process.env.DOCASSEMBLE_API_KEY },
});
const created = await client.POST("/api/user/new", {
  body: { username: "ada@example.com", first_name: "Ada", privileges: ["user"] },
});
if (!created.data) throw new Error(created.error);
const found = await client.GET("/api/user/{user_id}", {
  params: { path: { user_id: created.data.user_id } },
});
if (!found.data) throw new Error(found.error);
const user: User = found.data;
const missing = await client.GET("/api/user/{user_id}", { params: { path: { user_id: 999 } } });
const error: string | undefined = missing.error;
console.log(JSON.stringify([user.first_name, user.email, user.privileges, error]));
