/* Where a head looks from one token: hover, tap, or the arrow keys. The numbers stand in the page. */
"use strict";
for (const view of document.querySelectorAll(".hb-attention")) {
  const tokens = [...view.querySelectorAll(".hb-token")];
  const rows = tokens.map((token) => token.dataset.row.split(" ").map(Number));
  const said = view.querySelector(".hb-look");
  const line = view.querySelector("svg .row");
  let kept = null;

  function look(query) {
    const row = rows[query];
    tokens.forEach((token, key) => {
      token.style.setProperty("--share", key <= query ? row[key] / 1000 : 0);
      token.classList.toggle("hb-after", key > query);
      token.classList.toggle("hb-query", key === query);
    });
    const best = row.map((share, key) => [share, key]).sort((a, b) => b[0] - a[0] || a[1] - b[1]).slice(0, 3);
    const words = best.filter(([share]) => share >= 20)
      .map(([share, key]) => `${tokens[key].textContent} (${key}) ${(share / 1000).toFixed(2)}`);
    said.textContent = `From ${tokens[query].textContent} (${query}): ${words.join(", ") || "nowhere in particular"}`;
    if (line) {
      const size = Number(line.dataset.size);
      line.setAttribute("y", Number(line.dataset.top) + query * size);
      line.setAttribute("width", (query + 1) * size);
      line.setAttribute("visibility", "visible");
    }
  }

  function clear() {
    if (kept !== null) { look(kept); return; }
    for (const token of tokens) {
      token.style.removeProperty("--share");
      token.classList.remove("hb-after", "hb-query");
    }
    said.textContent = "\u00a0";
    if (line) line.setAttribute("visibility", "hidden");
  }

  function choose(query) {
    kept = query;
    tokens.forEach((token, key) => {
      token.tabIndex = key === query ? 0 : -1;
      token.setAttribute("aria-selected", key === query ? "true" : "false");
    });
    look(query);
  }

  tokens.forEach((token, query) => {
    token.addEventListener("mouseenter", () => look(query));
    token.addEventListener("mouseleave", clear);
    token.addEventListener("click", () => { token.focus(); choose(query); });
    token.addEventListener("focus", () => choose(query));
    token.addEventListener("keydown", (event) => {
      const to = {
        ArrowRight: query + 1, ArrowDown: query + 1, ArrowLeft: query - 1, ArrowUp: query - 1,
        Home: 0, End: tokens.length - 1,
      }[event.key];
      if (event.key === "Escape") { kept = null; token.blur(); clear(); }
      if (to === undefined) return;
      event.preventDefault();
      tokens[Math.min(Math.max(to, 0), tokens.length - 1)].focus();
    });
  });
}
