//! Conditions to nodes: each test is typed, and its two sides made to fit.

use kith_domain::{Entity, FieldIdx, FieldType, Span, Value};

use super::literal::describe;
use super::resolve::{One, Read, Side};
use super::{Checker, Scope};
use crate::ast::{Expr, ExprKind, Literal, Op, Operand, OperandKind};
use crate::format;
use crate::ir::{Atom, Base, Items, NodeId, Term};
use crate::names::ListAttr;
use crate::state::StateWord;
use crate::tri::Tri;

impl Checker<'_> {
    /// The node of a condition. What cannot be checked is reported and stands in as unknown; no
    /// policies are made of it.
    pub(super) fn condition(&mut self, condition: &Expr) -> NodeId {
        match &condition.node {
            ExprKind::And(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| self.condition(part)).collect();
                self.nodes.all(parts)
            }
            ExprKind::Or(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| self.condition(part)).collect();
                self.nodes.any(parts)
            }
            ExprKind::Not(inner) => {
                let inner = self.condition(inner);
                self.nodes.negate(inner)
            }
            _ => match self.test(condition) {
                Some(node) => node,
                None => self.nodes.constant_node(Tri::Unknown),
            },
        }
    }

    fn test(&mut self, test: &Expr) -> Option<NodeId> {
        match &test.node {
            ExprKind::Compare(left, op, right) => self.compare(left, *op, right, test.span),
            ExprKind::In {
                item,
                list,
                negated,
            } => {
                let node = self.contains(item, list)?;
                Some(self.negate_if(*negated, node))
            }
            ExprKind::Absent { of, negated } => {
                let node = self.absent(of)?;
                Some(self.negate_if(*negated, node))
            }
            _ => None,
        }
    }

    fn negate_if(&mut self, negated: bool, node: NodeId) -> NodeId {
        if negated {
            self.nodes.negate(node)
        } else {
            node
        }
    }

    fn add(&mut self, atom: Atom<FieldIdx>, text: String) -> NodeId {
        let node = self.nodes.atom(atom);
        self.name_node(node, text)
    }

    fn compare(&mut self, left: &Operand, op: Op, right: &Operand, span: Span) -> Option<NodeId> {
        for (side, state, op) in [(left, right, op), (right, left, op.swapped())] {
            if let OperandKind::Literal(Literal::State(word)) = state.node {
                return self.state_test(side, op, word, span);
            }
        }
        // Beside `purpose` a name such as `account.edit` is a purpose, whatever the catalog has.
        for (side, word, op) in [(left, right, op), (right, left, op.swapped())] {
            if let (OperandKind::Name(side_name), OperandKind::Name(word_name)) =
                (&side.node, &word.node)
                && **side_name == *"purpose"
            {
                let Side::One(one) = self.read(side)?.side else {
                    return None;
                };
                self.check_order(op, &one.ty, "purpose", span)?;
                let purpose = self.purpose(word_name, word.span)?;
                let value = Value::String(purpose.as_str().into());
                let text = format!("purpose == {purpose}");
                return Some(self.comparison(one.term, op, Base::Const(value).term(), text));
            }
        }
        let (left, right) = (self.read(left), self.read(right));
        let (left, right) = (left?, right?);
        self.compare_sides(left, op, right, span)
    }

    fn compare_sides(
        &mut self,
        left: Read<'_>,
        op: Op,
        right: Read<'_>,
        span: Span,
    ) -> Option<NodeId> {
        // `!=` is `not ==`: explanations name the test that was asked.
        let shown = if op == Op::Ne { Op::Eq } else { op };
        let text = format!("{} {} {}", left.text, shown.as_str(), right.text);
        match (left.side, right.side) {
            (Side::One(one), Side::Literal(literal)) => {
                self.check_order(op, &one.ty, &left.text, span)?;
                let value = self.fixed(literal, right.span, &one, &left.text)?;
                Some(self.comparison(one.term, op, Base::Const(value).term(), text))
            }
            (Side::Literal(literal), Side::One(one)) => {
                self.check_order(op, &one.ty, &right.text, span)?;
                let value = self.fixed(literal, left.span, &one, &right.text)?;
                let fixed = Base::Const(value).term();
                Some(self.comparison(one.term, op.swapped(), fixed, text))
            }
            (Side::One(a), Side::One(b)) => {
                self.check_order(op, &a.ty, &left.text, span)?;
                self.check_order(op, &b.ty, &right.text, span)?;
                if !comparable(&a.ty, &b.ty) {
                    let message = format!(
                        "`{}` is {}, and `{}` is {}: they cannot be compared",
                        left.text,
                        describe(&a.ty),
                        right.text,
                        describe(&b.ty)
                    );
                    self.report("type-mismatch", span, message, String::new());
                    return None;
                }
                Some(self.comparison(a.term, op, b.term, text))
            }
            (Side::Any(list), other) | (other, Side::Any(list)) => {
                self.any_equals(list, op, other, span, text)
            }
            (Side::Between(later, earlier), Side::Literal(literal)) => {
                self.elapsed(later, earlier, op, literal, right.span, text)
            }
            (Side::Literal(literal), Side::Between(later, earlier)) => {
                self.elapsed(later, earlier, op.swapped(), literal, left.span, text)
            }
            (Side::Between(..), _) | (_, Side::Between(..)) => {
                let message = "the time between two times is compared with a fixed length";
                let hint = "write, for example, `now - account.createdAt > 30 days`";
                self.report("type-mismatch", span, message.to_owned(), hint.to_owned());
                None
            }
            (Side::List(_), _) => self.list_compared(&left.text, &right.text, span),
            (_, Side::List(_)) => self.list_compared(&right.text, &left.text, span),
            (Side::Literals(_), _) | (_, Side::Literals(_)) => {
                let hint = "write `in` to look something up in a list".to_owned();
                let message = format!("`{}` does not compare with a list", shown.as_str());
                self.report("type-mismatch", span, message, hint);
                None
            }
            (Side::Purpose, _) | (_, Side::Purpose) => {
                let message = "a purpose is compared with `purpose` only".to_owned();
                let hint = "write, for example, `purpose == ai.draft`".to_owned();
                self.report("type-mismatch", span, message, hint);
                None
            }
            (Side::Literal(_), Side::Literal(_)) => {
                let message = "both sides of this test are fixed: it always says the same";
                let hint = "put a name such as `account.plan` on one side";
                self.report("constant-test", span, message.to_owned(), hint.to_owned());
                None
            }
        }
    }

    fn comparison(&mut self, left: Term, op: Op, right: Term, text: String) -> NodeId {
        let (asked, negated) = match op {
            Op::Ne => (Op::Eq, true),
            other => (other, false),
        };
        let atom = Atom::Compare {
            left,
            op: asked,
            right,
        };
        let node = self.add(atom, text);
        self.negate_if(negated, node)
    }

    fn list_compared(&mut self, list: &str, other: &str, span: Span) -> Option<NodeId> {
        let message = format!("`{list}` is a list, and a list equals nothing");
        self.report(
            "type-mismatch",
            span,
            message,
            format!("write `{other} in {list}`"),
        );
        None
    }

    /// `user.role == x`: one of the member's roles is x.
    fn any_equals(
        &mut self,
        list: ListAttr,
        op: Op,
        other: Side<'_>,
        span: Span,
        text: String,
    ) -> Option<NodeId> {
        let items = match (op, other) {
            (Op::Eq | Op::Ne, Side::Literal(Literal::Text(word))) => {
                Some(Items::Const([Value::String(word.clone())].into()))
            }
            (Op::Eq | Op::Ne, Side::One(one)) if is_text(&one.ty) => Some(Items::One(one.term)),
            _ => None,
        };
        let Some(right) = items else {
            let message = "a role is compared with a text, by `==`, `!=` or `in`".to_owned();
            let hint = "write `user.role == \"support\"`, or `user.role in [\"support\"]`";
            self.report("type-mismatch", span, message, hint.to_owned());
            return None;
        };
        let atom = Atom::Overlap {
            left: Items::Attr(list),
            right,
        };
        let node = self.add(atom, text);
        Some(self.negate_if(op == Op::Ne, node))
    }

    /// `later - earlier > 30 days`, asked as `later > earlier + 30 days`.
    fn elapsed(
        &mut self,
        later: Term,
        mut earlier: Term,
        op: Op,
        literal: &Literal,
        span: Span,
        text: String,
    ) -> Option<NodeId> {
        let value = self.coerce(literal, span, &FieldType::Duration, "the time between")?;
        if let Value::Duration(micros) = value {
            earlier.shift = earlier.shift.checked_add(micros)?;
        }
        Some(self.comparison(later, op, earlier, text))
    }

    fn check_order(&mut self, op: Op, ty: &FieldType, name: &str, span: Span) -> Option<()> {
        let orders = !matches!(op, Op::Eq | Op::Ne);
        if !orders || !matches!(ty, FieldType::Bool | FieldType::Enum(_)) {
            return Some(());
        }
        let message = format!("`{name}` is {}, which has no order", describe(ty));
        let hint = "compare with `==`, `!=` or `in`".to_owned();
        self.report("type-mismatch", span, message, hint);
        None
    }

    fn contains(&mut self, item: &Operand, list: &Operand) -> Option<NodeId> {
        if let OperandKind::List(words) = &list.node
            && let Some(node) = self.state_in(item, words)
        {
            return node;
        }
        let purposes = matches!(&item.node, OperandKind::Name(name) if **name == *"purpose");
        let item_read = self.read(item);
        let list_read = if purposes && matches!(list.node, OperandKind::Name(_)) {
            None
        } else {
            self.read(list)
        };
        let item_read = item_read?;
        let text = format!("{} in {}", item_read.text, format::operand(list));
        let Some(list_read) = list_read else {
            if purposes {
                let message = "`in` looks something up in a list".to_owned();
                let hint = format!("write `purpose == {}`", format::operand(list));
                self.report("type-mismatch", list.span, message, hint);
            }
            return None;
        };
        let (left, right) = match (item_read.side, list_read.side) {
            (Side::One(one), Side::Literals(items)) => {
                let values = self.coerce_all(items, &one, &item_read.text)?;
                (Items::One(one.term), Items::Const(values))
            }
            (Side::Any(attr), Side::Literals(items)) => {
                let role = One {
                    term: Base::Const(Value::String("".into())).term(),
                    ty: FieldType::String,
                };
                let values = self.coerce_all(items, &role, &item_read.text)?;
                (Items::Attr(attr), Items::Const(values))
            }
            (Side::Any(attr), Side::List(items)) => (Items::Attr(attr), items),
            (Side::One(one), Side::List(items)) if is_text(&one.ty) => {
                (Items::One(one.term), items)
            }
            (Side::Literal(Literal::Text(word)), Side::List(items)) => {
                (Items::Const([Value::String(word.clone())].into()), items)
            }
            (Side::Literal(_), Side::Literals(_)) => {
                let message = "both sides of this test are fixed: it always says the same";
                let hint = "put a name such as `account.plan` on one side";
                let span = item_read.span.to(list_read.span);
                self.report("constant-test", span, message.to_owned(), hint.to_owned());
                return None;
            }
            (Side::List(_), _) => {
                let message = format!("`{}` is a list itself", item_read.text);
                let hint = format!("ask for one item: `\"…\" in {}`", item_read.text);
                self.report("type-mismatch", item_read.span, message, hint);
                return None;
            }
            (_, Side::List(_)) => {
                let message = format!("`{}` is a list of texts", list_read.text);
                let hint = "look a text up in it".to_owned();
                self.report("type-mismatch", item_read.span, message, hint);
                return None;
            }
            (_, Side::Literals(_)) => {
                let message = format!("`{}` cannot be looked up in a list", item_read.text);
                let hint = "put a name such as `account.plan` before `in`".to_owned();
                self.report("type-mismatch", item_read.span, message, hint);
                return None;
            }
            _ => {
                let message = format!("`{}` is no list", list_read.text);
                let hint = format!("write `{} == {}`", item_read.text, list_read.text);
                self.report("type-mismatch", list_read.span, message, hint);
                return None;
            }
        };
        Some(self.add(Atom::Overlap { left, right }, text))
    }

    fn absent(&mut self, of: &Operand) -> Option<NodeId> {
        let read = self.read(of)?;
        let term = match read.side {
            Side::One(One { term, .. }) if term.shift == 0 => term,
            Side::List(Items::Field(field)) => Base::Field(field).term(),
            Side::Any(_) | Side::List(_) => {
                let message = format!("`{}` may be empty, but is never absent", read.text);
                let hint = match read.side {
                    Side::Any(_) => format!("ask for one item: `{} == \"…\"`", read.text),
                    _ => format!("ask for one item: `\"…\" in {}`", read.text),
                };
                self.report("constant-test", read.span, message, hint);
                return None;
            }
            _ => {
                let message = format!("`{}` is never absent", read.text);
                let hint = "put a name such as `account.plan` before `is absent`".to_owned();
                self.report("constant-test", read.span, message, hint);
                return None;
            }
        };
        Some(self.add(Atom::Absent(term), format!("{} is absent", read.text)))
    }

    /// `x in [hidden, masked]`: one of the state tests holds. `None` if the list holds no states.
    fn state_in(&mut self, item: &Operand, words: &[Operand]) -> Option<Option<NodeId>> {
        let states: Vec<_> = words
            .iter()
            .filter_map(|word| match word.node {
                OperandKind::Literal(Literal::State(state)) => Some((state, word.span)),
                _ => None,
            })
            .collect();
        if states.is_empty() {
            return None;
        }
        if states.len() != words.len() {
            let message = "a list holds states or values, not both".to_owned();
            let hint = "join two tests with `or`".to_owned();
            self.report("type-mismatch", item.span, message, hint);
            return Some(None);
        }
        let mut tests = Vec::new();
        for (state, span) in states {
            let Some(node) = self.state_test(item, Op::Eq, state, item.span.to(span)) else {
                return Some(None);
            };
            tests.push(node);
        }
        Some(Some(self.nodes.any(tests)))
    }

    fn state_test(&mut self, side: &Operand, op: Op, is: StateWord, span: Span) -> Option<NodeId> {
        let name = format::operand(side);
        let field = match &side.node {
            OperandKind::Name(path) => self.catalog.find(path),
            _ => None,
        };
        let Some(field) = field else {
            if let OperandKind::Name(path) = &side.node
                && path.contains('.')
                && self.read(side).is_none()
            {
                return None;
            }
            let message = format!("`{is}` is the state of a field, and `{name}` is none");
            let hint = format!("for the text write `\"{is}\"`");
            self.report("type-mismatch", span, message, hint);
            return None;
        };
        if !matches!(op, Op::Eq | Op::Ne) {
            let message = "states are compared with `==` or `!=`".to_owned();
            self.report(
                "type-mismatch",
                span,
                message,
                format!("write `{name} == {is}`"),
            );
            return None;
        }
        if self
            .catalog
            .get(field)
            .is_some_and(|f| f.entity == Entity::Event)
        {
            let message = format!("`{name}` is an event, and conditions read no events");
            let hint = "test the state of a field of the account or person".to_owned();
            self.report("unknown-name", span, message, hint);
            return None;
        }
        let (what, hint) = match self.scope {
            Scope::Decision => {
                self.tested.push((field, span));
                let node = self.add(Atom::State { of: field, is }, format!("{name} == {is}"));
                return Some(self.negate_if(op == Op::Ne, node));
            }
            Scope::Limit => (
                "a limit",
                "states are decided for rows that exist: test a value",
            ),
            Scope::Route => (
                "a route",
                "there is no state until somebody asks: test a value",
            ),
            Scope::Filter => ("a filter", "test a value, or write `is absent`"),
        };
        let message = format!("{what} cannot test the state of a field");
        self.report("misplaced-state", span, message, hint.to_owned());
        None
    }
}

const fn is_text(ty: &FieldType) -> bool {
    matches!(ty, FieldType::String | FieldType::Enum(_))
}

/// Whether two values of these types can be equal or ordered.
fn comparable(a: &FieldType, b: &FieldType) -> bool {
    let plain_number =
        |ty: &FieldType| matches!(ty, FieldType::Int | FieldType::Decimal { currency: None });
    let money = |ty: &FieldType| matches!(ty, FieldType::Decimal { currency: Some(_) });
    (plain_number(a) && plain_number(b))
        || (money(a) && money(b))
        || (is_text(a) && is_text(b))
        || matches!(
            (a, b),
            (FieldType::Bool, FieldType::Bool)
                | (FieldType::Timestamp, FieldType::Timestamp)
                | (FieldType::Duration, FieldType::Duration)
        )
}
