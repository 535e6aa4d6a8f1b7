// What a form's text will look like, in the form's [data-preview-place], without leaving the page. Without scripts the same
// button loads the page with the preview in it.

// Forms in which people write to each other; the editor of files calls `preview` itself.
export function installPreview() {
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-compose]") || !event.submitter?.hasAttribute("data-preview")) return;
    event.preventDefault();
    preview(event.target, event.submitter);
  });
}

export async function preview(form, button) {
  const place = form.querySelector("[data-preview-place]");
  const body = new FormData(form, button);
  button.classList.add("busy");
  try {
    // The attribute, not the property: a field called "action" would stand in its place.
    const address = form.getAttribute("action") || location.href;
    const response = await fetch(address, { method: "POST", body, headers: { "X-Fragment": "preview" } });
    if (!response.ok || response.redirected) throw new Error(String(response.status));
    place.innerHTML = await response.text();
    place.scrollIntoView({ block: "nearest" });
  } catch {
    // The server's own answer says more than a script could.
    button.removeAttribute("data-preview");
    button.click();
  } finally {
    button.classList.remove("busy");
  }
}
