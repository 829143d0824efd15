// Asks POST /v1/explain and shows the answer. Everything is set as text, never as markup.

const form = document.querySelector("#question");
const answer = document.querySelector("#answer");
const progress = document.querySelector("#progress");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  if (button.ariaDisabled === "true") return;
  // Not `disabled`: that would take the focus away from whoever presses it.
  button.ariaDisabled = "true";
  progress.textContent = "Asking…";
  try {
    show(await ask(new FormData(form)), form.elements.purpose.value);
  } catch {
    show({ title: "the server did not answer", detail: "check that it runs, then ask again" });
  } finally {
    button.ariaDisabled = "false";
    progress.textContent = "";
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

function show(result, purpose) {
  const parts = "allowed" in result ? explanation(result) : problem(result, purpose);
  answer.replaceChildren(...parts);
  const heading = answer.querySelector("h2");
  document.title = `${heading.textContent} · Kith`;
  heading.focus();
}

function explanation({ purpose, allowed, reasons, fields, definitionsVersion, auditId }) {
  const title = `${purpose} is ${allowed ? "allowed" : "refused"}`;
  const sheet = verdict(allowed ? "yes" : "no", title, reasons, { definitionsVersion, auditId });
  return fields?.length ? [sheet, filter(fields), table(fields)] : [sheet];
}

// What a page can say better than the API, which speaks to programs.
const OWN_WORDS = { 401: "check the key: it may be mistyped, revoked, or of another server" };

function problem({ status, title, detail, fields = [], reasons = [], definitionsVersion, auditId }, purpose) {
  const refused = status === 403;
  const heading = refused ? `${purpose} is refused` : capital(title ?? "no answer");
  const sheet = verdict(refused ? "no" : "none", heading, reasons, { definitionsVersion, auditId });
  // The detail of a refusal says again what its reasons say, and then what would lift it.
  const more = (OWN_WORDS[status] ?? detail)?.split("; ").filter((part) => !reasons.some((reason) => reason.words === part)) ?? [];
  const list = fields.map((at) => element("li", {}, element("code", {}, at.field), ": ", ...words(at.expected)));
  const parts = [];
  if (more.length) parts.push(element("p", {}, ...words(`${capital(more.join("; "))}.`)));
  if (list.length) parts.push(element("ul", {}, ...list));
  sheet.querySelector(":scope > :is(h2, .because):not(:has(~ .because))").after(...parts);
  return [sheet];
}

// Whether the question was answered, and why.
function verdict(kind, title, reasons, { definitionsVersion, auditId }) {
  const sheet = element("div", { className: `sheet verdict ${kind}` }, element("h2", { tabIndex: -1 }, title));
  sheet.append(...reasons.map((reason) => element("div", { className: "because" }, ...because(reason))));
  const facts = [];
  if (definitionsVersion) facts.push(`Definitions version ${definitionsVersion}`);
  if (auditId) facts.push(`Audit entry ${auditId}`);
  if (facts.length) sheet.append(element("p", { className: "help" }, facts.join(" · ")));
  return sheet;
}

// How many fields there are of each state; one choice shows only those.
function filter(fields) {
  const choice = (state, label) => {
    const count = fields.filter((field) => !state || field.state === state).length;
    const radio = element("input", { type: "radio", name: "only", value: state, checked: !state, disabled: !count });
    radio.addEventListener("change", () => {
      answer.dataset.only = state;
    });
    return element("label", {}, radio, element("span", {}, `${count} ${label}`));
  };
  answer.dataset.only = "";
  const choices = ["visible", "masked", "hidden"].map((state) => choice(state, state));
  const legend = element("legend", {}, "Fields");
  return element("fieldset", { className: "filter" }, legend, choice("", "in all"), ...choices);
}

// Roles are written out, for on narrow screens the cells stand below each other.
function table(fields) {
  const head = ["Field", "State", "Why"].map((title) => element("th", { scope: "col", role: "columnheader" }, title));
  const groups = new Map();
  for (const field of fields) {
    const entity = field.field.split(".")[0];
    groups.set(entity, [...(groups.get(entity) ?? []), field]);
  }
  const bodies = [...groups].map(([, group]) => element("tbody", { role: "rowgroup" }, ...group.map(row)));
  return element(
    "table",
    { className: "sheet", role: "table", ariaLabel: "State of each field" },
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...head)),
    ...bodies,
  );
}

function row({ field, state, mask, reason }) {
  const cell = (...children) => element("td", { role: "cell" }, ...children);
  const label = mask && mask !== "redact" ? `${state} (${mask})` : state;
  return element(
    "tr",
    { role: "row", className: `is-${state}` },
    element("th", { scope: "row", role: "rowheader" }, element("code", {}, ...breakable(field))),
    cell(element("span", { className: `state ${state}` }, label)),
    cell(...because(reason)),
  );
}

function because({ words: text, statement, side }) {
  const parts = [element("p", {}, ...words(capital(text)))];
  // An agent's request is looked at twice, and the member's own side may be the one that decides.
  if (side === "member") parts.unshift(element("p", { className: "help" }, "On the member's own side:"));
  if (statement?.text) {
    const summary = element("summary", {}, "Read the statement");
    parts.push(element("details", {}, summary, element("pre", {}, statement.text)));
  }
  return parts;
}

// Text with its parts in backticks as code.
function words(text) {
  return text.split("`").map((part, at) => (at % 2 ? element("code", {}, part) : part));
}

// A path may break behind its points.
function breakable(path) {
  return path.split(/(?<=\.)/).flatMap((part) => [part, element("wbr", {})]);
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}
