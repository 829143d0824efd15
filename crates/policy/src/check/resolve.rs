//! What stands on each side of a test: names looked up, times moved.

use kith_domain::diagnostic::nearest;
use kith_domain::{Entity, FieldIdx, FieldType, Lifecycle, Purpose, Span, Timestamp, Value};

use super::{Checker, Scope};
use crate::ast::{Literal, Operand, OperandKind};
use crate::format;
use crate::ir::{Base, FieldRef, Items, Term};
use crate::names::{ATTRIBUTES, Attr, Attribute, ListAttr};
use crate::parser::quoted;
use crate::state::StateWord;

/// A side of a test, as far as it says by itself what it is.
#[derive(Debug, Clone)]
pub(super) enum Side<'a> {
    /// One value of a known type.
    One(One),
    /// `user.role`: any of these.
    Any(ListAttr),
    /// A named list.
    List(Items),
    /// A fixed value, whose type comes from the other side.
    Literal(&'a Literal),
    /// A fixed list.
    Literals(&'a [Operand]),
    /// `later - earlier`, both times.
    Between(Term, Term),
    /// A name that means something only beside `purpose`.
    Purpose,
}

/// One value of a known type.
#[derive(Debug, Clone)]
pub(super) struct One {
    pub(super) term: Term,
    pub(super) ty: FieldType,
}

impl One {
    pub(super) fn is_purpose(&self) -> bool {
        self.term.base == Base::Attr(Attr::Purpose)
    }
}

/// A side with how it is written and where.
#[derive(Debug, Clone)]
pub(super) struct Read<'a> {
    pub(super) side: Side<'a>,
    pub(super) text: String,
    pub(super) span: Span,
}

impl Checker<'_> {
    pub(super) fn read<'a>(&mut self, operand: &'a Operand) -> Option<Read<'a>> {
        let side = match &operand.node {
            OperandKind::Literal(literal) => Side::Literal(literal),
            OperandKind::List(items) => Side::Literals(items),
            OperandKind::Name(name) => self.name(name, operand.span)?,
            OperandKind::Shift { from, minus, by } => self.shift(from, *minus, by)?,
        };
        Some(Read {
            side,
            text: format::operand(operand),
            span: operand.span,
        })
    }

    fn name<'a>(&mut self, name: &str, span: Span) -> Option<Side<'a>> {
        if let Some(attribute) = Attribute::find(name) {
            self.permit(name, span)?;
            return Some(match attribute {
                Attribute::One(attr) => Side::One(One {
                    term: Base::Attr(attr).term(),
                    ty: attr.ty(),
                }),
                Attribute::List(list) => Side::List(Items::Attr(list)),
                Attribute::Any(list) => Side::Any(list),
            });
        }
        if let Some(idx) = self.catalog.find(name) {
            return self.field_side(idx, name, span);
        }
        if name.parse::<Purpose>().is_ok() {
            return Some(Side::Purpose);
        }
        self.unknown_name(name, span);
        None
    }

    fn field_side<'a>(&mut self, idx: FieldIdx, name: &str, span: Span) -> Option<Side<'a>> {
        let field = self.catalog.get(idx)?;
        let (entity, ty, draft) = (
            field.entity,
            field.ty.clone(),
            field.lifecycle == Lifecycle::Draft,
        );
        if entity == Entity::Event {
            let message = format!("`{name}` is an event, and conditions read no events");
            let hint = "a request binds one account or person, but many events: test a computed field of the account instead".to_owned();
            self.report("unknown-name", span, message, hint);
            return None;
        }
        if draft {
            let message = format!("`{name}` is a draft and never has a value");
            let hint = "this test is unknown until the field is active".to_owned();
            self.warn("draft-field", span, message, hint);
        }
        let field = FieldRef { entity, field: idx };
        Some(if ty == FieldType::Strings {
            Side::List(Items::Field(field))
        } else {
            Side::One(One {
                term: Base::Field(field).term(),
                ty,
            })
        })
    }

    /// Whether a name that is no field may be asked here.
    fn permit(&mut self, name: &str, span: Span) -> Option<()> {
        let refused = match self.scope {
            Scope::Decision | Scope::Limit => return Some(()),
            Scope::Route => {
                name.starts_with("user.") || name.starts_with("agent.") || name == "purpose"
            }
            Scope::Filter => !(name.starts_with("user.") || name == "now"),
        };
        if !refused {
            return Some(());
        }
        let (message, hint) = if self.scope == Scope::Route {
            (
                format!("`{name}` is not known when a conversation is routed: nobody asks yet"),
                "route by fields of the account, the person or the conversation",
            )
        } else {
            (
                format!("a filter cannot ask for `{name}`"),
                "filter by fields, `user.*` and `now`",
            )
        };
        self.report("unknown-name", span, message, hint.to_owned());
        None
    }

    fn unknown_name(&mut self, name: &str, span: Span) {
        let attributes = ATTRIBUTES.iter().map(|(name, _)| *name);
        let fields = self
            .catalog
            .fields()
            .iter()
            .filter(|field| field.entity != Entity::Event)
            .map(|field| field.path.as_str());
        let start = name.split('.').next().unwrap_or(name);
        let states = StateWord::ALL.map(StateWord::as_str);
        let known = attributes.chain(fields).chain(states);
        let hint = if let Some(close) = nearest(name, known) {
            format!("did you mean `{close}`?")
        } else if name == "user" || name == "agent" || start == "user" || start == "agent" {
            let known: Vec<_> = ATTRIBUTES
                .iter()
                .map(|(known, _)| *known)
                .filter(|known| known.split('.').next() == Some(start))
                .collect();
            format!("known are {}", quoted(&known))
        } else if let Some(full) = self.with_key(name) {
            format!("did you mean `{full}`?")
        } else if name.contains('.') {
            "add it to the catalog first, or look up how it is written there".to_owned()
        } else {
            format!("a text stands in quotes: `\"{name}\"`")
        };
        let message = if start == "event" {
            format!("`{name}` cannot be asked: conditions read no events")
        } else {
            format!("nothing is named `{name}`")
        };
        self.report("unknown-name", span, message, hint);
    }

    fn shift<'a>(&mut self, from: &'a Operand, minus: bool, by: &'a Operand) -> Option<Side<'a>> {
        let span = from.span.to(by.span);
        let left = self.time(from)?;
        if let OperandKind::Literal(Literal::Duration(amount, unit)) = &by.node {
            let micros = amount.checked_mul(unit.micros())?;
            let mut term = left;
            term.shift += if minus { -micros } else { micros };
            let ty = FieldType::Timestamp;
            return Some(Side::One(One { term, ty }));
        }
        if minus && matches!(by.node, OperandKind::Name(_)) {
            return Some(Side::Between(left, self.time(by)?));
        }
        let message = format!("`{}` is no length of time", format::operand(by));
        let hint = "a time is moved by a fixed length, such as `now - 30 days`".to_owned();
        self.report("type-mismatch", span, message, hint);
        None
    }

    /// A side that must be a time.
    fn time(&mut self, operand: &Operand) -> Option<Term> {
        let read = self.read(operand)?;
        match read.side {
            Side::One(One {
                term,
                ty: FieldType::Timestamp,
            }) => return Some(term),
            Side::Literal(Literal::Time(written)) => {
                let at = Timestamp::parse(written)?;
                return Some(Base::Const(Value::Timestamp(at)).term());
            }
            _ => {}
        }
        let message = format!("`{}` is no time, and only times can be moved", read.text);
        let hint = "compare the value as it is: the language has no arithmetic".to_owned();
        self.report("type-mismatch", read.span, message, hint);
        None
    }
}
