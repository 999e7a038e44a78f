// Keys: what bears data-key is pressed, what bears data-focus-key is entered, Enter agrees with the
// guess. Nothing is done while a person types, nor with Ctrl, Alt or Meta, which are the browser's.
"use strict";

const typing = (target) => target.closest("input, textarea, select") !== null;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.repeat) return;
  if (typing(event.target)) {
    if (event.key === "Escape") document.getElementById("place")?.focus();
    return;
  }
  let found = null;
  if (event.key === "Enter") {
    if (event.target.closest("a, button, summary")) return;
    found = document.querySelector("[data-guess]");
  } else if (event.key.length === 1) {
    const key = CSS.escape(event.key.toLowerCase());
    const field = document.querySelector(`[data-focus-key="${key}"]`);
    if (field) {
      event.preventDefault();
      field.focus();
      return;
    }
    found = document.querySelector(`[data-key="${key}"]`);
  }
  if (found) {
    event.preventDefault();
    found.click();
  }
});

// After an answer the next row is read from its beginning, by eye and by screen reader.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id === "review") {
    document.getElementById("place")?.focus();
    window.scrollTo(0, 0);
  }
});

// What did not arrive is said; nothing is taken for kept.
const failed = () => {
  const message = document.getElementById("message");
  if (message) message.textContent = "Not kept: the server did not answer. Is it still running?";
};
document.addEventListener("htmx:sendError", failed);
document.addEventListener("htmx:timeout", failed);
