// SPDX-License-Identifier: MPL-2.0
// Signs requests with Hawk, as Taskcluster verifies it. Credentials: { clientId, accessToken, certificate? };
// temporary ones carry their certificate in `ext`.

const encoder = new TextEncoder();

/** Sends a signed request. `body` is an object that becomes JSON, or undefined. */
export async function signedFetch(credentials, method, url, body) {
  const target = new URL(url, location.href);
  const headers = {};
  let hash = "";
  let payload;
  if (body !== undefined) {
    payload = JSON.stringify(body);
    headers["Content-Type"] = "application/json";
    hash = await payloadHash("application/json", payload);
  }
  headers.Authorization = await header(credentials, method, target, hash);
  return fetch(target, { method, headers, body: payload, credentials: "omit", cache: "no-store" });
}

/** Returns `url` with a signature in its query: a link that works for some seconds. */
export async function signedUrl(credentials, url, seconds) {
  const target = new URL(url, location.href);
  const expires = String(Math.floor(Date.now() / 1000) + seconds);
  const ext = extension(credentials);
  const mac = await sign(credentials, normalized("bewit", expires, "", "GET", target, "", ext));
  const text = [credentials.clientId, expires, mac, ext].join("\\");
  const bewit = base64(encoder.encode(text)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  target.search += `${target.search ? "&" : "?"}bewit=${bewit}`;
  return target;
}

async function header(credentials, method, target, hash) {
  const ts = String(Math.floor(Date.now() / 1000));
  const nonce = randomText(9);
  const ext = extension(credentials);
  const mac = await sign(credentials, normalized("header", ts, nonce, method, target, hash, ext));
  const parts = { id: credentials.clientId, ts, nonce, hash, ext, mac };
  const present = Object.entries(parts).filter(([, value]) => value !== "");
  return "Hawk " + present.map(([name, value]) => `${name}="${value}"`).join(", ");
}

/** Returns the text that a signature covers. */
function normalized(kind, ts, nonce, method, target, hash, ext) {
  const host = target.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const port = target.port || (target.protocol === "https:" ? "443" : "80");
  const resource = target.pathname + target.search;
  const lines = [`hawk.1.${kind}`, ts, nonce, method.toUpperCase(), resource, host, port, hash, ext];
  return lines.join("\n") + "\n";
}

function extension({ certificate }) {
  if (!certificate) {
    return "";
  }
  // Taskcluster hands certificates out as text or as objects.
  const value = typeof certificate === "string" ? JSON.parse(certificate) : certificate;
  return base64(encoder.encode(JSON.stringify({ certificate: value })));
}

async function sign({ accessToken }, text) {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", encoder.encode(accessToken), algorithm, false, ["sign"]);
  return base64(new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(text))));
}

async function payloadHash(type, payload) {
  const text = `hawk.1.payload\n${type}\n${payload}\n`;
  return base64(new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text))));
}

/** Returns random bytes as text that needs no escaping anywhere. */
export function randomText(bytes) {
  const random = crypto.getRandomValues(new Uint8Array(bytes));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function base64(bytes) {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
