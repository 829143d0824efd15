//! Tokens to a tree, statement by statement. A mistake costs no more than its own test, or its own
//! statement: reading goes on behind it, so that one look shows every mistake.

mod expr;
mod tokens;

use std::sync::Arc;

use kith_domain::diagnostic::nearest;
use kith_domain::{Diagnostic, MaskKind, Span};

use crate::ast::{Action, CommentLine, Expr, File, Name, Op, Selector, Spanned, Statement};
use crate::lexer::{Comment, Finding, Token, TokenKind, lex};
use crate::limits::{MAX_FINDINGS, MAX_ITEMS};
use crate::parser::tokens::{Tokens, describe};

/// The words that open a statement.
pub(crate) const STATEMENTS: [&str; 7] =
    ["allow", "forbid", "show", "mask", "hide", "limit", "route"];
/// The words that open a clause.
const CLAUSES: [&str; 2] = ["when", "unless"];
/// Words that can name nothing.
const RESERVED: [&str; 20] = [
    "allow",
    "forbid",
    "show",
    "mask",
    "hide",
    "limit",
    "route",
    "when",
    "unless",
    "and",
    "or",
    "not",
    "in",
    "is",
    "with",
    "to",
    "true",
    "false",
    "sensitivity",
    "absent",
];

/// Reads one policy file. The tree holds every statement that could be read, whole or in part.
#[must_use]
pub fn parse(file: &str, text: &str) -> (File, Vec<Diagnostic>) {
    let lexed = lex(text);
    let mut parser = Parser::new(lexed.tokens);
    let statements = parser.statements();
    let found = diagnostics(parser.found, lexed.findings, file, text);
    (attach(statements, lexed.comments, text), found)
}

/// Reads one condition that stands alone, such as a caller's filter.
pub(crate) fn parse_condition(file: &str, text: &str) -> (Expr, Vec<Diagnostic>) {
    let lexed = lex(text);
    let mut parser = Parser::new(lexed.tokens);
    let condition = parser.condition();
    if !parser.tokens.at_end() {
        let found = describe(parser.tokens.kind());
        let message = format!("did not expect {found} behind the condition");
        let hint = "one condition, its tests joined with `and` and `or`, is all that stands here";
        parser.error(parser.tokens.span(), message, hint);
    }
    let found = diagnostics(parser.found, lexed.findings, file, text);
    (condition, found)
}

fn diagnostics(
    mut found: Vec<Finding>,
    of_lexer: Vec<Finding>,
    file: &str,
    text: &str,
) -> Vec<Diagnostic> {
    found.extend(of_lexer);
    found.sort_by_key(|(span, ..)| *span);
    let hidden = found.len().saturating_sub(MAX_FINDINGS);
    found.truncate(MAX_FINDINGS);
    let mut diagnostics: Vec<_> = found
        .into_iter()
        .map(|(span, message, hint)| {
            let mut diagnostic = Diagnostic::error("syntax", file, text, span, message);
            diagnostic.hint = hint;
            diagnostic
        })
        .collect();
    if hidden > 0 {
        let message = format!("{hidden} more mistakes; mend those above first");
        let end = Span::new(text.len(), text.len());
        diagnostics.push(Diagnostic::error("too-many", file, text, end, message));
    }
    diagnostics
}

/// Gives each comment to the statement that it stands before, in, or on the last line of.
fn attach(mut statements: Vec<Statement>, comments: Vec<Comment>, text: &str) -> File {
    let mut trailing = Vec::new();
    for comment in comments {
        let start = comment.span.start;
        let before = statements.partition_point(|statement| statement.span.start < start);
        let inside = before.checked_sub(1).filter(|last| {
            !comment.starts_line || statements.get(*last).is_some_and(|s| start < s.span.end)
        });
        let rest = text.get(comment.span.end..).unwrap_or("");
        let blanks = rest.len() - rest.trim_start().len();
        let newlines = rest.get(..blanks).unwrap_or("").matches('\n').count();
        let line = CommentLine {
            text: comment.text,
            ends_block: inside.is_none() && newlines > 1,
            span: comment.span,
        };
        match statements.get_mut(inside.unwrap_or(before)) {
            Some(statement) => statement.comments.push(line),
            None => trailing.push(line),
        }
    }
    if let Some(last) = trailing.last_mut() {
        last.ends_block = false;
    }
    File {
        statements,
        trailing,
    }
}

