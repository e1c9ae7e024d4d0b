// What Admit says of a candidate who arrives with this query string; null if Admit did not say it.

import { createHmac, timingSafeEqual } from "node:crypto";

export function verified(query, secret) {
  const given = new URLSearchParams(query);
  const said = ["ticket", "session", "status", "time"].map((name) => [name, given.get(name) ?? ""]);
  const key = Buffer.from(secret, "hex");
  const expected = createHmac("sha256", key).update(`${new URLSearchParams(said)}`).digest();
  const signature = Buffer.from(given.get("signature") ?? "", "hex");
  const same = signature.length === expected.length && timingSafeEqual(signature, expected);
  return same ? Object.fromEntries(said) : null;
}
