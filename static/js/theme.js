// The theme switch posts a form and the server writes data-theme. With scripts the page changes at once and
// stays where it is, so nothing that was typed is lost.

export function installTheme() {
  const form = document.querySelector("form[data-theme-switch]");
  if (!form) return;

  form.addEventListener("submit", (event) => {
    const choice = event.submitter?.value;
    if (!choice) return;
    event.preventDefault();
    if (choice === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
    for (const button of form.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button === event.submitter));
    }
    // `redirect: "manual"`: the answer is the cookie, the page that follows it is the one already shown.
    fetch(form.action, { method: "POST", body: new FormData(form, event.submitter), redirect: "manual" });
  });
}
