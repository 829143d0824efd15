//! States may read other states, but not in a circle, for none of them would ever be decided; nor in
//! a chain so long that deciding it nests deep.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use kith_domain::{Diagnostic, FieldIdx};

use super::Checker;
use crate::limits::MAX_STATE_CHAIN;

/// For each field: the fields that its state depends on, and the statement that says so.
type Edges = HashMap<FieldIdx, Vec<(FieldIdx, usize)>>;

/// Where the search is: a field, and how many of its edges have been followed.
struct Step {
    field: FieldIdx,
    edge: usize,
}

/// What is known of a field.
#[derive(Clone, Copy)]
enum Known {
    /// The search is on a path through it.
    Open,
    /// The length of the longest chain that starts at it.
    Chain(usize),
}

impl Checker<'_> {
    /// Reports one circle for every group of fields whose states depend on each other, and one chain
    /// that is too long.
    pub(super) fn find_cycles(&mut self) {
        let edges = self.state_edges();
        let mut starts: Vec<_> = edges.keys().copied().collect();
        starts.sort();
        let mut known: HashMap<FieldIdx, Known> = HashMap::new();
        let mut circles = Vec::new();
        for start in starts {
            if !known.contains_key(&start) {
                search(start, &edges, &mut known, &mut circles);
            }
        }
        let has_long_chain = known
            .values()
            .any(|known| matches!(known, Known::Chain(length) if *length > MAX_STATE_CHAIN));
        if has_long_chain && circles.is_empty() {
            let message =
                format!("states depend on states in a chain of more than {MAX_STATE_CHAIN}");
            let hint = "test a value instead of a state somewhere in the chain";
            self.report_test(0, "too-deep", message, hint);
        }
        for (circle, statement) in circles {
            self.report_circle(&circle, statement);
        }
    }

    fn state_edges(&self) -> Edges {
        let tested: HashSet<_> = self.tests.iter().flat_map(|test| &test.tested).collect();
        let mut edges = Edges::new();
        for (statement, test) in self.tests.iter().enumerate() {
            // A field whose state nobody tests closes no circle.
            for target in test.targets.iter().filter(|target| tested.contains(target)) {
                let from = edges.entry(*target).or_default();
                from.extend(test.tested.iter().map(|to| (*to, statement)));
            }
        }
        edges
    }

    fn report_circle(&mut self, circle: &[FieldIdx], statement: usize) {
        let name = |idx: &FieldIdx| {
            let field = self.catalog.get(*idx);
            field.map_or_else(String::new, |field| format!("`{}`", field.path))
        };
        let names: Vec<_> = circle.iter().map(name).collect();
        let mut message = match names.as_slice() {
            [only] => format!("the state of {only} depends on itself"),
            _ => format!("the states of {} depend on each other", names.join(" and ")),
        };
        if let [first, _, ..] = names.as_slice() {
            let _ = write!(message, ": {} → {first}", names.join(" → "));
        }
        let hint = "remove one of the state tests, or leave the field out of this statement";
        self.report_test(statement, "state-cycle", message, hint);
    }

    fn report_test(&mut self, statement: usize, code: &'static str, message: String, hint: &str) {
        if let Some(test) = self.tests.get(statement) {
            let found = Diagnostic::error(code, &test.file, &test.text, test.span, message);
            self.found.push(found.with_hint(hint));
        }
    }
}

/// Walks every path from a field, and keeps the circles that it closes.
fn search(
    start: FieldIdx,
    edges: &Edges,
    known: &mut HashMap<FieldIdx, Known>,
    circles: &mut Vec<(Vec<FieldIdx>, usize)>,
) {
    known.insert(start, Known::Open);
    let mut path = vec![Step {
        field: start,
        edge: 0,
    }];
    while let Some(step) = path.last_mut() {
        let of_field = edges.get(&step.field).map_or(&[][..], Vec::as_slice);
        let next = of_field.get(step.edge).copied();
        step.edge += 1;
        let Some((to, statement)) = next else {
            let longest = of_field.iter().filter_map(|(to, _)| match known.get(to) {
                Some(Known::Chain(length)) => Some(*length),
                _ => None,
            });
            let chain = 1 + longest.max().unwrap_or(0);
            known.insert(step.field, Known::Chain(chain));
            path.pop();
            continue;
        };
        match known.get(&to) {
            Some(Known::Chain(_)) => {}
            Some(Known::Open) => {
                let circle = path.iter().map(|step| step.field);
                let circle = circle.skip_while(|field| *field != to).collect();
                circles.push((circle, statement));
            }
            None => {
                known.insert(to, Known::Open);
                path.push(Step { field: to, edge: 0 });
            }
        }
    }
}
