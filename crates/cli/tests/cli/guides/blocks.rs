//! A guide taken apart: its fenced blocks and its tables.

use std::ops::Range;

/// A guide, and what of it can be held against the product.
pub(crate) struct Guide<'a> {
    pub(crate) path: &'a str,
    pub(crate) text: &'a str,
    pub(crate) blocks: Vec<Block<'a>>,
    pub(crate) tables: Vec<Table<'a>>,
}

/// A fenced block.
pub(crate) struct Block<'a> {
    /// What stands behind the fence.
    pub(crate) kind: &'a str,
    pub(crate) text: &'a str,
    /// Where its text stands in the guide.
    pub(crate) range: Range<usize>,
    pub(crate) line: usize,
    /// How many headings stand before it.
    pub(crate) section: usize,
}

/// What stands between two markers.
pub(crate) struct Table<'a> {
    pub(crate) kind: TableKind<'a>,
    pub(crate) text: &'a str,
    pub(crate) range: Range<usize>,
    pub(crate) line: usize,
}

pub(crate) enum TableKind<'a> {
    /// The product makes it.
    Made(&'a str),
    /// Each row is a case: this, with the row's statements and what comes of them.
    Outcomes(&'a str),
}

enum Open<'a> {
    Nothing,
    Block(&'a str, usize, usize),
    Table(TableKind<'a>, usize, usize),
}

impl<'a> Guide<'a> {
    pub(crate) fn read(path: &'a str, text: &'a str) -> Self {
        let mut guide = Self {
            path,
            text,
            blocks: Vec::new(),
            tables: Vec::new(),
        };
        let mut open = Open::Nothing;
        let (mut section, mut at) = (0, 0);
        for (index, line) in text.split_inclusive('\n').enumerate() {
            let (start, number) = (at, index + 1);
            at += line.len();
            let line = line.trim_end();
            open = match open {
                Open::Block(kind, from, opened) if line == "```" => {
                    guide.blocks.push(Block {
                        kind,
                        text: &text[from..start],
                        range: from..start,
                        line: opened,
                        section,
                    });
                    Open::Nothing
                }
                Open::Table(kind, from, opened) if line == "<!-- end -->" => {
                    guide.tables.push(Table {
                        kind,
                        text: &text[from..start],
                        range: from..start,
                        line: opened,
                    });
                    Open::Nothing
                }
                Open::Nothing => {
                    section += usize::from(line.starts_with('#'));
                    if let Some(kind) = line.strip_prefix("```") {
                        Open::Block(kind, at, number)
                    } else if let Some(name) = marked(line, "table") {
                        Open::Table(TableKind::Made(name), at, number)
                    } else if let Some(base) = marked(line, "outcomes") {
                        Open::Table(TableKind::Outcomes(base), at, number)
                    } else {
                        assert!(
                            !line.contains("```"),
                            "{path}:{number}: a fence is indented"
                        );
                        Open::Nothing
                    }
                }
                still => still,
            };
        }
        assert!(
            matches!(open, Open::Nothing),
            "{path}: something is not closed"
        );
        guide
    }

    /// The guide with some of its parts replaced.
    pub(crate) fn with(&self, rewrites: &[(Range<usize>, String)]) -> String {
        let mut rewrites: Vec<_> = rewrites.iter().collect();
        rewrites.sort_by_key(|(range, _)| range.start);
        let (mut out, mut at) = (String::new(), 0);
        for (range, text) in rewrites {
            out.push_str(&self.text[at..range.start]);
            out.push_str(text);
            at = range.end;
        }
        out.push_str(&self.text[at..]);
        out
    }
}

/// `<!-- word: this -->`.
fn marked<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let inner = line.strip_prefix("<!-- ")?.strip_suffix(" -->")?;
    inner.strip_prefix(word)?.strip_prefix(": ")
}

/// What stands beside statements of which a field's state comes.
const ALLOWED: &str = "allow support.view, support.reply, ai.draft";

/// The rows of a table of outcomes, each as its statements and a case. The first column has the
/// statements in backticks; the last one starts with what comes of them, up to a colon. Where that is a
/// field's state, the purpose is allowed.
pub(crate) fn outcomes(table: &str, base: &str, place: &str) -> Vec<(String, String)> {
    let rows: Vec<_> = table.lines().skip(2).collect();
    assert!(!rows.is_empty(), "{place}: no row");
    let case = |row: &&str| {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").collect();
        let (first, last) = (cells[0], cells[cells.len() - 1]);
        let outcome = last.split(':').next().unwrap().trim();
        let mut statements: Vec<_> = first.split('`').skip(1).step_by(2).collect();
        if outcome.starts_with('`') && !first.contains("allow ") {
            statements.push(ALLOWED);
        }
        let asker = cells[1..cells.len() - 1]
            .iter()
            .map(|asker| format!("actor = \"{}\"\n", asker.trim()));
        let asker: String = asker.collect();
        let lines = base.replace("; ", "\n");
        let expect = expectation(outcome);
        let case = format!("[[case]]\nname = \"a row\"\n{lines}\n{asker}{expect}\n");
        (statements.join("\n"), case)
    };
    rows.iter().map(case).collect()
}

/// What a case expects: `refused`, `` `account.plan` hidden `` or `` to `triage` ``.
fn expectation(outcome: &str) -> String {
    let parts: Vec<_> = outcome.split('`').map(str::trim).collect();
    match parts[..] {
        [answer] => format!("expect = \"{answer}\""),
        ["to", space, ""] => format!("routed_to = \"{space}\""),
        ["", field, state] => match state.strip_prefix("masked with ") {
            Some(mask) => format!("masked = [\"{field} with {mask}\"]"),
            None => format!("{state} = [\"{field}\"]"),
        },
        _ => panic!("`{outcome}` is no outcome"),
    }
}
