//! Conditions: `or` of `and` of `not` of tests.

use kith_domain::diagnostic::nearest;
use kith_domain::{Currency, Decimal, Span, Timestamp};

use super::tokens::describe;
use super::{CLAUSES, Parser, RESERVED};
use crate::ast::{Expr, ExprKind, Literal, Operand, OperandKind, Spanned, Unit};
use crate::lexer::TokenKind;
use crate::limits::{MAX_ITEMS, MAX_NESTING, MAX_TESTS};
use crate::state::StateWord;

impl Parser<'_> {
    /// The condition of a clause; what cannot be read is reported and becomes `Broken`.
    pub(super) fn condition(&mut self) -> Expr {
        let condition = self.disjunction();
        if height(&condition) > MAX_NESTING {
            return self.too_deep(condition.span);
        }
        condition
    }

    fn disjunction(&mut self) -> Expr {
        let first = self.conjunction();
        self.chain(first, "or", Self::conjunction, ExprKind::Or)
    }

    fn conjunction(&mut self) -> Expr {
        let first = self.negation();
        self.chain(first, "and", Self::negation, ExprKind::And)
    }

    /// `first word next word next …`, flat: a chain within the chain is part of it.
    fn chain(
        &mut self,
        first: Expr,
        word: &str,
        next: fn(&mut Self) -> Expr,
        join: fn(Vec<Expr>) -> ExprKind,
    ) -> Expr {
        if !self.tokens.is_word(word) {
            return first;
        }
        let mut span = first.span;
        let mut parts = Vec::new();
        let mut add = |part: Expr| match (word, part.node) {
            ("and", ExprKind::And(inner)) | ("or", ExprKind::Or(inner)) => parts.extend(inner),
            (_, node) => parts.push(Spanned::new(node, part.span)),
        };
        add(first);
        while self.tokens.eat_word(word) {
            let part = next(self);
            span = span.to(part.span);
            add(part);
        }
        Spanned::new(join(parts), span)
    }

    fn negation(&mut self) -> Expr {
        let start = self.tokens.span();
        if !self.tokens.is_word("not") {
            return self.primary();
        }
        if matches!(self.tokens.next_kind(), TokenKind::Symbol("(")) {
            // The group counts as one level, and its `not` with it.
            self.tokens.advance();
            let inner = self.primary();
            let span = start.to(inner.span);
            return Spanned::new(ExprKind::Not(Box::new(inner)), span);
        }
        let Some(inner) = self.nested(Self::negation) else {
            return self.too_deep(start);
        };
        let span = start.to(inner.span);
        Spanned::new(ExprKind::Not(Box::new(inner)), span)
    }

    fn primary(&mut self) -> Expr {
        let start = self.tokens.span();
        if !self.tokens.is_symbol("(") {
            return self.test();
        }
        let Some(inner) = self.nested(Self::disjunction) else {
            return self.too_deep(start);
        };
        if !self.tokens.eat_symbol(")") {
            let found = describe(self.tokens.kind());
            self.error(
                self.tokens.span(),
                format!("expected `)`, found {found}"),
                "close the group that was opened with `(`",
            );
        }
        Spanned::new(inner.node, start.to(self.tokens.last_span()))
    }

    /// Steps over the opening token and reads what it nests; `None` if that is too deep.
    fn nested(&mut self, inner: fn(&mut Self) -> Expr) -> Option<Expr> {
        if self.depth >= 2 * MAX_NESTING {
            return None;
        }
        self.tokens.advance();
        self.depth += 1;
        let expr = inner(self);
        self.depth -= 1;
        Some(expr)
    }

    fn too_deep(&mut self, start: Span) -> Expr {
        self.error(
            start,
            format!("conditions nest at most {MAX_NESTING} deep"),
            "split the statement into several",
        );
        self.gave_up = true;
        while !self.tokens.at_statement() {
            self.tokens.advance();
        }
        Spanned::new(ExprKind::Broken, start)
    }

    fn test(&mut self) -> Expr {
        let start = self.tokens.span();
        self.tests += 1;
        if self.tests == MAX_TESTS + 1 {
            self.error(
                start,
                format!("a statement has at most {MAX_TESTS} tests"),
                "use `in` with a list, or split the statement",
            );
        }
        let node = self.test_kind().unwrap_or_else(|| {
            self.skip_test();
            ExprKind::Broken
        });
        Spanned::new(node, start.to(self.tokens.last_span()))
    }

    /// Skips what is left of a broken test.
    fn skip_test(&mut self) {
        let mut open = 0_usize;
        loop {
            let joins = ["and", "or"].iter().any(|word| self.tokens.is_word(word));
            let clause = CLAUSES.iter().any(|word| self.tokens.is_word(word));
            let closes = self.tokens.is_symbol(")") && open == 0;
            if joins || clause || closes || self.tokens.at_statement() {
                return;
            }
            if self.tokens.is_symbol("(") {
                open += 1;
            }
            if self.tokens.is_symbol(")") {
                open -= 1;
            }
            self.tokens.advance();
        }
    }

    fn test_kind(&mut self) -> Option<ExprKind> {
        let left = self.operand()?;
        if let Some(op) = self.operator() {
            return Some(ExprKind::Compare(left, op, self.operand()?));
        }
        if self.tokens.eat_word("is") {
            return self.absent(left);
        }
        let negated =
            self.tokens.is_word("not") && matches!(self.tokens.next_kind(), TokenKind::Word("in"));
        if negated {
            self.tokens.advance();
        }
        if self.tokens.eat_word("in") {
            let list = self.operand()?;
            return Some(ExprKind::In {
                item: left,
                list,
                negated,
            });
        }
        self.missing_test(&left);
        None
    }

    fn missing_test(&mut self, left: &Operand) {
        let name = match &left.node {
            OperandKind::Name(name) => format!("`{name}`"),
            _ => "this value".to_owned(),
        };
        match *self.tokens.kind() {
            TokenKind::Word(word @ ("contains" | "has" | "includes")) => self.error(
                self.tokens.span(),
                format!("`{word}` is not part of the language"),
                format!("write `\"…\" in {}`", name.trim_matches('`')),
            ),
            TokenKind::Word(word @ ("equals" | "eq")) => self.error(
                self.tokens.span(),
                format!("`{word}` is not part of the language"),
                "write `==`",
            ),
            _ => self.error(
                left.span,
                format!("nothing is asked of {name}"),
                "compare it with `==`, `!=`, `<`, `<=`, `>`, `>=` or `in`, or write `is absent`",
            ),
        }
    }

    /// Behind `is`.
    fn absent(&mut self, of: Operand) -> Option<ExprKind> {
        let negated = self.tokens.eat_word("not");
        if self.tokens.eat_word("absent") {
            return Some(ExprKind::Absent { of, negated });
        }
        let hint = match (self.tokens.kind(), negated) {
            (TokenKind::Word("present" | "known" | "set"), false) => "write `is not absent`",
            (TokenKind::Word("empty" | "missing" | "null" | "unknown" | "none"), false) => {
                "write `is absent`"
            }
            (TokenKind::Word(word), _) if nearest(word, ["absent"]).is_some() => {
                "did you mean `absent`?"
            }
            (_, false) => "write `==` to compare with a value, or `is absent`",
            (_, true) => "write `!=` to compare with a value, or `is not absent`",
        };
        let found = describe(self.tokens.kind());
        self.error(
            self.tokens.span(),
            format!("expected `absent`, found {found}"),
            hint,
        );
        None
    }

    fn operand(&mut self) -> Option<Operand> {
        let mut operand = self.value()?;
        loop {
            let minus = self.tokens.is_symbol("-");
            if !minus && !self.tokens.is_symbol("+") {
                return Some(operand);
            }
            self.tokens.advance();
            let by = self.value()?;
            let span = operand.span.to(by.span);
            if matches!(operand.node, OperandKind::Shift { .. }) {
                self.error(
                    span,
                    "only one `+` or `-` in a value",
                    "add the lengths of time up",
                );
                return None;
            }
            let kind = OperandKind::Shift {
                from: Box::new(operand),
                minus,
                by: Box::new(by),
            };
            operand = Spanned::new(kind, span);
        }
    }

    fn value(&mut self) -> Option<Operand> {
        let span = self.tokens.span();
        let literal = match self.tokens.kind() {
            TokenKind::Word("true") => Literal::Bool(true),
            TokenKind::Word("false") => Literal::Bool(false),
            TokenKind::Text(text) => Literal::Text(text.as_str().into()),
            TokenKind::Time(time) => {
                if Timestamp::parse(time).is_none() {
                    self.error(
                        span,
                        format!("`{time}` is no date or time"),
                        "write `2026-01-31` or `2026-01-31T12:00:00Z`",
                    );
                    return None;
                }
                Literal::Time((*time).into())
            }
            TokenKind::Number(_) => return self.number(""),
            TokenKind::Symbol("-") if matches!(self.tokens.next_kind(), TokenKind::Number(_)) => {
                self.tokens.advance();
                return self.number("-");
            }
            TokenKind::Symbol("[") => return self.list_of_values(),
            TokenKind::Word(word) if StateWord::parse(word).is_some() => {
                Literal::State(StateWord::parse(word)?)
            }
            TokenKind::Word(word) if !RESERVED.contains(word) => {
                if word.ends_with(".*") {
                    self.error(
                        span,
                        format!("`{word}` is many fields, and a test reads one"),
                        "name one field",
                    );
                    return None;
                }
                let name = OperandKind::Name((*word).into());
                self.tokens.advance();
                return Some(Spanned::new(name, span));
            }
            other => {
                let found = describe(other);
                let hint = match other {
                    TokenKind::Tag(_) => "a tag selects the fields of a statement, it is no value",
                    TokenKind::Symbol("(") => "a group in `(…)` holds conditions, not values",
                    _ => {
                        "write a name such as `account.plan`, a text in quotes, a number or a list"
                    }
                };
                self.error(span, format!("expected a value, found {found}"), hint);
                return None;
            }
        };
        self.tokens.advance();
        Some(Spanned::new(OperandKind::Literal(literal), span))
    }

    /// A number with what stands behind it: a unit of time, a currency, or nothing.
    fn number(&mut self, sign: &str) -> Option<Operand> {
        let start = self.tokens.span();
        let TokenKind::Number(digits) = *self.tokens.kind() else {
            return None;
        };
        self.tokens.advance();
        let Some(number) = Decimal::parse(&format!("{sign}{digits}")) else {
            self.error(
                start,
                format!("`{digits}` is too long for a number"),
                "numbers have at most 6 digits behind the point and reach up to 9 trillion",
            );
            return None;
        };
        let literal = match *self.tokens.kind() {
            TokenKind::Word(word) if !RESERVED.contains(&word) => {
                let literal = self.measured(number, word)?;
                self.tokens.advance();
                literal
            }
            _ => Literal::Number(number),
        };
        let span = start.to(self.tokens.last_span());
        Some(Spanned::new(OperandKind::Literal(literal), span))
    }

    /// A number with the word behind it.
    fn measured(&mut self, number: Decimal, word: &str) -> Option<Literal> {
        let span = self.tokens.span();
        if let Some(unit) = Unit::ALL
            .into_iter()
            .find(|unit| unit.plural() == word || unit.singular() == word)
        {
            let one = Decimal::from_int(1)?.micros;
            let amount = (number.micros % one == 0).then_some(number.micros / one);
            let fits = amount.filter(|amount| {
                amount
                    .checked_mul(unit.micros())
                    .is_some_and(|micros| micros.abs() < 1 << 53)
            });
            if fits.is_none() {
                self.error(
                    span,
                    "this length of time is not a whole number, or too long",
                    "use a smaller unit, and at most 285 years",
                );
            }
            return Some(Literal::Duration(fits?, unit));
        }
        if !matches!(word, "AND" | "NOT")
            && let Ok(currency) = word.parse::<Currency>()
        {
            return Some(Literal::Money(number, currency));
        }
        let units = Unit::ALL.map(Unit::plural);
        let hint = if matches!(word, "month" | "months" | "year" | "years") {
            "months and years differ in length: count in days or weeks".to_owned()
        } else if word.to_uppercase().parse::<Currency>().is_ok()
            && word.len() == 3
            && !matches!(word, "AND" | "NOT")
        {
            format!(
                "a currency is written in capitals: `{}`",
                word.to_uppercase()
            )
        } else if let Some(close) = nearest(word, units) {
            format!("did you mean `{close}`?")
        } else if let Some(close) = nearest(word, RESERVED) {
            format!("did you mean `{close}`?")
        } else {
            "behind a number stands a unit of time such as `days`, or a currency such as `EUR`"
                .to_owned()
        };
        self.error(
            span,
            format!("did not expect `{word}` behind a number"),
            hint,
        );
        None
    }

    fn list_of_values(&mut self) -> Option<Operand> {
        let start = self.tokens.span();
        self.tokens.advance();
        let mut items = Vec::new();
        while !self.tokens.is_symbol("]") {
            if self.tokens.is_symbol("[") {
                self.error(
                    self.tokens.span(),
                    "a list holds no lists",
                    "write one flat list",
                );
                return None;
            }
            items.push(self.value()?);
            if !self.tokens.eat_symbol(",") && !self.tokens.is_symbol("]") {
                let found = describe(self.tokens.kind());
                self.error(
                    self.tokens.span(),
                    format!("expected `,` or `]`, found {found}"),
                    "separate the items with commas and close the list with `]`",
                );
                return None;
            }
        }
        self.tokens.advance();
        let span = start.to(self.tokens.last_span());
        if items.len() > MAX_ITEMS {
            self.error(
                span,
                format!("a list has at most {MAX_ITEMS} items"),
                "split it over several statements",
            );
            return None;
        }
        Some(Spanned::new(OperandKind::List(items), span))
    }
}

/// How deep a condition nests. Formatted, each level is at most one pair of parentheses.
fn height(condition: &Expr) -> usize {
    match &condition.node {
        ExprKind::And(parts) | ExprKind::Or(parts) => {
            1 + parts.iter().map(height).max().unwrap_or(0)
        }
        ExprKind::Not(inner) => 1 + height(inner),
        _ => 0,
    }
}
