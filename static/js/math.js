// Draws the formulas of a card: loaded, after KaTeX, only by pages that have some. A formula that does not parse stays as text.
for (const place of document.querySelectorAll(".math:not([data-drawn])")) {
  const source = place.textContent;
  try {
    window.katex.render(source, place, {
      displayMode: place.classList.contains("block"),
      trust: false,
      maxExpand: 500,
      maxSize: 20,
      throwOnError: true,
    });
    place.dataset.drawn = "";
  } catch {
    place.textContent = source;
  }
}
