//! Policies, filters and definitions.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use kith_domain::definitions::{SourceFile, read_folder};
use kith_domain::id::{AgentId, KeyId, MemberId};
use kith_domain::{
    Actor, Agent, AgentKind, Definitions, Diagnostic, Entity, FieldType, Member, PolicyFile,
    Principal, Purpose, Timestamp, Value,
};
use kith_policy::{Batch, Policies, Row, SignedIdentity, Subject, limits, reference};

const NOW: Timestamp = Timestamp::from_micros(1_795_521_600_000_000);

/// The demo's definitions, whose policies are replaced.
static DEMO: LazyLock<Definitions> = LazyLock::new(|| {
    let files = [
        (
            "workspace.toml",
            include_str!("../../demo/definitions/workspace.toml"),
        ),
        (
            "events.toml",
            include_str!("../../demo/definitions/events.toml"),
        ),
        (
            "fields/account.toml",
            include_str!("../../demo/definitions/fields/account.toml"),
        ),
        (
            "fields/person.toml",
            include_str!("../../demo/definitions/fields/person.toml"),
        ),
        (
            "fields/role.toml",
            include_str!("../../demo/definitions/fields/role.toml"),
        ),
    ];
    let files = files.map(|(path, text)| SourceFile {
        path: path.to_owned(),
        text: text.to_owned(),
    });
    read_folder(files.into())
        .expect("the demo's definitions read")
        .0
});

/// What the filter target asks under.
static OPEN: LazyLock<Policies> = LazyLock::new(|| {
    let text = "allow support.view\nmask person.email\nhide account.region when user.role == \"x\"";
    kith_policy::check(&with(text)).expect("they check").0
});

fn with(policies: &str) -> Definitions {
    Definitions {
        policies: vec![PolicyFile {
            path: "policies/fuzz.kith".into(),
            text: policies.into(),
        }],
        ..DEMO.clone()
    }
}

fn askers() -> [(Actor, Purpose); 3] {
    let words = |words: &[&str]| -> BTreeSet<Arc<str>> {
        words.iter().map(|word| Arc::from(*word)).collect()
    };
    let member = Arc::new(Member {
        id: MemberId::NIL,
        name: "sam".into(),
        roles: words(&["support"]),
        teams: BTreeSet::new(),
        sites: BTreeSet::new(),
        regions: words(&["eu"]),
    });
    let agent = Arc::new(Agent {
        id: AgentId::NIL,
        name: "drafter".into(),
        kind: AgentKind::Ai,
    });
    let actor = |principal, on_behalf_of| Actor {
        credential: KeyId::NIL,
        principal,
        on_behalf_of,
    };
    [
        (
            actor(Principal::Member(Arc::clone(&member)), None),
            Purpose::SupportView,
        ),
        (
            actor(Principal::Agent(Arc::clone(&agent)), Some(member)),
            Purpose::AiDraft,
        ),
        (actor(Principal::Agent(agent), None), Purpose::AiAnswer),
    ]
}

/// A row of an entity with a value for each of its fields.
fn row(definitions: &Definitions, entity: Entity) -> Row {
    let mut row = Row::new();
    for (idx, field) in definitions.catalog.iter() {
        if field.entity == entity {
            let value = match &field.ty {
                FieldType::Bool => Value::Bool(true),
                FieldType::Int => Value::Int(3),
                FieldType::Decimal { currency } => Value::Decimal(kith_domain::Decimal {
                    micros: 12_500_000,
                    currency: *currency,
                }),
                FieldType::String => Value::String("eu".into()),
                FieldType::Enum(words) => match words.first() {
                    Some(word) => Value::String(Arc::clone(word)),
                    None => continue,
                },
                FieldType::Timestamp => Value::Timestamp(NOW),
                FieldType::Duration => Value::Duration(1),
                FieldType::Strings => Value::Strings([Arc::from("eu")].into()),
            };
            row.set(idx, value);
        }
    }
    row
}

/// Findings point into the text, at whole characters, and say something.
fn are_sound(found: &[Diagnostic], text: &str) {
    assert!(
        found.len() <= limits::MAX_FINDINGS + 1,
        "{} findings",
        found.len()
    );
    for finding in found {
        assert!(
            text.get(finding.span.start..finding.span.end).is_some(),
            "{finding}"
        );
        assert!(!finding.message.is_empty());
    }
}

