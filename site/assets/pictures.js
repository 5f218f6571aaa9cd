/* Pictures of all heads: what a cell says stands below at once, by mouse or arrow keys, and pictures
   that stand in files of their own become part of the page when they come into view. */
"use strict";
(() => {
  function readout(box) {
    const line = box.parentElement.querySelector(".hb-readout");
    const svg = box.querySelector("svg");
    if (!line || !svg || svg.dataset.read) return;
    svg.dataset.read = "yes";
    line.hidden = false;
    line.textContent = "\u00a0";
    const titled = [...svg.querySelectorAll("rect, a")].filter((cell) => cell.querySelector(":scope > title"));
    const byHead = new Map(titled.map((cell) => [cell.querySelector("title").textContent.split(":")[0], cell]));
    const ground = svg.querySelector("path.ground");
    const page = box.parentElement.dataset.headsPage;
    let at = null;

    function say(head) {
      at = head;
      const cell = byHead.get(head);
      svg.querySelectorAll(".hb-at").forEach((one) => one.classList.remove("hb-at"));
      line.textContent = cell ? cell.querySelector("title").textContent : head ? `${head}: ${ground?.dataset.unnamed ?? ""}` : "\u00a0";
      if (cell) (cell.tagName === "a" ? cell.querySelector("rect") : cell).classList.add("hb-at");
    }

    function under(event) {
      const cell = event.target.closest("rect, a");
      if (cell && titled.includes(cell)) return cell.querySelector("title").textContent.split(":")[0];
      if (!ground) return null;
      const { left, top, size, layers, heads } = ground.dataset;
      const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      const head = Math.floor((point.x - left) / size);
      const layer = Math.floor((point.y - top) / size);
      return head >= 0 && layer >= 0 && head < Number(heads) && layer < Number(layers) ? `${layer}.${head}` : null;
    }

    svg.addEventListener("mousemove", (event) => say(under(event)));
    svg.addEventListener("click", (event) => {
      const head = under(event);
      if (head && !byHead.has(head) && page) location.href = `${page}#head-${head}`;
    });
    box.addEventListener("keydown", (event) => {
      const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
      if (event.key === "Enter" && at && byHead.get(at)?.href) byHead.get(at).dispatchEvent(new MouseEvent("click", { bubbles: true }));
      if (!step) return;
      event.preventDefault();
      const heads = ground ? [Number(ground.dataset.layers), Number(ground.dataset.heads)]
        : [...byHead.keys()].map((name) => name.split(".").map(Number)).reduce((a, b) => [Math.max(a[0], b[0] + 1), Math.max(a[1], b[1] + 1)], [0, 0]);
      const [layer, head] = at ? at.split(".").map(Number) : [0, -step[1]];
      const next = [layer + (at ? step[0] : 0), head + step[1]];
      say(next.map((value, axis) => Math.min(Math.max(value, 0), heads[axis] - 1)).join("."));
    });
  }

  async function inline(image) {
    try {
      const answer = await fetch(image.src);
      if (!answer.ok) return;
      const svg = new DOMParser().parseFromString(await answer.text(), "image/svg+xml").documentElement;
      svg.querySelectorAll("script, style, foreignObject").forEach((part) => part.remove());
      const box = image.parentElement;
      image.replaceWith(document.importNode(svg, true));
      readout(box);
    } catch { /* from a file system nothing can be fetched: the image stays */ }
  }

  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      inline(target);
    }
  }, { rootMargin: "300px" });
  document.querySelectorAll("img.hb-later").forEach((image) => seen.observe(image));
  document.querySelectorAll(".hb-figure .hb-scroll").forEach(readout);
})();
