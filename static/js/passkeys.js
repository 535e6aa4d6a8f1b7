// Forms that a passkey answers: <form data-passkey="get"> or "create". What it is asked stands in the page, or at data-address.
// The button shows where the browser can do it on this very address; elsewhere a line says why not.

const decode = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

function encode(buffer) {
  const text = btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// JSON has bytes as base64url text, browsers have them as buffers.
function question({ publicKey }) {
  const asked = { ...publicKey, challenge: decode(publicKey.challenge) };
  if (asked.user) asked.user = { ...asked.user, id: decode(asked.user.id) };
  for (const list of ["allowCredentials", "excludeCredentials"]) {
    if (asked[list]) asked[list] = asked[list].map((each) => ({ ...each, id: decode(each.id) }));
  }
  return { publicKey: asked };
}

function answer(credential) {
  const response = {};
  for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[part]) response[part] = encode(credential.response[part]);
  }
  const { rk } = credential.getClientExtensionResults().credProps ?? {};
  const clientExtensionResults = rk === undefined ? {} : { credProps: { rk } };
  return { id: credential.id, rawId: credential.id, type: credential.type, response, clientExtensionResults };
}

async function asked(form) {
  if (!form.dataset.address) return JSON.parse(document.getElementById("passkey-question").textContent);
  const response = await fetch(form.dataset.address, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(response.statusText);
  return (await response.json()).request_options;
}

function say(form, text) {
  form.querySelector("[data-said] p").textContent = text ?? "";
  form.querySelector("[data-said]").hidden = !text;
}

async function ask(event) {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button");
  button.disabled = true;
  say(form, "");
  try {
    const credential = await navigator.credentials[form.dataset.passkey](question(await asked(form)));
    form.elements.credential.value = JSON.stringify(answer(credential));
    // As it is ticked beside the password.
    for (const input of form.querySelectorAll("[data-as]")) {
      input.value = document.getElementById(input.dataset.as)?.checked ? "on" : "";
    }
    form.submit();
  } catch (error) {
    const { cancelled, known, failed } = form.dataset;
    say(form, { NotAllowedError: cancelled, AbortError: cancelled, InvalidStateError: known }[error.name] ?? failed);
    button.disabled = false;
  }
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const { origin, elsewhere, unable } = form.dataset;
  if (location.origin !== new URL(origin).origin) say(form, elsewhere);
  else if (!window.PublicKeyCredential) say(form, unable);
  else {
    form.querySelector("[data-needs-passkeys]").hidden = false;
    form.addEventListener("submit", ask);
  }
}

// Coming back by the browser's button finds the form as it was left.
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("form[data-passkey] button")) button.disabled = false;
});
