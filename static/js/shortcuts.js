// Keyboard: "/" goes to the search field, Ctrl+Enter sends the form that is being written in.
// Never while somebody types, and never with a modifier that belongs to the browser.

const TYPING = "input, textarea, select, [contenteditable]";

export function installShortcuts() {
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches?.(TYPING);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const field = document.getElementById("find");
      if (!field) return;
      event.preventDefault();
      field.focus();
      field.select();
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches?.("textarea")) {
      event.preventDefault();
      event.target.form?.requestSubmit();
    }
  });
}
