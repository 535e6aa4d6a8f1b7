// The form for a new repository says, while a name is typed, whether it can be had. The server decides again at the end.

const WAIT_MS = 300;

const form = document.querySelector("form[data-new-repo]");
if (form) install(form);

function install(form) {
  const place = form.querySelector("[data-name-check]");
  let timer = 0;
  let latest = 0;

  async function check() {
    const name = form.elements.name.value.trim();
    const mine = ++latest;
    if (!name) {
      place.textContent = "";
      form.elements.name.removeAttribute("aria-invalid");
      return;
    }
    const query = new URLSearchParams({ owner: form.elements.owner.value, name });
    try {
      const response = await fetch(`${form.dataset.newRepo}?${query}`, { headers: { Accept: "application/json" } });
      const answer = await response.json();
      if (mine !== latest) return;
      place.textContent = answer.message;
      place.dataset.ok = String(answer.ok);
      form.elements.name.setAttribute("aria-invalid", String(!answer.ok));
    } catch {
      place.textContent = "";
    }
  }

  for (const field of [form.elements.name, form.elements.owner]) {
    field.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(check, WAIT_MS);
    });
  }
}
