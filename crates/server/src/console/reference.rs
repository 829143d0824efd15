//! The reference of the API for people: the OpenAPI document, rendered as a page without scripts.

use std::fmt::Write as _;

use serde_json::Value;

/// The page. Everything in it is from the document, which holds nothing of anyone.
pub(super) fn render(document: &Value) -> String {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>API reference · Kith</title>\n<link rel=\"stylesheet\" href=\"/assets/kith.css\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n</head>\n<body>\n\
         <header class=\"bar\"><span class=\"mark\">Kith</span></header>\n<main>\n<h1>API reference</h1>\n",
    );
    let _ = writeln!(
        page,
        "<p>{}</p>",
        text(at(document, &["info", "description"]))
    );
    page.push_str("<p>For machines: <a href=\"/openapi.json\">OpenAPI 3.1</a>.</p>\n");
    for (path, methods) in entries(at(document, &["paths"])) {
        for (method, operation) in entries(methods) {
            let method = method.to_uppercase();
            let _ = writeln!(page, "<h2>{method} {}</h2>", escaped(path));
            let _ = writeln!(page, "<p>{}</p>", text(at(operation, &["summary"])));
            list(&mut page, "Parameters", parameters(operation));
            let body = at(
                operation,
                &["requestBody", "content", "application/json", "schema"],
            );
            list(&mut page, "Body", parts(body));
            let answers = entries(at(operation, &["responses"])).map(|(status, response)| {
                format!(
                    "<code>{status}</code>: {}",
                    text(at(response, &["description"]))
                )
            });
            list(&mut page, "Answers", answers.collect());
            let answer = at(
                operation,
                &["responses", "200", "content", "application/json", "schema"],
            );
            list(&mut page, "Parts of the answer", parts(answer));
        }
    }
    page.push_str("<h2>Problems</h2>\n");
    let problems = at(
        document,
        &[
            "components",
            "schemas",
            "Problem",
            "properties",
            "type",
            "oneOf",
        ],
    );
    let problems = problems.as_array().into_iter().flatten();
    let problems = problems.map(|problem| {
        let kind = text(at(problem, &["const"]));
        format!(
            "<code>{kind}</code>: {}",
            text(at(problem, &["description"]))
        )
    });
    list(&mut page, "By type", problems.collect());
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn parameters(operation: &Value) -> Vec<String> {
    let parameters = at(operation, &["parameters"])
        .as_array()
        .into_iter()
        .flatten();
    let line = |parameter: &Value| {
        let required = if at(parameter, &["required"]) == true {
            ", required"
        } else {
            ""
        };
        let place = text(at(parameter, &["in"]));
        let words = text(at(parameter, &["description"]));
        format!(
            "<code>{}</code> ({place}{required}): {words}",
            text(at(parameter, &["name"]))
        )
    };
    parameters.map(line).collect()
}

fn parts(schema: &Value) -> Vec<String> {
    let required = at(schema, &["required"]).as_array();
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    let line = |(name, part): (&str, &Value)| {
        let required = if is_required(name) { ", required" } else { "" };
        let kind = at(part, &["type"])
            .as_str()
            .or_else(|| at(part, &["$ref"]).as_str()?.rsplit('/').next());
        let kind = escaped(kind.unwrap_or("one of several"));
        let words = text(at(part, &["description"]));
        format!("<code>{}</code> ({kind}{required}) {words}", escaped(name))
    };
    entries(at(schema, &["properties"])).map(line).collect()
}

fn list(page: &mut String, title: &str, lines: Vec<String>) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(page, "<h3>{title}</h3>\n<ul>");
    for line in lines {
        let _ = writeln!(page, "<li>{}</li>", line.trim_end());
    }
    page.push_str("</ul>\n");
}

/// What stands at the end of this way, null if nothing does.
fn at<'v>(of: &'v Value, way: &[&str]) -> &'v Value {
    let step = |of: Option<&'v Value>, name: &&str| of?.get(*name);
    way.iter().fold(Some(of), step).unwrap_or(&Value::Null)
}

fn entries(of: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let entries = of.as_object().into_iter().flatten();
    entries.map(|(name, value)| (name.as_str(), value))
}

fn text(of: &Value) -> String {
    escaped(of.as_str().unwrap_or_default())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
