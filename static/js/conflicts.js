// Settling conflicts: who writes in a text has chosen it, who chooses it sees it, and leaving with unsent text asks first.
for (const area of document.querySelectorAll("textarea[data-choice]")) install(area);

function install(area) {
  const form = area.form;
  const choice = form.elements[area.dataset.choice];
  const before = area.value;
  let sending = false;

  area.addEventListener("input", () => (choice.value = "edit"));
  for (const radio of choice) {
    radio.addEventListener("change", () => {
      if (choice.value === "edit") area.closest("details").open = true;
    });
  }
  form.addEventListener("submit", () => (sending = true));
  addEventListener("beforeunload", (event) => {
    if (!sending && area.value !== before) event.preventDefault();
  });
}
