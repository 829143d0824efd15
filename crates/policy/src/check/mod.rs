//! From text to checked policies: names are looked up in the catalog, types are compared, and what can
//! never work is refused with every mistake at once.

mod classes;
mod condition;
mod cycles;
mod literal;
mod resolve;
mod select;

use std::collections::HashMap;
use std::sync::Arc;

use kith_domain::diagnostic::{line_and_column, nearest};
use kith_domain::{
    Catalog, Definitions, Diagnostic, Entity, FieldIdx, MaskKind, PolicyFile, Purpose, Severity,
    Span,
};

use crate::ast::{self, Action, Name, Selector, Spanned};
use crate::format::format_statement;
use crate::ir::{Arena, NodeId};
use crate::key::Asks;
use crate::limits::{MAX_FINDINGS, MAX_STATEMENTS};
use crate::parser::{self, quoted};
use crate::policies::{
    Effect, Inner, Limit, Policies, RouteRule, Statement, StatementId, StatementIdx,
};

/// Parses and checks all policies of one version of the definitions against its catalog. Beside the
/// policies stand warnings.
///
/// # Errors
/// Every mistake in every file, warnings included, in order of file and position.
pub fn check(definitions: &Definitions) -> Result<(Policies, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut checker = Checker::new(&definitions.catalog);
    let mut files: Vec<_> = definitions.policies.iter().collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    for file in files {
        checker.file(file);
    }
    checker.find_cycles();
    let mut found = checker.found;
    found.sort_by(|a, b| (&a.file, a.span).cmp(&(&b.file, b.span)));
    if found.iter().any(|d| d.severity == Severity::Error) {
        return Err(found);
    }
    let (class_of, classes) = classes::group(&definitions.catalog, &checker.effects);
    let mut inner = checker.inner;
    inner.ceilings = definitions.ceilings.clone();
    inner.catalog = definitions.catalog.clone();
    inner.class_of = class_of;
    inner.classes = classes;
    inner.asks = Asks::of(&checker.nodes);
    inner.nodes = checker.nodes;
    inner.texts = checker.texts;
    Ok((Policies(Arc::new(inner)), found))
}

/// Parses and checks a caller's filter: one condition over fields, the member and the time.
pub(crate) fn check_filter(
    catalog: &Catalog,
    text: &str,
) -> Result<(Arena<FieldIdx>, NodeId), Vec<Diagnostic>> {
    let (condition, found) = parser::parse_condition(FILTER, text);
    let mut checker = Checker::new(catalog);
    checker.file = FILTER.into();
    checker.text = text.into();
    checker.scope = Scope::Filter;
    checker.found = found;
    let node = checker.condition(&condition);
    let is_error = |found: &Diagnostic| found.severity == Severity::Error;
    if checker.found.iter().any(is_error) {
        return Err(first_of(checker.found, FILTER, text));
    }
    Ok((checker.nodes, node))
}

/// What findings of a filter call their file.
const FILTER: &str = "filter";

/// What the statement that is being checked may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// `allow`, `forbid`, `show`, `mask`, `hide`.
    Decision,
    /// `limit`: everything but states, which are decided for rows that exist.
    Limit,
    /// `route`: nobody asks yet.
    Route,
    /// A caller's filter: fields, the member and the time.
    Filter,
}

/// As many findings of one file as anybody can mend at a time, mistakes before warnings.
fn first_of(found: Vec<Diagnostic>, path: &str, text: &str) -> Vec<Diagnostic> {
    let hidden = found.len().saturating_sub(MAX_FINDINGS + 1);
    if hidden == 0 {
        return found;
    }
    let is_error = |found: &Diagnostic| found.severity == Severity::Error;
    let (mut first, warnings): (Vec<_>, Vec<_>) = found.into_iter().partition(is_error);
    let has_errors = !first.is_empty();
    first.extend(warnings);
    first.truncate(MAX_FINDINGS);
    let message = format!("{} more findings; mend those above first", hidden + 1);
    let end = Span::new(text.len(), text.len());
    let more = Diagnostic::error("too-many", path, text, end, message);
    first.push(if has_errors { more } else { more.warning() });
    first
}

