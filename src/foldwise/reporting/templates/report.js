// Reading needs no script. This adds sorting and copying to tables and opens folded parts when
// asked for.
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

  // What other programs take: numbers with a plain minus and without commas.
  const plain = (cell) => {
    const text = cell.textContent.replace(/\s+/g, " ").trim();
    const isNumber = cell.tagName === "TD" && cell.classList.contains("number");
    return isNumber ? text.replaceAll(",", "").replaceAll("\u2212", "-") : text;
  };

  const element = (tag, content) => {
    const made = document.createElement(tag);
    made.append(...content);
    return made;
  };

  const asHtml = (table) => {
    const line = (row) => element("tr", [...row.cells].map((cell) => element(cell.tagName, [plain(cell)])));
    const head = element("thead", [line(table.tHead.rows[0])]);
    const body = element("tbody", [...table.tBodies[0].rows].map(line));
    return element("table", [element("caption", [table.caption.textContent.replace(/, all rows$/, "")]), head, body]).outerHTML;
  };

  const asText = (table) =>
    [...table.rows].map((row) => [...row.cells].map(plain).join("\t")).join("\n") + "\n";

  const byCommand = (kinds) => {
    const give = (event) => {
      for (const [kind, content] of Object.entries(kinds)) event.clipboardData.setData(kind, content);
      event.preventDefault();
    };
    document.addEventListener("copy", give);
    const done = document.execCommand("copy");
    document.removeEventListener("copy", give);
    if (!done) throw new Error("the browser refused");
  };

  const copy = async (table) => {
    const kinds = { "text/html": asHtml(table), "text/plain": asText(table) };
    try {
      const blobs = Object.entries(kinds).map(([type, content]) => [type, new Blob([content], { type })]);
      await navigator.clipboard.write([new ClipboardItem(Object.fromEntries(blobs))]);
    } catch {
      byCommand(kinds); // a page opened from a file has no clipboard in some browsers
    }
  };

  for (const box of document.querySelectorAll(".table:not([data-table^='run-'])")) {
    const table = [...box.querySelectorAll("table")].at(-1); // all rows, where they are folded
    const button = element("button", [box.dataset.part ? `Copy these ${box.dataset.part} rows` : "Copy table"]);
    button.type = "button";
    button.className = "copy";
    const said = element("span", []);
    said.setAttribute("role", "status");
    button.addEventListener("click", () =>
      copy(table).then(
        () => said.replaceChildren("Copied"),
        () => said.replaceChildren("Not copied: the browser refused. Select the table instead."),
      ).then(() => setTimeout(() => said.replaceChildren(), 4000)),
    );
    const line = box.querySelector(":scope > .data") ?? box.appendChild(element("p", []));
    line.className = "data";
    line.append(button, said);
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
