/* The search box above the map of head types: what does not fit is dimmed, Enter opens the first. */
"use strict";
(() => {
  const form = document.querySelector(".hb-map-search");
  if (!form) return;
  form.hidden = false;
  const input = form.querySelector("input");
  const told = form.querySelector("[aria-live]");
  const tiles = [...document.querySelectorAll(".hb-map .hb-tile")].map((tile) => ({
    tile,
    item: tile.closest("li"),
    words: `${tile.textContent} ${tile.title} ${tile.dataset.words}`.toLowerCase(),
  }));
  const groups = [...document.querySelectorAll(".hb-map-group")];
  let fitting = [];

  function show() {
    const wanted = input.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    fitting = tiles.filter(({ item, words }) => {
      const fits = wanted.every((word) => words.includes(word));
      item.hidden = !fits;
      return fits;
    });
    for (const group of groups) group.hidden = !group.querySelector("li:not([hidden])");
    told.textContent = wanted.length ? `${fitting.length} of ${tiles.length}` : "";
  }

  input.addEventListener("input", show);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (input.value.trim() && fitting.length) fitting[0].tile.click();
  });
  show();
})();
