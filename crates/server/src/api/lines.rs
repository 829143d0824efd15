//! Lines of a body that comes in pieces. What is held is one line at most, and of one that is too long
//! nothing.

/// A line that is not blank.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Its number in the body, from 1; blank lines count.
    pub(super) number: u64,
    /// Its text; `None` if it is too long.
    pub(super) text: Option<Vec<u8>>,
}

/// Splits a body into lines.
#[derive(Debug)]
pub(super) struct Lines {
    most: usize,
    /// The beginning of a line whose end has not come; `None` if it is too long already.
    begun: Option<Vec<u8>>,
    number: u64,
}

impl Lines {
    /// Of lines of at most so many bytes.
    pub(super) const fn new(most: usize) -> Self {
        Self {
            most,
            begun: Some(Vec::new()),
            number: 0,
        }
    }

    /// The lines that end in this piece.
    pub(super) fn split(&mut self, piece: &[u8]) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut parts = piece.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            self.begin(part);
            if parts.peek().is_some() {
                lines.extend(self.rest());
            }
        }
        lines
    }

    /// The line that has begun, as if it ended here.
    pub(super) fn rest(&mut self) -> Option<Line> {
        self.number += 1;
        let text = self.begun.replace(Vec::new());
        let is_blank = text
            .as_ref()
            .is_some_and(|text| text.trim_ascii().is_empty());
        (!is_blank).then_some(Line {
            number: self.number,
            text,
        })
    }

    fn begin(&mut self, part: &[u8]) {
        if let Some(begun) = &mut self.begun {
            match begun.len() + part.len() <= self.most {
                true => begun.extend_from_slice(part),
                false => self.begun = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_same_however_the_body_is_cut() {
        let body = b"one\n\n two \r\nmuch too long\nlast";
        let line = |number, text: Option<&str>| Line {
            number,
            text: text.map(|text| text.as_bytes().to_vec()),
        };
        let expect = [
            line(1, Some("one")),
            line(3, Some(" two \r")),
            line(4, None),
            line(5, Some("last")),
        ];
        for size in 1..=body.len() {
            let mut lines = Lines::new(8);
            let mut found: Vec<Line> = body
                .chunks(size)
                .flat_map(|piece| lines.split(piece))
                .collect();
            found.extend(lines.rest());
            assert_eq!(found, expect, "in pieces of {size}");
            assert_eq!(lines.rest(), None);
        }
    }
}
