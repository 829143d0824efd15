//! The words of a text, as search finds them: compatible forms of a letter are one (NFKC), case does not
//! count, and Unicode says where a word ends.

use std::sync::Arc;

use kith_domain::{MaskKind, Value};
use kith_policy::{State, mask};
use unicode_normalization::UnicodeNormalization as _;
use unicode_segmentation::UnicodeSegmentation as _;

/// Most words of one value that are found.
const MAX_WORDS: usize = 64;
/// Longest word, in bytes; of a longer one the beginning is found.
const MAX_WORD_BYTES: usize = 64;

/// The words of a text, each once, in order.
pub(crate) fn words(text: &str) -> Vec<String> {
    let text = text.nfkc().collect::<String>().to_lowercase();
    let mut words: Vec<String> = Vec::new();
    for word in text.unicode_words() {
        let short = word.get(..word.floor_char_boundary(MAX_WORD_BYTES));
        let short = short.unwrap_or(word);
        if words.len() < MAX_WORDS && !words.iter().any(|known| known == short) {
            words.push(short.to_owned());
        }
    }
    words
}

/// The words by which a value is kept in the index: its own, and those that a mask may show of it where no
/// word of its own begins so. Which of them count, the state of the field says, row by row.
pub(crate) fn indexed(value: &Value) -> Value {
    let mut all = shown(value, State::Visible, &[0; 32]);
    for kind in MaskKind::ALL {
        for word in shown(value, State::Masked(kind), &[0; 32]) {
            if !all.iter().any(|known| known.starts_with(&word)) {
                all.push(word);
            }
        }
    }
    Value::Strings(all.into_iter().map(Arc::from).collect())
}

/// The words of what is shown of a value. A keyed hash has none: it is for comparing, not for finding.
pub(crate) fn shown(value: &Value, state: State, hash_key: &[u8; 32]) -> Vec<String> {
    let masked;
    let value = match state {
        State::Hidden | State::Masked(MaskKind::Hash) => return Vec::new(),
        State::Visible => value,
        State::Masked(kind) => {
            masked = mask::apply(kind, value, hash_key);
            match &masked {
                Some(masked) => masked,
                None => return Vec::new(),
            }
        }
    };
    match value {
        Value::String(text) => words(text),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_people_would_type() {
        for (text, expect) in [
            ("", ""),
            ("••• — ,", ""),
            ("Example Works GmbH", "example|works|gmbh"),
            ("ÉCOLE e\u{301}cole", "école"),
            ("ＡＢＣ ﬁn", "abc|fin"),
            ("ada.bo@mail.example", "ada.bo|mail.example"),
            ("Łódź-Ost 2024", "łódź|ost|2024"),
            ("東京 Tower", "東|京|tower"),
            ("one ONE one", "one"),
        ] {
            assert_eq!(words(text).join("|"), expect, "{text}");
        }
    }

    #[test]
    fn words_are_bounded_in_number_and_length() {
        let many: Vec<String> = (0..1_000).map(|number| format!("w{number}")).collect();
        assert_eq!(words(&many.join(" ")).len(), MAX_WORDS);
        let long = words(&"é".repeat(100));
        assert_eq!(long.first().map(String::len), Some(MAX_WORD_BYTES));
    }

    #[test]
    fn whatever_a_mask_shows_is_in_the_index() {
        for text in ["ada.bo@mail.example", "+49 30 1234567", "Ada Example"] {
            let value = Value::String(text.into());
            let Value::Strings(indexed) = indexed(&value) else {
                unreachable!("the words of a text are texts")
            };
            for kind in MaskKind::ALL {
                for word in shown(&value, State::Masked(kind), &[7; 32]) {
                    let is_found = indexed.iter().any(|known| known.starts_with(&word));
                    assert!(is_found, "{kind} {word}");
                }
            }
        }
        let value = Value::String("ada".into());
        assert!(shown(&value, State::Hidden, &[7; 32]).is_empty());
    }
}
