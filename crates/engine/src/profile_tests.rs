//! Which value a profile chooses.

use kith_domain::definitions::{SourceFile, read_folder};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn catalog() -> Catalog {
    let file = |path: &str, text: &str| SourceFile {
        path: path.into(),
        text: text.into(),
    };
    let files = vec![
        file("workspace.toml", "edition = 2026"),
        file(
            "fields/account.toml",
            r#"
            [plan]
            type = "string"
            owner = "RevOps"
            description = "What they pay for."
            sources = ["stripe", "segment"]
            sensitivity = "internal"
            "#,
        ),
    ];
    read_folder(files).unwrap().0.catalog
}

fn observation(source: &str, trust: Trust, observed: i64, value: Json) -> Observation {
    Observation {
        field: "account.plan".into(),
        value,
        origin: Origin::new(source, trust, observed, observed + 5),
    }
}

fn check(observations: &[Observation], expect: Option<&str>) {
    let profile = Profile::of(&catalog(), observations);
    assert_eq!(
        profile.fields.get("account.plan").and_then(Json::as_str),
        expect
    );
}

#[test]
fn the_more_trusted_source_wins_however_old() {
    let stripe = observation("stripe", Trust::Server, 1, json!("growth"));
    let segment = observation("segment", Trust::Server, 9, json!("trial"));
    check(&[stripe.clone(), segment.clone()], Some("growth"));
    check(&[segment, stripe], Some("growth"));
}

#[test]
fn within_a_source_the_later_value_wins_whenever_it_arrives() {
    let old = observation("segment", Trust::Server, 1, json!("trial"));
    let new = observation("segment", Trust::Server, 2, json!("growth"));
    check(&[new.clone(), old.clone()], Some("growth"));
    check(&[old, new], Some("growth"));
}

#[test]
fn a_browser_never_outranks_a_server() {
    let server = observation("segment", Trust::Server, 1, json!("trial"));
    let browser = observation("stripe", Trust::Public, 9, json!("enterprise"));
    check(&[server.clone(), browser.clone()], Some("trial"));
    check(&[browser], Some("enterprise"));
}

#[test]
fn an_explicit_null_deletes_and_an_older_value_does_not_come_back() {
    let old = observation("segment", Trust::Server, 1, json!("trial"));
    let gone = observation("segment", Trust::Server, 2, Json::Null);
    check(&[old.clone(), gone.clone()], None);
    check(&[gone, old], None);
}

#[test]
fn what_a_source_deleted_it_no_longer_says_whenever_that_arrives() {
    let deleted = |source, at| Observation {
        field: DELETED.into(),
        value: json!(true),
        origin: Origin::new(source, Trust::Server, at, at + 5),
    };
    let old = observation("segment", Trust::Server, 1, json!("trial"));
    let new = observation("segment", Trust::Server, 3, json!("growth"));
    let gone = deleted("segment", 2);
    check(&[old.clone(), gone.clone()], None);
    check(&[gone.clone(), old.clone()], None);
    check(&[gone.clone(), new.clone(), old.clone()], Some("growth"));
    check(&[old, deleted("stripe", 2)], Some("trial"));
    // One after the other gives what all at once do.
    let mut profile = Profile::default();
    let late = observation("segment", Trust::Server, 2, json!("late"));
    for one in [&deleted("segment", 1), &gone, &late] {
        profile.observe(&catalog(), one);
    }
    assert!(profile == Profile::of(&catalog(), [&late, &gone]));
    assert!(profile.fields.is_empty());
}

proptest! {
    #[test]
    fn any_order_of_observations_gives_the_same_profile(
        all in proptest::collection::vec((0..3_usize, any::<bool>(), 0..4_i64, 0..5_usize), 0..12),
        by in 0..12_usize,
    ) {
        let values = [json!("trial"), json!("growth"), json!("enterprise"), Json::Null];
        let mut observations: Vec<_> = all
            .iter()
            .map(|(source, public, at, value)| {
                let trust = if *public { Trust::Public } else { Trust::Server };
                said(["stripe", "segment", "other"][*source], trust, *at, values.get(*value))
            })
            .collect();
        let straight = Profile::of(&catalog(), &observations);
        if !observations.is_empty() {
            let by = by % observations.len();
            observations.rotate_left(by);
            observations.reverse();
        }
        let turned = Profile::of(&catalog(), &observations);
        prop_assert!(straight == turned || canonical(&straight) == canonical(&turned));
    }
}

proptest! {
    #[test]
    fn what_changes_replayed_come_to_is_the_profile_of_each_moment(
        all in proptest::collection::vec((0..3_usize, any::<bool>(), 0..5_i64, 0..5_usize), 0..14),
    ) {
        let values = [json!("trial"), json!("growth"), json!("enterprise"), Json::Null];
        let observations: Vec<_> = all
            .iter()
            .map(|(source, public, at, value)| {
                let trust = if *public { Trust::Public } else { Trust::Server };
                said(["stripe", "segment", "other"][*source], trust, *at, values.get(*value))
            })
            .collect();
        let turns = turns(&catalog(), observations.clone());
        let value = |profile: &Profile| profile.fields.get("account.plan").cloned().unwrap_or_default();
        let mut told = Json::Null;
        for moment in 0..5 {
            for turn in turns.iter().filter(|turn| turn.at == moment) {
                prop_assert_eq!(&turn.before, &told);
                prop_assert_ne!(&turn.before, &turn.after);
                told = turn.after.clone();
            }
            let until = observations.iter().filter(|of| of.origin.observed <= moment);
            prop_assert_eq!(&told, &value(&Profile::of(&catalog(), until)));
        }
        prop_assert_eq!(told, value(&Profile::of(&catalog(), &observations)));
    }
}

/// A value, or that the source deleted its record.
fn said(source: &str, trust: Trust, observed: i64, value: Option<&Json>) -> Observation {
    match value {
        Some(value) => observation(source, trust, observed, value.clone()),
        None => Observation {
            field: DELETED.into(),
            value: json!(true),
            origin: Origin::new(source, Trust::Server, observed, observed + 5),
        },
    }
}

fn canonical(profile: &Profile) -> (Option<&Json>, Option<&Json>) {
    (
        profile.fields.get("account.plan"),
        profile.provenance.get("account.plan"),
    )
}
