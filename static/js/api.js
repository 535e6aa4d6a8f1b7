// The page of the REST API: sends what its forms hold, with the token that was pasted into this tab.

const token = document.getElementById("token");

for (const element of document.querySelectorAll(".needs-script")) element.hidden = false;

// A link to a call opens it.
function openTarget() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target && target.matches("details")) {
    target.open = true;
    target.scrollIntoView();
  }
}
addEventListener("hashchange", openTarget);
openTarget();

// Slashes stay in paths and are encoded in every other part of an address.
function addressOf(form) {
  const query = new URLSearchParams();
  let path = form.dataset.path;
  for (const input of form.querySelectorAll("[data-place]")) {
    const { name, value } = input;
    if (input.dataset.place === "path") {
      const encoded = encodeURIComponent(value);
      path = path.replace(`{${name}}`, () => (name === "path" ? encoded.replaceAll("%2F", "/") : encoded));
    } else if (input.dataset.place === "query" && value) {
      query.append(name, value);
    }
  }
  return query.size ? `${path}?${query}` : path;
}

function requestOf(form) {
  const headers = {};
  if (token.value.trim()) headers.Authorization = `Bearer ${token.value.trim()}`;
  for (const input of form.querySelectorAll('[data-place="header"]')) {
    if (input.value) headers[input.name] = input.value;
  }
  const content = form.querySelector('[data-place="content"]');
  let body;
  if (content) {
    body = content.type === "file" ? content.files[0] : content.value;
    headers["Content-Type"] = content.type === "file" ? "application/octet-stream" : "application/json";
  }
  // The token alone speaks: a log-in in this browser does not.
  return { method: form.dataset.method, headers, body, credentials: "omit" };
}

function shown(response, text) {
  const lines = [];
  for (const name of ["Link", "Location", "X-Error-Code", "Retry-After", "X-Request-Id"]) {
    if (response.headers.get(name)) lines.push(`${name}: ${response.headers.get(name)}`);
  }
  try {
    text = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // Shown as it came.
  }
  return [...lines, "", text].join("\n").trim();
}

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-call]");
  if (!form) return;
  event.preventDefault();
  const status = form.querySelector("[data-status]");
  const answer = form.querySelector("[data-answer]");
  const button = form.querySelector("button[type=submit]");
  form.querySelector(".callanswer").hidden = false;
  status.textContent = status.dataset.waiting;
  answer.textContent = "";
  button.disabled = true;
  try {
    const response = await fetch(addressOf(form), requestOf(form));
    answer.textContent = shown(response, await response.text());
    status.textContent = `${form.dataset.method} ${addressOf(form)} · ${response.status}`;
  } catch {
    status.textContent = status.dataset.broken;
  } finally {
    button.disabled = false;
  }
});