struct Parser<'a> {
    tokens: Tokens<'a>,
    found: Vec<Finding>,
    /// Open parentheses and `not`s.
    depth: usize,
    /// Tests in this statement so far.
    tests: usize,
    /// Whether the rest of this statement is skipped, so that nothing more is said of it.
    gave_up: bool,
}

impl<'a> Parser<'a> {
    fn new(tokens: Vec<Token<'a>>) -> Self {
        Self {
            tokens: Tokens::new(tokens),
            found: Vec::new(),
            depth: 0,
            tests: 0,
            gave_up: false,
        }
    }

    fn error(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        // A second finding at the same place only follows from the first.
        if self.gave_up || self.found.last().is_some_and(|(last, ..)| *last == span) {
            return;
        }
        let hint = hint.into();
        let hint = (!hint.is_empty()).then_some(hint);
        self.found.push((span, message.into(), hint));
    }

    fn statements(&mut self) -> Vec<Statement> {
        let mut statements = Vec::new();
        while !self.tokens.at_end() {
            self.depth = 0;
            self.tests = 0;
            self.gave_up = false;
            if let Some(statement) = self.statement() {
                statements.push(statement);
            } else {
                self.skip_to_statement();
            }
        }
        statements
    }

    fn statement(&mut self) -> Option<Statement> {
        let start = self.tokens.span();
        let keyword = self.statement_word()?;
        self.tokens.advance();
        let action = match keyword {
            "allow" => Action::Allow(self.purposes()?),
            "forbid" => Action::Forbid(self.purposes()?),
            "show" => Action::Show(self.selectors()?),
            "hide" => Action::Hide(self.selectors()?),
            "mask" => {
                let fields = self.selectors()?;
                Action::Mask(fields, self.mask_kind())
            }
            "limit" => self.limit()?,
            _ => self.route()?,
        };
        let (mut when, mut unless) = (None, None);
        while !self.tokens.at_statement() {
            let at = self.tokens.span();
            let Some(word) = self.clause_word(&action) else {
                self.skip_to_clause();
                continue;
            };
            self.tokens.advance();
            let condition = self.condition();
            let clause = if word == "when" {
                &mut when
            } else {
                &mut unless
            };
            if clause.is_some() {
                self.error(
                    at,
                    format!("this statement has a second `{word}`"),
                    "join both conditions with `and` or `or`",
                );
            }
            *clause = Some(condition);
        }
        Some(Statement {
            comments: Vec::new(),
            action,
            when,
            unless,
            span: start.to(self.tokens.last_span()),
        })
    }

