// The answer to one request of a demo: what has come so far, and how it is shown.
const GIVEN = 160; // characters of a prompt that stand before its continuation
const language = document.documentElement.lang || "en";
const whole = new Intl.NumberFormat(language);
export const short = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
const size = new Intl.NumberFormat(language, { style: "unit", unit: "megabyte", maximumFractionDigits: 1 });

export class Answer {
  constructor(element, say, clone) {
    Object.assign(this, { element, say, clone, given: "", texts: [], pieces: 0, begun: false, asked: performance.now() });
    this.out = element.querySelector("[data-out]");
    element.querySelector("[data-who]").textContent = say("model");
  }

  wait(message, done = 0, total = 0) {
    const bar = this.element.querySelector("[data-wait-bar]");
    this.element.querySelector("[data-wait]").hidden = false;
    this.element.querySelector("[data-wait-text]").textContent = message;
    if (total) bar.value = done / total;
    else bar.removeAttribute("value");
  }

  // Takes one event; tells whether it was the last.
  take(event) {
    if (event.type === "queued") this.wait(this.say("queued", { place: whole.format(event.place) }));
    if (event.type === "progress") this.progress(event);
    if (event.type === "token" || event.type === "text") this.write(event.sequence, event.text);
    if (event.type === "result") this.scores(event.result);
    if (event.type !== "done" && event.type !== "result") return false;
    this.end(event);
    return true;
  }

  progress({ stage, done, total }) {
    const amounts = { done: size.format(done / 1e6), total: size.format(total / 1e6) };
    if (["fetching", "starting", "loading"].includes(stage)) this.wait(this.say(stage, amounts), done, total);
  }

  begin() {
    if (this.begun) return;
    this.begun = true;
    this.first = (performance.now() - this.asked) / 1000;
    this.element.querySelector("[data-wait]").hidden = true;
  }

  write(sequence, piece) {
    this.begin();
    this.pieces += 1;
    while (this.texts.length <= sequence) {
      this.texts.push("");
      const part = document.createElement("p");
      if (this.given) part.append(this.before());
      this.out.append(part);
      if (sequence > 0) this.out.classList.add("demo-many");
      this.number();
    }
    this.texts[sequence] += piece;
    this.out.querySelectorAll("p")[sequence].append(piece);
    this.foot([this.say("writing")]);
  }

  // A continuation reads on from the end of what was given.
  before() {
    const given = document.createElement("span");
    given.className = "demo-given";
    given.textContent = this.given.length > GIVEN ? `…${this.given.slice(-GIVEN)}` : this.given;
    return given;
  }

  // Several continuations are numbered, one is not.
  number() {
    const parts = this.out.querySelectorAll("p");
    if (parts.length > 1) parts.forEach((part, n) => (part.dataset.number = this.say("sequence", { number: n + 1 })));
  }

  scores(rows) {
    this.begin();
    const table = this.clone("[data-scores]");
    for (const row of rows) {
      const line = table.tBodies[0].insertRow();
      const name = document.createElement("th");
      name.scope = "row";
      const label = row.sequence ?? row.label;
      name.append(row.token_str === undefined ? label : this.filled(row));
      name.append(meter(Math.min(1, row.score)));
      line.append(name);
      const score = line.insertCell();
      score.className = "r num";
      score.textContent = row.score.toFixed(4);
    }
    this.out.append(table);
  }

  filled(row) {
    const line = document.createElement("span");
    const word = document.createElement("b");
    word.textContent = row.token_str.trim();
    line.append(word, " ");
    const whole = document.createElement("span");
    whole.className = "soft small";
    whole.textContent = row.sequence;
    line.append(whole);
    return line;
  }

  end({ finish = [], completion_tokens: tokens, seconds }) {
    this.element.querySelector("[data-wait]").hidden = true;
    const facts = [];
    const count = tokens ?? this.pieces;
    if (seconds && tokens) facts.push(this.say("rate", { count: short.format(tokens / seconds) }));
    if (this.first && this.texts.length) facts.push(this.say("first", { seconds: short.format(this.first) }));
    if (this.texts.length) facts.push(this.say("tokens", { count: whole.format(count) }));
    facts.push(this.say("done", { seconds: short.format((performance.now() - this.asked) / 1000) }));
    if (finish.includes("cancelled")) facts[facts.length - 1] = this.say("stopped");
    if (finish.includes("length")) facts.push(this.say("length"));
    this.foot(facts);
    const copy = this.element.querySelector("[data-copy-answer]");
    if (this.texts.length) {
      copy.dataset.copy = this.texts.join("\n\n");
      copy.hidden = false;
    }
  }

  fail(message) {
    this.end({});
    const line = document.createElement("span");
    line.className = "err";
    line.textContent = message;
    this.element.querySelector("[data-foot]").replaceChildren(line);
  }

  foot(facts) {
    const foot = this.element.querySelector("[data-foot]");
    foot.hidden = false;
    if (foot.textContent === facts.join("")) return;
    foot.replaceChildren(
      ...facts.map((fact) => Object.assign(document.createElement("span"), { textContent: fact })),
    );
  }
}

function meter(share) {
  const draw = (name, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  const drawing = draw("svg", { class: "meter", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" });
  drawing.append(draw("rect", { class: "trk", width: 100, height: 6 }));
  drawing.append(draw("rect", { class: "val", width: (share * 100).toFixed(1), height: 6 }));
  return drawing;
}
