/* What is wider than its box fades out at the end where there is more to scroll to. */
"use strict";
(() => {
  const boxes = document.querySelectorAll(".hb-scroll, .hb-table, .hb-output .md-typeset__table");

  function tell(box) {
    const hidden = box.scrollWidth - box.clientWidth;
    box.classList.toggle("hb-more-left", box.scrollLeft > 1);
    box.classList.toggle("hb-more-right", hidden - box.scrollLeft > 1);
  }

  const sizes = new ResizeObserver((changes) => changes.forEach(({ target }) => tell(target)));
  for (const box of boxes) {
    box.addEventListener("scroll", () => tell(box), { passive: true });
    sizes.observe(box);
  }
})();
