// Words of a sentence: arrows go from one to the next, with Shift they take words in, a mouse drags
// over them. What is chosen here is what the buttons of tags are about.
"use strict";

{
  const box = () => document.getElementById("words");
  const buttons = () => [...box().querySelectorAll("[data-word]")];
  const number = (button) => Number(button.dataset.word);
  let anchor = 0;
  let cursor = 0;
  let dragging = false;

  const choose = (from, to, focus) => {
    anchor = from;
    cursor = to;
    const first = Math.min(from, to);
    const last = Math.max(from, to);
    for (const button of buttons()) {
      const inside = number(button) >= first && number(button) <= last;
      button.classList.toggle("here", inside);
      button.setAttribute("aria-pressed", String(inside));
      button.tabIndex = number(button) === to ? 0 : -1;
      if (focus && number(button) === to) button.focus();
    }
    for (const field of document.querySelectorAll("[data-at]"))
      field.value = field.dataset.at === "first" ? first : last;
  };

  const begin = () => {
    if (!box()) return;
    for (const part of document.querySelectorAll(".scripted")) part.hidden = false;
    choose(Number(box().dataset.first), Number(box().dataset.last), "kept" in box().dataset);
  };

  // A step of the cursor; with Shift it takes the words between in.
  const step = (by, taking) => {
    const all = buttons().map(number);
    const to = Math.max(all[0], Math.min(all[all.length - 1], cursor + by));
    choose(taking ? anchor : to, to, true);
  };

  const doubt = (by) => {
    const found = buttons().filter((b) => b.classList.contains("doubt")).map(number);
    const next = by > 0 ? found.find((n) => n > cursor) : found.reverse().find((n) => n < cursor);
    if (next !== undefined) choose(next, next, true);
  };

  const press = (selector) => document.querySelector(selector)?.click();

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || !box()) return;
    if (event.target.closest("input, textarea, select")) return;
    const arrow = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (arrow) {
      const by = box().dir === "rtl" ? -arrow : arrow;
      const one = box().querySelector(`[data-word="${cursor}"]`);
      if (event.shiftKey && anchor === cursor && one?.closest("[data-span]")) {
        if (!event.repeat) press(`[data-move="${by > 0 ? "last" : "first"}"]`);
      } else step(by, event.shiftKey);
    } else if (event.key === "Backspace" || event.key === "Delete") {
      if (!event.repeat) press("[data-remove]");
    } else if (event.key === "Enter" && event.target.closest("[data-word]")) {
      if (!event.repeat) press("[data-guess]");
    } else return;
    event.preventDefault();
  });

  const under = (event) =>
    document.elementFromPoint(event.clientX, event.clientY)?.closest("#words [data-word]");

  document.addEventListener("pointerdown", (event) => {
    const button = event.button ? null : event.target.closest("#words [data-word]");
    if (!button) return;
    dragging = true;
    choose(event.shiftKey ? anchor : number(button), number(button), true);
  });
  document.addEventListener("pointermove", (event) => {
    const button = dragging ? under(event) : null;
    if (button && number(button) !== cursor) choose(anchor, number(button), true);
  });
  for (const end of ["pointerup", "pointercancel"])
    document.addEventListener(end, () => {
      dragging = false;
    });

  document.addEventListener("click", (event) => {
    const go = event.target.closest("[data-go]");
    if (go) doubt(Number(go.dataset.go));
    const button = event.target.closest("#words [data-word]");
    if (!button) return;
    event.preventDefault();
    // A click by a key or a screen reader has no pointer before it.
    if (event.detail === 0) choose(number(button), number(button), true);
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "review") begin();
  });
  begin();
}