struct Checker<'d> {
    catalog: &'d Catalog,
    found: Vec<Diagnostic>,
    inner: Inner,
    nodes: Arena<FieldIdx>,
    texts: Vec<Option<Arc<str>>>,
    /// What statements do to each field; parallel to the catalog's fields.
    effects: Vec<Vec<(StatementIdx, Effect)>>,
    /// The fields whose states each statement on fields tests, and where it stands.
    tests: Vec<StateTests>,
    seen: HashMap<StatementId, String>,
    // What is being checked:
    file: Arc<str>,
    text: Arc<str>,
    scope: Scope,
    /// Fields whose states the current statement tests.
    tested: Vec<(FieldIdx, Span)>,
}

/// The states that one statement on fields tests, for the search for cycles.
#[derive(Debug)]
struct StateTests {
    targets: Vec<FieldIdx>,
    tested: Vec<FieldIdx>,
    file: Arc<str>,
    text: Arc<str>,
    span: Span,
}

impl<'d> Checker<'d> {
    fn new(catalog: &'d Catalog) -> Self {
        Self {
            catalog,
            found: Vec::new(),
            inner: Inner::default(),
            nodes: Arena::default(),
            texts: Vec::new(),
            effects: vec![Vec::new(); catalog.fields().len()],
            tests: Vec::new(),
            seen: HashMap::new(),
            file: "".into(),
            text: "".into(),
            scope: Scope::Decision,
            tested: Vec::new(),
        }
    }

    fn report(&mut self, code: &'static str, span: Span, message: String, hint: String) {
        let diagnostic = Diagnostic::error(code, &self.file, &self.text, span, message);
        self.found.push(if hint.is_empty() {
            diagnostic
        } else {
            diagnostic.with_hint(hint)
        });
    }

    fn warn(&mut self, code: &'static str, span: Span, message: String, hint: String) {
        self.report(code, span, message, hint);
        if let Some(last) = self.found.pop() {
            self.found.push(last.warning());
        }
    }

    fn file(&mut self, file: &PolicyFile) {
        self.file = Arc::clone(&file.path);
        self.text = Arc::clone(&file.text);
        let (parsed, found) = parser::parse(&file.path, &file.text);
        let start = self.found.len();
        self.found.extend(found);
        self.statements(&parsed.statements);
        let of_file = self.found.split_off(start);
        self.found.extend(first_of(of_file, &file.path, &file.text));
    }

