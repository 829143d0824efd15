//! `kith policy explain`: what the policy decides about a customer, and why, without any value.

use std::fmt::Write as _;

use comfy_table::{Cell, Color};
use kith_engine::{Explanation, Governed, StateAnswer};

use super::context::request;
use crate::Shell;
use crate::args::Ask;
use crate::failure::{Failure, because};
use crate::output::{finish, fitted, heading};

pub(super) async fn run(shell: &Shell, ask: &Ask, fields: Vec<String>) -> Result<(), Failure> {
    let request = request(ask)?;
    let caller = shell.engine.authenticate(&ask.key).await?;
    let answer = shell.engine.explain(&caller, request, fields).await?;
    shell.output.result(&answer, || text(&answer))?;
    if answer.answer().allowed {
        Ok(())
    } else {
        let purpose = answer.answer().purpose;
        Err(Failure::refused(format!("the policy refuses `{purpose}`")))
    }
}

fn text(answer: &Governed<Explanation>) -> String {
    let explanation = answer.answer();
    let verdict = if explanation.allowed {
        "allowed"
    } else {
        "refused"
    };
    let mut text = format!(
        "{} is {verdict} under definitions version {}",
        explanation.purpose, explanation.definitions_version
    );
    for reason in explanation.reasons.iter() {
        let _ = write!(text, "\n  {}", because(reason));
    }
    let mut table = fitted();
    table.set_header(["FIELD", "STATE", "WHY"].map(heading));
    for field in &explanation.fields {
        table.add_row([
            Cell::new(field.field.as_str()),
            state(field.state),
            Cell::new(because(&field.reason)),
        ]);
    }
    let _ = write!(
        text,
        "\n\n{}\n\naudit entry {}",
        finish(table),
        answer.audit()
    );
    text
}

fn state(answer: StateAnswer) -> Cell {
    let word = match answer.mask {
        Some(mask) => format!("{} ({mask})", answer.state),
        None => answer.state.to_owned(),
    };
    Cell::new(word).fg(match answer.state {
        "visible" => Color::Green,
        "masked" => Color::Yellow,
        _ => Color::Red,
    })
}
