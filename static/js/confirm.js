// A [data-confirm="text"] input keeps the [data-confirmed] button of its form disabled until the text is typed.

function sync(input) {
  const button = input.form?.querySelector("[data-confirmed]");
  if (button) button.disabled = input.value.trim() !== input.dataset.confirm;
}

export function installConfirm() {
  document.querySelectorAll("[data-confirm]").forEach(sync);
  document.addEventListener("input", (event) => {
    if (event.target.matches?.("[data-confirm]")) sync(event.target);
  });
}
