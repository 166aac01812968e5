// Reading needs no script. This adds sorting to tables and opens folded parts when asked for.
(() => {
  const value = (row, column) => row.cells[column].textContent.trim();
  const number = (text) =>
    text === "" ? NaN : Number(text.replaceAll(",", "").replaceAll("\u2212", "-").replace("\u221e", "Infinity"));

  const compare = (a, b, numeric) => {
    if (!numeric) return a.localeCompare(b);
    const [x, y] = [number(a), number(b)];
    if (Number.isNaN(x)) return Number.isNaN(y) ? 0 : 1;
    return Number.isNaN(y) ? -1 : x - y;
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    const headings = [...table.tHead.rows[0].cells];
    const body = table.tBodies[0];
    if (body.rows.length < 3) continue;
    headings.forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const down = heading.getAttribute("aria-sort") === "ascending";
        headings.forEach((other) => other.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", down ? "descending" : "ascending");
        const numeric = heading.classList.contains("number");
        const rows = [...body.rows].sort((a, b) => compare(value(a, column), value(b, column), numeric));
        body.append(...(down ? rows.reverse() : rows));
      });
    });
  }

  const openTarget = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    const details = id && document.getElementById(id)?.querySelector("details");
    if (details) details.open = true;
  };
  addEventListener("hashchange", openTarget);
  openTarget();
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll(".row-section > details")) details.open = true;
  });
})();
