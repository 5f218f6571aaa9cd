/* The filter of the table of head types. What is chosen stands in the address, so it can be sent. */
"use strict";
(() => {
  const form = document.querySelector(".hb-facets");
  const block = document.querySelector(".hb-faceted");
  if (!form || !block) return;
  form.hidden = false;
  const told = form.querySelector("output");
  const none = block.querySelector(".hb-none");
  const rows = [...block.querySelectorAll("tbody tr")];
  const fields = [...form.elements].filter((field) => field.name);
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));

  function fits(row) {
    return fields.every(({ name, value }) => {
      if (!value.trim()) return true;
      if (name === "q") {
        return value.toLowerCase().trim().split(/\s+/).every((word) => texts.get(row).includes(word));
      }
      return row.getAttribute(`data-${name}`).split("|").includes(value);
    });
  }

  function show() {
    let count = 0;
    for (const row of rows) {
      row.hidden = !fits(row);
      if (!row.hidden) count += 1;
    }
    none.hidden = count > 0;
    told.textContent = count === rows.length ? `${count} head types` : `${count} of ${rows.length} head types`;
  }

  function write() {
    const query = new URLSearchParams();
    for (const { name, value } of fields) if (value.trim()) query.set(name, value.trim());
    const text = query.toString();
    history.replaceState(null, "", text ? `?${text}` : location.pathname);
  }

  function read() {
    const query = new URLSearchParams(location.search);
    for (const field of fields) {
      field.value = query.get(field.name) ?? "";
      if (field.selectedIndex === -1) field.value = "";
    }
  }

  form.addEventListener("input", () => { show(); write(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { show(); write(); }));
  window.addEventListener("popstate", () => { read(); show(); });
  read();
  show();
})();
