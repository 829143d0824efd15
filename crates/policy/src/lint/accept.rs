//! Acceptances: `# accept always-true: why` above or within a statement, `accept = { … }` of a field.
//! One that has no reason, names no lint or accepts nothing is itself told.

use std::collections::HashMap;
use std::sync::Arc;

use kith_domain::diagnostic::nearest;
use kith_domain::{Diagnostic, Span};

use super::{Accepted, Lint, Linter, Report, Target};
use crate::ast::CommentLine;
use crate::parser::quoted;

/// The word that opens an acceptance in a comment.
const ACCEPT: &str = "accept";

/// An acceptance as it is written.
struct Acceptance {
    /// What it stands at; nothing if a blank line or the end of the file follows.
    target: Option<Target>,
    lint: Arc<str>,
    /// Empty if nothing is said.
    reason: Arc<str>,
    file: Arc<str>,
    span: Span,
}

impl Linter<'_> {
    /// What was found, parted by what was accepted.
    pub(super) fn report(mut self) -> Report {
        let acceptances = self.acceptances();
        let mut reasons: HashMap<(Lint, Target), Arc<str>> = HashMap::new();
        let mut report = Report::default();
        for acceptance in &acceptances {
            match self.judge(acceptance) {
                Ok(accepts) => {
                    reasons.insert(accepts, Arc::clone(&acceptance.reason));
                }
                Err(fault) => report.findings.extend(fault.map(|fault| *fault)),
            }
        }
        for found in std::mem::take(&mut self.found) {
            let (file, text) = self.place(found.target);
            let finding =
                Diagnostic::error(found.lint.as_str(), &file, &text, found.span, found.message);
            let finding = finding.warning().with_hint(found.hint);
            match reasons.get(&(found.lint, found.target)) {
                Some(reason) => report.accepted.push(Accepted {
                    finding,
                    reason: Arc::clone(reason),
                }),
                None => report.findings.push(finding),
            }
        }
        let key = |of: &Diagnostic| (of.file.clone(), of.span, of.code);
        report.findings.sort_by_key(key);
        report.accepted.sort_by_key(|of| key(&of.finding));
        report
    }

    /// What an acceptance accepts, or what is wrong with it, if anything is.
    fn judge(&self, acceptance: &Acceptance) -> Result<(Lint, Target), Option<Box<Diagnostic>>> {
        let fault = |code, message: String, hint: String| {
            let Acceptance { file, span, .. } = acceptance;
            let fault = Diagnostic::error(code, file, &self.text(file), *span, message);
            Err(Some(Box::new(fault.warning().with_hint(hint))))
        };
        let name = &acceptance.lint;
        let Some(lint) = Lint::find(name) else {
            let known = Lint::ALL.map(Lint::as_str);
            let hint = match nearest(name, known) {
                Some(close) => format!("did you mean `{close}`?"),
                None => format!("use one of {}", quoted(&known)),
            };
            return fault("accept-unknown-lint", format!("`{name}` is no lint"), hint);
        };
        let is_found = |target| {
            let mut found = self.found.iter();
            found.any(|found| (found.lint, found.target) == (lint, target))
        };
        match acceptance.target {
            None => fault(
                "accept-nothing",
                format!("this accepts `{name}` of no statement"),
                "write it directly above the statement, without a blank line between".to_owned(),
            ),
            Some(target) if self.in_doubt.contains(&(lint, target)) && !is_found(target) => {
                Err(None)
            }
            Some(target) if !is_found(target) => fault(
                "accept-nothing",
                format!("this accepts `{name}`, and there is none here"),
                "remove it, so that it does not accept one that comes later".to_owned(),
            ),
            Some(_) if acceptance.reason.is_empty() => {
                let hint = match acceptance.target {
                    Some(Target::Field(_)) => format!("say why: `accept = {{ {name} = \"…\" }}`"),
                    _ => format!("say why, behind a colon: `# accept {name}: …`"),
                };
                let message = format!("this accepts `{name}` without a reason");
                fault("accept-without-reason", message, hint)
            }
            Some(target) => Ok((lint, target)),
        }
    }

    fn acceptances(&self) -> Vec<Acceptance> {
        let mut acceptances = Vec::new();
        for idx in self.statements() {
            let Some((_, written, _)) = self.checked(idx) else {
                continue;
            };
            let comments = &written.statement.comments;
            let detached = comments.iter().rposition(|line| line.ends_block);
            for (place, line) in comments.iter().enumerate() {
                let is_attached = detached.is_none_or(|detached| place > detached);
                let target = is_attached.then_some(Target::Statement(idx));
                acceptances.extend(acceptance(line, target, &written.file.path));
            }
        }
        for (file, comments) in &self.trailing {
            let lines = comments.iter();
            acceptances.extend(lines.filter_map(|line| acceptance(line, None, &file.path)));
        }
        let of_fields = self.definitions.accepts.iter().map(|accept| Acceptance {
            target: self
                .inner
                .catalog
                .find(accept.field.as_str())
                .map(Target::Field),
            lint: Arc::clone(&accept.lint),
            reason: Arc::clone(&accept.reason),
            file: accept.place.file.as_str().into(),
            span: accept.place.span,
        });
        acceptances.extend(of_fields);
        acceptances
    }

    /// The file of a target, and its text.
    fn place(&self, target: Target) -> (Arc<str>, Arc<str>) {
        let file = match target {
            Target::Statement(idx) => {
                let written = self.checked(idx).map(|(_, written, _)| written);
                written.map(|written| Arc::clone(&written.file.path))
            }
            Target::Field(idx) => {
                let place = self.definitions.places.get(idx.index());
                place.map(|place| place.file.as_str().into())
            }
        };
        let file = file.unwrap_or_else(|| "".into());
        let text = self.text(&file);
        (file, text)
    }

    fn text(&self, file: &str) -> Arc<str> {
        let mut policies = self.definitions.policies.iter();
        if let Some(policy) = policies.find(|policy| *policy.path == *file) {
            return Arc::clone(&policy.text);
        }
        let mut files = self.definitions.files.iter();
        let found = files.find(|known| known.path == file);
        found.map_or_else(|| "".into(), |found| found.text.as_str().into())
    }
}

/// `accept NAME: REASON`, or what is close to it; any other comment is prose.
fn acceptance(line: &CommentLine, target: Option<Target>, file: &Arc<str>) -> Option<Acceptance> {
    let rest = line.text.strip_prefix(ACCEPT)?;
    let rest = rest.strip_prefix(char::is_whitespace)?.trim_start();
    let end = rest.find(|c: char| c == ':' || c.is_whitespace());
    let (name, rest) = rest.split_at(end.unwrap_or(rest.len()));
    let rest = rest.trim_start();
    let reason = match rest.strip_prefix(':') {
        Some(reason) => reason.trim(),
        None if rest.is_empty() || Lint::find(name).is_some() => "",
        None => return None,
    };
    Some(Acceptance {
        target,
        lint: name.into(),
        reason: reason.into(),
        file: Arc::clone(file),
        span: line.span,
    })
}
