// The same request from a shell and from Python. OpenAI's calls where they can say it, the task call where they cannot.

export function codeFor({ task, name, revision, base, inputs, sampling }) {
  const [path, body] = callOf({ task, name, revision, inputs, sampling: sampling ?? {} });
  return { curl: curl(base + path, body), python: python(base, path, body) };
}

function callOf({ task, name, revision, inputs, sampling }) {
  const model = revision === "main" ? name : `${name}@${revision}`;
  const { strategy = "sample", max_new_tokens: tokens, sequences, ...rest } = sampling;
  const query = revision === "main" ? "" : `?revision=${encodeURIComponent(revision)}`;
  const drawn = strategy === "greedy" ? { temperature: 0 } : rest;
  if (task === "chat" && strategy !== "beam") {
    return ["/v1/chat/completions", clean({ model, messages: inputs, max_tokens: tokens, ...drawn, stream: true })];
  }
  if (task === "text-generation" && strategy !== "beam") {
    const body = { model, prompt: inputs, max_tokens: tokens, n: sequences, ...drawn, stream: true };
    return ["/v1/completions", clean(body)];
  }
  const { beams, ...others } = rest;
  const parameters = clean({ max_new_tokens: tokens, num_beams: beams, num_return_sequences: sequences, ...others });
  const body = Object.keys(parameters).length ? { inputs, parameters } : { inputs };
  return [`/models/${name}${query}`, body];
}

function clean(body) {
  const said = Object.entries(body).filter(([key, value]) => value !== undefined && !(key === "n" && value === 1));
  return Object.fromEntries(said);
}

function curl(address, body) {
  const quoted = JSON.stringify(body, null, 2).replaceAll("'", "'\\''");
  const wait = body.stream ? " -N" : "";
  return `curl${wait} ${address} \\\n  -H "Authorization: Bearer $HF_TOKEN" \\\n  -H "Content-Type: application/json" \\\n  -d '${quoted}'`;
}

function python(base, path, body) {
  if (!path.startsWith("/v1/")) {
    return [
      "import os",
      "import requests",
      "",
      "answer = requests.post(",
      `    ${literal(base + path)},`,
      '    headers={"Authorization": f"Bearer {os.environ[\'HF_TOKEN\']}"},',
      `    json=${literal(body, 1)},`,
      ")",
      "answer.raise_for_status()",
      "print(answer.json())",
    ].join("\n");
  }
  const chat = path.endsWith("/chat/completions");
  const lines = Object.entries(body).map(([key, value]) => `    ${key}=${literal(value, 1)},`);
  return [
    "import os",
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url=${literal(`${base}/v1`)}, api_key=os.environ["HF_TOKEN"])`,
    `stream = client.${chat ? "chat.completions" : "completions"}.create(`,
    ...lines,
    ")",
    "for chunk in stream:",
    chat
      ? '    print(chunk.choices[0].delta.content or "", end="", flush=True)'
      : '    print(chunk.choices[0].text, end="", flush=True)',
  ].join("\n");
}

// JSON is Python but for three words, and none of them stands outside of quotes in a list of texts.
function literal(value, depth = 0) {
  if (value === true) return "True";
  if (value === false) return "False";
  if (value === null) return "None";
  if (typeof value !== "object") return JSON.stringify(value);
  const inner = "    ".repeat(depth + 1);
  const close = "    ".repeat(depth);
  const many = Array.isArray(value);
  const parts = many
    ? value.map((part) => inner + literal(part, depth + 1))
    : Object.entries(value).map(([key, part]) => `${inner}${JSON.stringify(key)}: ${literal(part, depth + 1)}`);
  if (!parts.length) return many ? "[]" : "{}";
  return `${many ? "[" : "{"}\n${parts.join(",\n")},\n${close}${many ? "]" : "}"}`;
}
