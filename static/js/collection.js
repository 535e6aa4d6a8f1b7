// The items of a collection can be dragged to another place. Buttons do the same without this module.

const list = document.querySelector("[data-collection]");
let dragged = null;
let before = null;

if (list) {
  for (const item of list.children) item.draggable = true;
  list.addEventListener("dragstart", (event) => {
    dragged = event.target.closest?.("[data-move]");
    // Links and fields within an item are dragged for themselves.
    if (event.target !== dragged) {
      dragged = null;
      return;
    }
    before = dragged.nextElementSibling;
    dragged.classList.add("dragged");
    event.dataTransfer.effectAllowed = "move";
  });
  list.addEventListener("dragover", (event) => {
    const over = event.target.closest("[data-move]");
    if (!dragged || !over) return;
    event.preventDefault();
    if (over === dragged) return;
    const box = over.getBoundingClientRect();
    over[event.clientY < box.top + box.height / 2 ? "before" : "after"](dragged);
  });
  list.addEventListener("drop", (event) => {
    if (!dragged) return;
    event.preventDefault();
    move(dragged);
    dragged.classList.remove("dragged");
    dragged = null;
  });
  list.addEventListener("dragend", () => {
    // Let go outside: everything is where it was.
    if (!dragged) return;
    list.insertBefore(dragged, before);
    dragged.classList.remove("dragged");
    dragged = null;
  });
}

async function move(item) {
  const body = new FormData();
  body.set("position", String([...list.children].indexOf(item)));
  body.set("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]").value);
  try {
    await fetch(item.dataset.move, { method: "POST", body, redirect: "manual" });
  } finally {
    // The buttons beside each item count from its new place.
    location.reload();
  }
}
