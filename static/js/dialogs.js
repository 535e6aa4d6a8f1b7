// Dialogs: <button data-open="ID"> opens <dialog id="ID">; [data-close] and a click on the backdrop close it.
// A [data-confirm="text"] input keeps the [data-confirmed] button of its form disabled until the text is typed.

function syncConfirm(input) {
  const button = input.form?.querySelector("[data-confirmed]");
  if (button) button.disabled = input.value.trim() !== input.dataset.confirm;
}

export function installDialogs() {
  document.querySelectorAll("[data-confirm]").forEach(syncConfirm);

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.open);
      if (dialog?.showModal) {
        event.preventDefault();
        dialog.showModal();
      }
    }
    event.target.closest("[data-close]")?.closest("dialog")?.close();
    if (event.target instanceof HTMLDialogElement) event.target.close();
  });

  document.addEventListener("input", (event) => {
    if (event.target.matches?.("[data-confirm]")) syncConfirm(event.target);
  });
}
