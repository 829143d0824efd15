//! Who is likely the same, and how well that is found in records whose duplicates are known.

use super::*;

fn record(fields: &[(&str, &str)]) -> Record {
    let mut record = Record::default();
    for (field, value) in fields {
        record.add(field, value);
    }
    record
}

/// Many who are nobody's duplicate, so that fields tell somebody apart.
fn crowd() -> Vec<Record> {
    let of = |n: usize| {
        let letters = |n: usize| -> String {
            let letter =
                |at: usize| char::from(b'a' + u8::try_from((n * 7 + at * n * 3) % 26).unwrap());
            (0..8).map(letter).collect()
        };
        let name = format!("{} {}", letters(n + 1), letters(n * 31 + 5));
        let email = format!("{}@mail.example", letters(n * 17 + 3));
        record(&[
            ("name", &name),
            ("email", &email),
            ("city", ["Berlin", "Paris"][n % 2]),
        ])
    };
    (0..200).map(of).collect()
}

fn found(pair: [Record; 2]) -> Option<Vec<String>> {
    let mut records = crowd();
    records.extend(pair);
    let last = records.len() - 1;
    let likely = likely(&records);
    let of_pair = likely
        .into_iter()
        .find(|pair| (pair.a, pair.b) == (last - 1, last));
    of_pair.map(|pair| pair.alike)
}

#[test]
fn typos_and_turned_names_are_likely_the_same() {
    let ada = record(&[
        ("name", "Adalbert Lovelace"),
        ("email", "ada.lovelace@mail.example"),
        ("city", "Berlin"),
    ]);
    for (name, email) in [
        ("Adalbert Lovelcae", "ada.lovelace@mail.example"),
        ("LOVELACE, Adalbert", "ada-lovelace@mail.example"),
        ("Adalbrt Lovelace", "ada.lovelace@post.example"),
    ] {
        let other = record(&[("name", name), ("email", email)]);
        let alike = found([ada.clone(), other]);
        assert_eq!(
            alike,
            Some(vec!["email".to_owned(), "name".to_owned()]),
            "{name}"
        );
    }
}

#[test]
fn a_city_or_a_name_alone_make_nobody_the_same() {
    let ada = record(&[
        ("name", "Adalbert Lovelace"),
        ("email", "ada.lovelace@mail.example"),
        ("city", "Berlin"),
    ]);
    for (name, email) in [
        ("Wilhelmina Xu", "mina@other.example"),
        ("Wilhelmina Lovelace", "wilhelmina@other.example"),
    ] {
        let other = record(&[("name", name), ("email", email), ("city", "Berlin")]);
        assert_eq!(found([ada.clone(), other]), None, "{name}");
    }
    let other = record(&[("name", "Adalbert Lovelace")]);
    assert_eq!(
        found([ada, other]),
        None,
        "there is nothing beside the name"
    );
}
