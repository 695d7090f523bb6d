// What goes to the server and comes from it. Everything is JSON; nothing of it is ever taken for HTML.

export class Refused extends Error {}

async function answered(response) {
  if (response.ok) return response.json();
  let words = `${response.status}`;
  try {
    const body = await response.text();
    words = body;
    const told = JSON.parse(body);
    words = told.error ?? JSON.stringify(told.detail ?? told);
  } catch { /* not JSON: the text says it */ }
  throw new Refused(words.trim().slice(0, 500));
}

export async function get(path, values = {}, signal = undefined) {
  const query = new URLSearchParams(values).toString();
  return answered(await fetch(query ? `${path}?${query}` : path, { signal, cache: "no-store" }));
}

export async function post(path, body) {
  const headers = { "content-type": "application/json", "x-survey-review": "1" };
  return answered(await fetch(path, { method: "POST", headers, body: JSON.stringify(body) }));
}
