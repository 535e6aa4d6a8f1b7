// A [data-preview] button shows what its form's text will look like, in the form's [data-preview-place] (or #preview),
// without leaving the page. Without scripts the same button loads the page with the preview in it.

export function installPreview() {
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button?.hasAttribute("data-preview")) return;
    event.preventDefault();
    show(event.target, button);
  });
}

async function show(form, button) {
  const place = form.querySelector("[data-preview-place]") ?? document.getElementById("preview");
  const body = new FormData(form, button);
  button.classList.add("busy");
  try {
    // The attribute, not the property: a field called "action" would stand in its place.
    const address = form.getAttribute("action") || location.href;
    const response = await fetch(address, { method: "POST", body, headers: { "X-Fragment": "preview" } });
    if (!response.ok) throw new Error(String(response.status));
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
