// Asks POST /v1/explain and shows the answer. Everything is set as text, never as markup.

const form = document.querySelector("#question");
const answer = document.querySelector("#answer");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    show(await ask(new FormData(form)));
  } catch {
    show({ title: "the server did not answer", detail: "check that it runs, then ask again" });
  } finally {
    button.disabled = false;
    answer.focus();
  }
});

async function ask(fields) {
  const text = (name) => (fields.get(name) ?? "").trim();
  const body = { purpose: text("purpose"), subject: {} };
  for (const kind of ["person", "account"]) {
    if (text(kind)) body.subject[kind] = root(text(kind));
  }
  for (const name of ["onBehalfOf", "identityToken"]) {
    if (text(name)) body[name] = text(name);
  }
  if (text("field")) body.fields = [text("field")];
  const response = await fetch("/v1/explain", {
    method: "POST",
    headers: { authorization: `Bearer ${text("key")}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return response.json();
}

// `per_…` is an id; `userId:usr_2481` an identifier with its type.
function root(text) {
  const colon = text.indexOf(":");
  return colon < 0 ? { id: text } : { type: text.slice(0, colon), value: text.slice(colon + 1) };
}

function show(result) {
  answer.replaceChildren(...(result.fields && "allowed" in result ? explanation(result) : problem(result)));
}

function problem({ title, detail, fields = [], auditId }) {
  const sheet = element("div", { className: "sheet" }, element("h2", {}, title ?? "no answer"));
  if (detail) sheet.append(element("p", {}, detail));
  if (fields.length) {
    sheet.append(element("ul", {}, ...fields.map((at) => element("li", {}, `${at.field}: ${at.expected}`))));
  }
  if (auditId) sheet.append(element("p", { className: "quiet" }, `Audit entry ${auditId}`));
  return [sheet];
}

function explanation({ purpose, allowed, reasons, fields, definitionsVersion, auditId }) {
  const verdict = element("h2", {}, `${purpose} is ${allowed ? "allowed" : "refused"}`);
  const why = element("ul", {}, ...reasons.map((reason) => element("li", {}, ...because(reason))));
  const rows = fields.map(({ field, state, mask, reason }) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, element("code", {}, field)),
      element("td", {}, element("span", { className: `state ${state}` }, mask ? `${state} (${mask})` : state)),
      element("td", {}, ...because(reason)),
    ),
  );
  const head = ["Field", "State", "Why"].map((title) => element("th", { scope: "col" }, title));
  const table = element(
    "table",
    {},
    element("caption", {}, `Definitions version ${definitionsVersion}, audit entry ${auditId}`),
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...rows),
  );
  const scroll = element("div", { className: "sheet scroll", tabIndex: 0, role: "region", ariaLabel: "Fields" }, table);
  return [verdict, why, scroll];
}

function because({ words, statement }) {
  const parts = [words];
  if (statement) {
    parts.push(element("div", { className: "quiet" }, `${statement.file}, line ${statement.line}`));
    if (statement.text) parts.push(element("pre", {}, statement.text));
  }
  return parts;
}

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}
