//! The formatter is stable and changes no meaning.

use super::*;

fn check(text: &str, expect: &str) {
    let formatted = format("a", text).unwrap();
    assert_eq!(formatted, expect);
    assert_eq!(format("a", &formatted).unwrap(), expect, "formatting twice");
}

#[test]
fn a_statement_has_one_form() {
    check(
        "allow   ai.draft,ai.answer when user.role in [\"support\",\"success\",]   and account.privateRevenue==hidden and signedIdentity == true",
        "allow ai.draft, ai.answer\nwhen user.role in [\"support\", \"success\"]\nand account.privateRevenue == hidden\nand signedIdentity == true\n",
    );
    check(
        "hide account.plan unless user.role == \"a\" when account.seats > 3",
        "hide account.plan\nwhen account.seats > 3\nunless user.role == \"a\"\n",
    );
    check(
        "limit account to account.region in user.regions when user.role == \"support\"",
        "limit account to account.region in user.regions\nwhen user.role == \"support\"\n",
    );
    check(
        "mask tag:billing,tag:\"two words\",person.*,sensitivity>=restricted with last4",
        "mask tag:billing, tag:\"two words\", person.*, sensitivity >= restricted with last4\n",
    );
    check(
        "route conversation to \"a \\\"b\\\" \\\\\"",
        "route conversation to \"a \\\"b\\\" \\\\\"\n",
    );
}

#[test]
fn parentheses_stand_where_they_say_something() {
    check(
        "hide a.b when ((a.c == 1) and (a.d == 2 or (a.e == 3 and not a.f == 4)))",
        "hide a.b\nwhen a.c == 1\nand (a.d == 2 or (a.e == 3 and not (a.f == 4)))\n",
    );
    check(
        "hide a.b when a.c == 1 and a.d == 2 or a.e == 3",
        "hide a.b\nwhen (a.c == 1 and a.d == 2)\nor a.e == 3\n",
    );
}

#[test]
fn values_have_one_form() {
    check(
        "hide a.b when a.c > 1000.50EUR and a.d < now-1 days and a.e == -0.500 and a.f < 2026-01-31 and a.g == 2 hour",
        "hide a.b\nwhen a.c > 1000.5 EUR\nand a.d < now - 1 day\nand a.e == -0.5\nand a.f < 2026-01-31\nand a.g == 2 hours\n",
    );
}

#[test]
fn comments_stay_with_their_statement() {
    check(
        "#one\n\n##  two\nhide a.b # three\nwhen a.c == 1 # four\n\n# five\nhide a.d\n# six\n\n# seven",
        "# one\n\n# two\n# three\n# four\nhide a.b\nwhen a.c == 1\n\n# five\nhide a.d\n\n# six\n\n# seven\n",
    );
    check("", "");
    check("# alone", "# alone\n");
}

#[test]
fn what_cannot_be_read_is_not_formatted() {
    assert!(format("a", "hide").is_err());
}