    /// The word that opens a statement here; a misspelt one counts as what was meant.
    fn statement_word(&mut self) -> Option<&'static str> {
        let span = self.tokens.span();
        let found = describe(self.tokens.kind());
        if let TokenKind::Word(word) = *self.tokens.kind() {
            if let Some(known) = STATEMENTS.into_iter().find(|known| *known == word) {
                return Some(known);
            }
            if let Some(close) = nearest(word, STATEMENTS) {
                self.error(
                    span,
                    format!("no statement starts with `{word}`"),
                    format!("did you mean `{close}`?"),
                );
                return Some(close);
            }
            let hint = match word {
                "deny" | "block" => "write `forbid` for purposes, or `hide` for fields",
                "grant" | "permit" => "write `allow` for purposes, or `show` for fields",
                "when" | "unless" | "and" | "or" => {
                    "a condition belongs to a statement: say first what it decides, such as `allow support.view`"
                }
                _ => "use one of `allow`, `forbid`, `show`, `mask`, `hide`, `limit`, `route`",
            };
            self.error(span, format!("no statement starts with `{word}`"), hint);
            return None;
        }
        self.error(
            span,
            format!("expected a statement, found {found}"),
            "a statement starts with `allow`, `forbid`, `show`, `mask`, `hide`, `limit` or `route`",
        );
        None
    }

    /// `when` or `unless`; a misspelt one counts as what was meant.
    fn clause_word(&mut self, action: &Action) -> Option<&'static str> {
        let span = self.tokens.span();
        if let TokenKind::Word(word) = *self.tokens.kind() {
            if let Some(known) = CLAUSES.into_iter().find(|known| *known == word) {
                return Some(known);
            }
            if let Some(close) = nearest(word, CLAUSES) {
                self.error(
                    span,
                    format!("expected `when` or `unless`, found `{word}`"),
                    format!("did you mean `{close}`?"),
                );
                return Some(close);
            }
            if word == "if" || word == "where" {
                self.error(
                    span,
                    format!("`{word}` is not part of the language"),
                    "write `when`",
                );
                return Some("when");
            }
            if matches!(word, "and" | "or") {
                self.error(
                    span,
                    format!("`{word}` joins conditions, and there is none before it"),
                    "start the first condition with `when`",
                );
                return Some("when");
            }
        }
        let found = describe(self.tokens.kind());
        let takes_list = !matches!(action, Action::Limit(..) | Action::Route(_));
        let hint = match self.tokens.kind() {
            TokenKind::Word(word) if word.contains('.') && takes_list => {
                "separate the items of a list with commas"
            }
            TokenKind::Tag(_) if takes_list => "separate the items of a list with commas",
            TokenKind::Symbol("==" | "!=" | "<" | "<=" | ">" | ">=") => {
                "one comparison at a time: join two with `and`"
            }
            TokenKind::Symbol(")") => "there is no open `(` for it",
            _ => "a statement goes on with `when` or `unless`, or the next one starts",
        };
        self.error(span, format!("did not expect {found} here"), hint);
        None
    }

    /// Skips to the next word that opens a statement at the start of a line.
    fn skip_to_statement(&mut self) {
        self.tokens.advance();
        while !self.tokens.at_end() && !self.tokens.at_new_statement() {
            self.tokens.advance();
        }
    }

    /// Skips to the next clause or statement.
    fn skip_to_clause(&mut self) {
        self.tokens.advance();
        while !self.tokens.at_statement() && !CLAUSES.iter().any(|word| self.tokens.is_word(word)) {
            self.tokens.advance();
        }
    }

    /// A list of something with commas between.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let start = self.tokens.span();
        let mut items = vec![item(self)?];
        while self.tokens.eat_symbol(",") {
            items.push(item(self)?);
        }
        if items.len() > MAX_ITEMS {
            let span = start.to(self.tokens.last_span());
            self.error(
                span,
                format!("a list has at most {MAX_ITEMS} items"),
                "split the statement, or use a tag",
            );
            return None;
        }
        Some(items)
    }

    fn purposes(&mut self) -> Option<Vec<Name>> {
        self.list(|parser| {
            parser.name(
                "a purpose such as `support.view`",
                "say first for which purposes",
            )
        })
    }

    /// A word that is not reserved.
    fn name(&mut self, wanted: &str, hint: &str) -> Option<Name> {
        let span = self.tokens.span();
        if let TokenKind::Word(word) = *self.tokens.kind()
            && !RESERVED.contains(&word)
        {
            self.tokens.advance();
            return Some(Spanned::new(word.into(), span));
        }
        let found = describe(self.tokens.kind());
        self.error(span, format!("expected {wanted}, found {found}"), hint);
        None
    }

    fn selectors(&mut self) -> Option<Vec<Spanned<Selector>>> {
        self.list(Self::selector)
    }

    fn selector(&mut self) -> Option<Spanned<Selector>> {
        let span = self.tokens.span();
        if let TokenKind::Tag(tag) = self.tokens.kind() {
            let tag = tag.as_str().into();
            self.tokens.advance();
            return Some(Spanned::new(Selector::Tag(tag), span));
        }
        if self.tokens.eat_word("sensitivity") {
            return self.sensitivity(span);
        }
        let name = self.name(
            "a field such as `account.plan`",
            "fields are written as `account.plan`, `person.*`, `tag:billing` or `sensitivity >= restricted`",
        )?;
        let selector = match name.node.strip_suffix(".*") {
            Some(prefix) => Selector::Under(prefix.into()),
            None => Selector::Field(name.node),
        };
        Some(Spanned::new(selector, span))
    }

    fn sensitivity(&mut self, start: Span) -> Option<Spanned<Selector>> {
        let Some(op) = self.operator() else {
            let found = describe(self.tokens.kind());
            self.error(
                self.tokens.span(),
                format!("expected a comparison behind `sensitivity`, found {found}"),
                "write `sensitivity >= restricted`",
            );
            return None;
        };
        let level = self.name(
            "a sensitivity",
            "use one of `public`, `internal`, `confidential`, `restricted`",
        )?;
        Some(Spanned::new(
            Selector::Sensitivity(op, level.node),
            start.to(level.span),
        ))
    }

    fn operator(&mut self) -> Option<Op> {
        let TokenKind::Symbol(symbol) = *self.tokens.kind() else {
            return None;
        };
        let op = Op::ALL.into_iter().find(|op| op.as_str() == symbol)?;
        self.tokens.advance();
        Some(op)
    }

    fn mask_kind(&mut self) -> Option<Spanned<MaskKind>> {
        if !self.tokens.eat_word("with") {
            return None;
        }
        let span = self.tokens.span();
        let kinds = MaskKind::ALL.map(MaskKind::as_str);
        let TokenKind::Word(word) = *self.tokens.kind() else {
            let found = describe(self.tokens.kind());
            let known = quoted(&kinds);
            self.error(
                span,
                format!("expected a mask, found {found}"),
                format!("use one of {known}"),
            );
            return None;
        };
        self.tokens.advance();
        if let Ok(kind) = word.parse() {
            return Some(Spanned::new(kind, span));
        }
        let hint = match nearest(word, kinds) {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("use one of {}", quoted(&kinds)),
        };
        self.error(span, format!("`{word}` is no mask"), hint);
        None
    }

    fn limit(&mut self) -> Option<Action> {
        let entity = self.name(
            "what is limited",
            "write `limit account to account.region in user.regions`",
        )?;
        self.expect_word("to", "write `limit account to …`")?;
        let predicate = self.condition();
        Some(Action::Limit(entity, predicate))
    }

    fn route(&mut self) -> Option<Action> {
        let hint = "write `route conversation to \"enterprise\"`";
        self.expect_word("conversation", hint)?;
        self.expect_word("to", hint)?;
        let span = self.tokens.span();
        let found = describe(self.tokens.kind());
        let space: Arc<str> = match self.tokens.kind() {
            TokenKind::Text(space) if !space.is_empty() => space.as_str().into(),
            TokenKind::Word(word) if !RESERVED.contains(word) => {
                let hint = format!("write `\"{word}\"`");
                let space = (*word).into();
                self.error(
                    span,
                    format!("expected a space in quotes, found {found}"),
                    hint,
                );
                space
            }
            _ => {
                self.error(
                    span,
                    format!("expected a space in quotes, found {found}"),
                    hint,
                );
                return None;
            }
        };
        self.tokens.advance();
        Some(Action::Route(Spanned::new(space, span)))
    }

    fn expect_word(&mut self, word: &str, hint: &str) -> Option<()> {
        if self.tokens.eat_word(word) {
            return Some(());
        }
        let found = describe(self.tokens.kind());
        self.error(
            self.tokens.span(),
            format!("expected `{word}`, found {found}"),
            hint,
        );
        None
    }
}

/// Words in backticks with commas between.
pub(crate) fn quoted(words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

#[cfg(test)]
#[path = "../parser_tests.rs"]
mod tests;
