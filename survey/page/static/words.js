// Texts of the page in the reviewer's language.
import { get } from "./server.js";

let texts = {};

export async function speak(language) {
  texts = (await get(`/api/words/${encodeURIComponent(language)}`)).texts;
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-text]")) {
    element.textContent = say(element.dataset.text);
  }
}

export function say(key, values = {}) {
  const text = texts[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

// The name of a class or state; one that no catalogue knows is shown as it is.
export function sayName(table, name) {
  return texts[`${table}.${name}`] ?? name;
}
