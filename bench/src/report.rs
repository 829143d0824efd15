//! Results: a table for people, JSON for what compares two runs.

use std::fmt;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::machine::Machine;

/// Something measured, in one of the ways that budgets are stated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(into = "Measure")]
pub(crate) enum Quantity {
    /// Less is better.
    Time(Duration),
    /// In bytes. Less is better.
    Memory(u64),
    /// How many of what in a second. More is better.
    Rate(f64, &'static str),
}

/// A quantity in JSON: `{"value": 812.0, "unit": "µs"}`.
#[derive(Serialize)]
struct Measure {
    value: f64,
    unit: String,
}

impl Quantity {
    /// In microseconds, in bytes, or in whatever there are so many of in a second.
    fn value(self) -> f64 {
        match self {
            Self::Time(time) => time.as_secs_f64() * 1e6,
            Self::Memory(bytes) => bytes as f64,
            Self::Rate(rate, _) => rate,
        }
    }

    fn within(self, limit: Self) -> bool {
        match self {
            Self::Time(_) | Self::Memory(_) => self.value() <= limit.value(),
            Self::Rate(..) => self.value() >= limit.value(),
        }
    }
}

impl From<Quantity> for Measure {
    fn from(quantity: Quantity) -> Self {
        let unit = match quantity {
            Quantity::Time(_) => "µs".to_owned(),
            Quantity::Memory(_) => "bytes".to_owned(),
            Quantity::Rate(_, what) => format!("{what}/s"),
        };
        Self {
            value: quantity.value(),
            unit,
        }
    }
}

/// Three figures are as many as a bench is good for.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Time(_) => {
                let micros = self.value();
                let (value, unit) = match micros {
                    ..1e3 => (micros, "µs"),
                    1e3..1e6 => (micros / 1e3, "ms"),
                    _ => (micros / 1e6, "s"),
                };
                let decimals = match value {
                    ..10.0 => 2,
                    10.0..100.0 => 1,
                    _ => 0,
                };
                write!(f, "{value:.decimals$} {unit}")
            }
            Self::Memory(bytes) => write!(f, "{:.0} MiB", bytes as f64 / 1_048_576.0),
            Self::Rate(rate, what) => write!(f, "{} {what}/s", grouped(rate)),
        }
    }
}

/// `20431.4` as `20,431`.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What must be kept, and how it is stated where it depends on the machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Budget {
    pub(crate) limit: Quantity,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) formula: Option<&'static str>,
}

/// One measurement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    work: String,
    measured: Quantity,
    control: Option<(&'static str, Quantity)>,
    budget: Option<Budget>,
}

impl Line {
    pub(crate) fn new(work: impl Into<String>, measured: Quantity) -> Self {
        Self {
            work: work.into(),
            measured,
            control: None,
            budget: None,
        }
    }

    /// The same work without what is being paid for, or done by a peer, in the same run.
    pub(crate) fn against(mut self, what: &'static str, control: Quantity) -> Self {
        self.control = Some((what, control));
        self
    }

    /// Without a `formula`, the limit stands for itself.
    pub(crate) fn budget(mut self, limit: Quantity, formula: Option<&'static str>) -> Self {
        self.budget = Some(Budget { limit, formula });
        self
    }

    /// Measured ÷ control.
    fn ratio(&self) -> Option<f64> {
        self.control
            .map(|(_, control)| self.measured.value() / control.value())
    }

    fn ok(&self) -> Option<bool> {
        self.budget
            .as_ref()
            .map(|budget| self.measured.within(budget.limit))
    }
}

/// All that a run measured. Displays as a table that can be pasted into Markdown.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    lines: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    bench: &'static str,
    work: String,
    measured: Quantity,
    #[serde(skip_serializing_if = "Option::is_none")]
    control: Option<Control>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<Budget>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ok: Option<bool>,
}

#[derive(Debug, Serialize)]
struct Control {
    what: &'static str,
    measured: Quantity,
}