/// What is found in a policy file, held against the demo's catalog.
#[must_use]
pub fn findings(text: &str) -> Vec<Diagnostic> {
    match kith_policy::check(&with(text)) {
        Ok((_, found)) | Err(found) => found,
    }
}

pub(crate) fn policy(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (file, found) = kith_policy::parse("policies/fuzz.kith", text);
    are_sound(&found, text);
    if found.is_empty() {
        let formatted = kith_policy::format_file(&file);
        let (again, found) = kith_policy::parse("policies/fuzz.kith", &formatted);
        assert_eq!(found, vec![], "{formatted}");
        assert_eq!(kith_policy::format_file(&again), formatted);
    }
    let definitions = with(text);
    match kith_policy::check(&definitions) {
        Err(found) => are_sound(&found, text),
        Ok((policies, _)) => decide(&definitions, &policies),
    }
}

/// Every way to decide says the same.
fn decide(definitions: &Definitions, policies: &Policies) {
    let (account, person) = (
        row(definitions, Entity::Account),
        row(definitions, Entity::Person),
    );
    let nothing = Row::new();
    let proven = SignedIdentity {
        proven: true,
        method: None,
    };
    let subject = |account, person, signed_identity| Subject {
        account,
        person,
        signed_identity,
        ..Subject::default()
    };
    let subjects = [
        subject(Some(&account), Some(&person), proven),
        subject(Some(&nothing), None, SignedIdentity::default()),
        subject(None, Some(&person), proven),
    ];
    let mut batch = Batch::default();
    for (actor, purpose) in askers() {
        let plan = policies.specialise(&actor, purpose);
        let many = plan.decide_all(&subjects, NOW, &mut batch);
        for (place, subject) in subjects.iter().enumerate() {
            let expect = reference::decide(policies, &actor, purpose, subject, NOW);
            let one = plan.decide(subject, NOW);
            assert_eq!(
                (one.exists, many.exists(place)),
                (expect.exists, expect.exists)
            );
            let allowed = expect.exists && expect.allowed;
            assert_eq!(many.is_allowed(place), allowed);
            assert_eq!(one.verdict.is_allowed(), allowed);
            let states = many.row(place);
            for ((idx, field), interval) in definitions.catalog.iter().zip(&expect.states) {
                if expect.exists {
                    assert_eq!(one.state(idx), interval.lo, "{}", field.path);
                    assert_eq!(states.state(idx), interval.lo, "{}", field.path);
                    let _ = one.reason(idx);
                }
            }
        }
    }
}

pub(crate) fn filter(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let filter = match OPEN.filter(text) {
        Ok(filter) => filter,
        Err(found) => return are_sound(&found, text),
    };
    let (account, person) = (row(&DEMO, Entity::Account), row(&DEMO, Entity::Person));
    for (actor, purpose) in askers() {
        let plan = OPEN.specialise(&actor, purpose);
        let Ok(governed) = plan.govern(&filter) else {
            continue;
        };
        for account in [&account, &Row::new()] {
            let subject = Subject {
                account: Some(account),
                person: Some(&person),
                ..Subject::default()
            };
            let decision = plan.decide(&subject, NOW);
            let kept = governed.keeps(&decision, &subject, NOW, &[7; 32]);
            assert!(!kept || decision.verdict.is_allowed());
        }
    }
}

pub(crate) fn definitions(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut files: Vec<SourceFile> = Vec::new();
    for line in text.split_inclusive('\n') {
        match (line.strip_prefix("=== "), files.last_mut()) {
            (Some(path), _) => files.push(SourceFile {
                path: path.trim().to_owned(),
                text: String::new(),
            }),
            (None, Some(file)) => file.text += line,
            (None, None) => {}
        }
    }
    let texts = files.clone();
    let found = match read_folder(files) {
        Ok((definitions, found)) => {
            let _ = kith_policy::check(&definitions);
            found
        }
        Err(found) => {
            assert!(!found.is_empty(), "refused without a word");
            found
        }
    };
    for finding in &found {
        // A file may come twice, and be pointed into once.
        let mut of_file = texts
            .iter()
            .filter(|file| *file.path == *finding.file)
            .peekable();
        let is_about_a_file = of_file.peek().is_some();
        let points = of_file.any(|file| {
            file.text
                .get(finding.span.start..finding.span.end)
                .is_some()
        });
        assert!(points || !is_about_a_file, "{finding}");
        assert!(!finding.message.is_empty());
    }
}
