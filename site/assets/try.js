/* Sends a request to the API on this address; on a site of plain files, reads the file instead. */
"use strict";
(() => {
  const block = document.querySelector(".hb-try");
  if (!block) return;
  const form = block.querySelector("form");
  const input = form.querySelector("input");
  const status = block.querySelector(".hb-try-status");
  const answer = block.querySelector(".hb-try-answer");
  const root = new URL("..", location.href);
  form.hidden = false;

  async function get(address) {
    const got = await fetch(address, { headers: { accept: "application/json" } });
    const type = got.headers.get("content-type") || "";
    return { address, got, json: type.includes("json") ? await got.json() : null };
  }

  async function send(path) {
    const clean = path.trim().replace(/^\/+/, "");
    if (!/^v1(\/|$)/.test(clean)) {
      status.textContent = "An address starts with /v1/, such as /v1/head-types.";
      answer.hidden = true;
      return;
    }
    status.textContent = "asking …";
    const started = performance.now();
    let result, how = "the API";
    try {
      result = await get(new URL(clean, root));
      if (result.json === null) {
        const [bare] = clean.split("?");
        how = "a file of the site; filters are not applied";
        result = await get(new URL(`${bare.replace(/\/+$/, "")}.json`, root));
      }
    } catch (error) {
      status.textContent = `No answer: ${error.message}. Is this page served? Try: headbook serve`;
      answer.hidden = true;
      return;
    }
    const took = Math.round(performance.now() - started);
    answer.hidden = result.json === null;
    if (result.json === null) {
      status.textContent = `No API is served on this address (headbook serve does), and there is no file ${result.address.pathname}.`;
    } else {
      status.textContent = `${result.got.status} ${result.got.statusText} from ${how}, ${took} ms: ${result.address.pathname}${result.address.search}`;
      const text = JSON.stringify(result.json, null, 2);
      answer.querySelector("code").textContent = text.length > 200000 ? `${text.slice(0, 200000)}\n… cut here` : text;
    }
    const query = new URLSearchParams({ path: `/${clean}` });
    history.replaceState(null, "", `?${query}`);
  }

  form.addEventListener("submit", (event) => { event.preventDefault(); send(input.value); });
  for (const button of block.querySelectorAll("[data-path]")) {
    button.addEventListener("click", () => { input.value = button.dataset.path; send(input.value); });
  }
  const wanted = new URLSearchParams(location.search).get("path");
  if (wanted) { input.value = wanted; send(wanted); }
})();