impl Report {
    pub(crate) fn new(machine: Machine) -> Self {
        Self {
            machine,
            lines: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, bench: &'static str, lines: Vec<Line>) {
        self.lines.extend(lines.into_iter().map(|line| {
            Entry {
                bench,
                ratio: line.ratio(),
                ok: line.ok(),
                work: line.work,
                measured: line.measured,
                control: line
                    .control
                    .map(|(what, measured)| Control { what, measured }),
                budget: line.budget,
            }
        }));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fsync = Quantity::Time(self.machine.fsync);
        writeln!(f, "{} cores, fsync {fsync}\n", self.machine.cores)?;
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        table.set_header(["work", "measured", "control", "ratio", "budget", "ok?"]);
        for entry in &self.lines {
            table.add_row([
                entry.work.clone(),
                entry.measured.to_string(),
                text(entry.control.as_ref(), |control| {
                    format!("{}: {}", control.what, control.measured)
                }),
                text(entry.ratio, |ratio| format!("{ratio:.2} ×")),
                text(entry.budget.as_ref(), budget),
                text(entry.ok, |ok| if ok { "yes" } else { "MISSED" }.to_owned()),
            ]);
        }
        for column in [1, 3] {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        write!(f, "{table}")
    }
}

fn text<T>(value: Option<T>, show: impl FnOnce(T) -> String) -> String {
    value.map(show).unwrap_or_default()
}

fn budget(budget: &Budget) -> String {
    let sign = match budget.limit {
        Quantity::Time(_) | Quantity::Memory(_) => '≤',
        Quantity::Rate(..) => '≥',
    };
    match budget.formula {
        Some(formula) => format!("{sign} {} ({formula})", budget.limit),
        None => format!("{sign} {}", budget.limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(micros: u64) -> Quantity {
        Quantity::Time(Duration::from_micros(micros))
    }

    fn report() -> Report {
        let mut report = Report::new(Machine {
            cores: 2,
            fsync: Duration::from_micros(240),
        });
        report.add(
            "context",
            vec![
                Line::new("governed context, p50", micros(812))
                    .against("without governance", micros(406))
                    .budget(micros(960), Some("0.6 ms + 1.5 × fsync")),
                Line::new("governed context, p99", micros(7_250)).budget(micros(5_000), None),
            ],
        );
        report.add(
            "ingest",
            vec![
                Line::new("ingest", Quantity::Rate(20_431.4, "events"))
                    .budget(Quantity::Rate(20_000.0, "events"), None),
                Line::new("start-up", micros(1_234_567)),
            ],
        );
        report
    }

    #[test]
    fn people_read_a_table_that_lines_up() {
        insta::assert_snapshot!(report().to_string());
    }

    #[test]
    fn programs_read_json() {
        insta::assert_json_snapshot!(report());
    }

    #[test]
    fn a_budget_is_a_ceiling_for_times_and_memory_and_a_floor_for_rates() {
        let check = |measured, limit, expect| {
            let line = Line::new("work", measured).budget(limit, None);
            assert_eq!(line.ok(), Some(expect), "{measured} against {limit}");
        };
        check(micros(500), micros(500), true);
        check(micros(501), micros(500), false);
        check(Quantity::Memory(500), Quantity::Memory(500), true);
        check(Quantity::Memory(501), Quantity::Memory(500), false);
        check(
            Quantity::Rate(500.0, "events"),
            Quantity::Rate(500.0, "events"),
            true,
        );
        check(
            Quantity::Rate(499.0, "events"),
            Quantity::Rate(500.0, "events"),
            false,
        );
        assert_eq!(Line::new("work", micros(1)).ok(), None);
    }

    #[test]
    fn quantities_have_three_figures_and_a_fitting_unit() {
        let check = |quantity: Quantity, expect| assert_eq!(quantity.to_string(), expect);
        check(Quantity::Time(Duration::from_nanos(4_320)), "4.32 µs");
        check(micros(43), "43.0 µs");
        check(micros(432), "432 µs");
        check(micros(1_500), "1.50 ms");
        check(micros(43_210), "43.2 ms");
        check(micros(2_000_000), "2.00 s");
        check(Quantity::Memory(300 * 1_024 * 1_024), "300 MiB");
        check(Quantity::Rate(999.0, "requests"), "999 requests/s");
        check(
            Quantity::Rate(1_234_567.0, "requests"),
            "1,234,567 requests/s",
        );
    }
}
