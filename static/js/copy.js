// Copy buttons: <button data-copy="text">, or an empty data-copy beside the <pre> whose text is meant.
// The clipboard exists on HTTPS and loopback only, so elsewhere the text is selected for the person to copy.

const SHOWN_FOR_MS = 1500;

function announce(button) {
  const live = document.getElementById("announcer");
  if (live && button.dataset.copied) live.textContent = button.dataset.copied;
  button.dataset.done = "";
  setTimeout(() => {
    delete button.dataset.done;
    if (live) live.textContent = "";
  }, SHOWN_FOR_MS);
}

function select(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

export function installCopy() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = button.closest(".code")?.querySelector("pre:not([hidden])");
    const text = button.dataset.copy || source?.innerText.trim() || "";
    try {
      await navigator.clipboard.writeText(text);
      announce(button);
    } catch {
      if (source) select(source);
    }
  });
}