    fn statements(&mut self, statements: &[ast::Statement]) {
        for statement in statements {
            if self.inner.statements.len() >= MAX_STATEMENTS {
                let message = format!("a workspace has at most {MAX_STATEMENTS} statements");
                let hint = "use tags and lists, so that one statement speaks for many".to_owned();
                return self.report("too-many", statement.span, message, hint);
            }
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &ast::Statement) {
        self.tested.clear();
        self.scope = match statement.action {
            Action::Limit(..) => Scope::Limit,
            Action::Route(_) => Scope::Route,
            _ => Scope::Decision,
        };
        let when = statement.when.as_ref().map(|when| self.condition(when));
        let unless = statement
            .unless
            .as_ref()
            .map(|unless| self.condition(unless));
        let negated = unless.map(|unless| self.nodes.negate(unless));
        let condition = self.nodes.all([when, negated].into_iter().flatten());
        self.texts.resize(self.nodes.nodes().len(), None);

        let text: Arc<str> = format_statement(statement).into();
        let id = StatementId::of(&text);
        let line = line_and_column(&self.text, statement.span.start).0;
        let place = format!("{}:{line}", self.file);
        if let Some(first) = self.seen.insert(id, place) {
            let message = format!("this statement stands already at {first}");
            self.warn(
                "duplicate-statement",
                statement.span,
                message,
                "remove one of them".into(),
            );
        }
        let idx = StatementIdx(u32::try_from(self.inner.statements.len()).unwrap_or(u32::MAX));
        self.inner.statements.push(Statement {
            id,
            file: Arc::clone(&self.file),
            line,
            keyword: statement.action.keyword(),
            text,
            condition,
            when,
            unless,
        });
        self.action(statement, idx);
    }

    fn action(&mut self, statement: &ast::Statement, idx: StatementIdx) {
        match &statement.action {
            Action::Allow(purposes) => {
                for purpose in self.purposes(purposes) {
                    self.inner.allow.entry(purpose).or_default().push(idx);
                }
            }
            Action::Forbid(purposes) => {
                for purpose in self.purposes(purposes) {
                    self.inner.forbid.entry(purpose).or_default().push(idx);
                }
            }
            Action::Show(fields) => self.fields(statement, fields, idx, |_| Effect::Show),
            Action::Hide(fields) => self.fields(statement, fields, idx, |_| Effect::Hide),
            Action::Mask(fields, kind) => {
                let kind = kind.as_ref().map(|kind| kind.node);
                self.fields(statement, fields, idx, |own| {
                    Effect::Mask(kind.unwrap_or(own))
                });
            }
            Action::Limit(entity, predicate) => {
                let entity = self.limited(entity);
                let predicate = self.condition(predicate);
                self.texts.resize(self.nodes.nodes().len(), None);
                if let Some(entity) = entity {
                    self.inner.limits.push(Limit {
                        entity,
                        statement: idx,
                        predicate,
                    });
                }
            }
            Action::Route(space) => self.inner.routes.push(RouteRule {
                statement: idx,
                space: Arc::clone(&space.node),
            }),
        }
    }

    /// The purposes of a statement; a state test under one without an audience is refused.
    fn purposes(&mut self, names: &[Name]) -> Vec<Purpose> {
        let mut purposes = Vec::new();
        for name in names {
            let Some(purpose) = self.purpose(&name.node, name.span) else {
                continue;
            };
            if purposes.contains(&purpose) {
                let message = format!("`{purpose}` is named twice");
                self.warn(
                    "duplicate-item",
                    name.span,
                    message,
                    "remove one of them".into(),
                );
                continue;
            }
            if purpose.audience().is_none()
                && let Some((_, span)) = self.tested.first().copied()
            {
                let message = format!(
                    "`{purpose}` reveals no field to anyone, so every field is hidden under it and this test says nothing"
                );
                let hint = format!("remove the test, or give `{purpose}` a statement of its own");
                self.report("state-without-audience", span, message, hint);
            }
            purposes.push(purpose);
        }
        purposes
    }

    fn purpose(&mut self, name: &str, span: Span) -> Option<Purpose> {
        if let Ok(purpose) = name.parse() {
            return Some(purpose);
        }
        let known: Vec<_> = Purpose::ALL
            .iter()
            .map(|purpose| purpose.as_str())
            .collect();
        let hint = match nearest(name, known.iter().copied()) {
            _ if self.catalog.find(name).is_some() => {
                "this is a field: `show`, `mask` and `hide` take fields, here stand purposes".into()
            }
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("use one of {}", quoted(&known)),
        };
        self.report(
            "unknown-purpose",
            span,
            format!("`{name}` is no purpose"),
            hint,
        );
        None
    }

    fn fields(
        &mut self,
        statement: &ast::Statement,
        selectors: &[Spanned<Selector>],
        idx: StatementIdx,
        effect: impl Fn(MaskKind) -> Effect,
    ) {
        let targets = self.select(selectors);
        for target in &targets {
            let own = self.catalog.get(*target).map(|field| field.mask);
            if let Some((effects, own)) = self.effects.get_mut(target.index()).zip(own) {
                effects.push((idx, effect(own)));
            }
        }
        if !self.tested.is_empty() {
            self.tests.push(StateTests {
                targets,
                tested: self.tested.iter().map(|(field, _)| *field).collect(),
                file: Arc::clone(&self.file),
                text: Arc::clone(&self.text),
                span: statement.span,
            });
        }
    }

    fn limited(&mut self, name: &Name) -> Option<Entity> {
        let known: Vec<_> = Entity::ALL
            .into_iter()
            .filter(|entity| *entity != Entity::Event)
            .map(Entity::as_str)
            .collect();
        match name.node.parse() {
            Ok(Entity::Event) => {
                let message = "events go with their account and cannot be limited".to_owned();
                let hint = "write `limit account to …`, or `hide event.*`".to_owned();
                self.report("unknown-entity", name.span, message, hint);
                None
            }
            Ok(entity) => Some(entity),
            Err(()) => {
                let hint = match nearest(&name.node, known.iter().copied()) {
                    Some(close) => format!("did you mean `{close}`?"),
                    None => format!("use one of {}", quoted(&known)),
                };
                let message = format!("`{}` is nothing that can be limited", name.node);
                self.report("unknown-entity", name.span, message, hint);
                None
            }
        }
    }

    /// Remembers the text of a test, for explanations.
    fn name_node(&mut self, node: NodeId, text: String) -> NodeId {
        self.texts.resize(self.nodes.nodes().len(), None);
        if let Some(place) = self.texts.get_mut(node.index()) {
            place.get_or_insert_with(|| text.into());
        }
        node
    }
}
