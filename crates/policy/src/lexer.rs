//! Text to tokens. Nothing stops it: what it does not know is reported and, where its meaning is
//! plain (`&&` for `and`), read as what was meant.

use kith_domain::Span;

use crate::limits::MAX_TEXT_BYTES;

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TokenKind<'a> {
    /// A keyword or a name with its points: `when`, `account.plan`, `person.*`.
    Word(&'a str),
    /// A text in quotes, unescaped.
    Text(String),
    /// Digits, perhaps with a point.
    Number(&'a str),
    /// A date or a time, as written.
    Time(&'a str),
    /// `tag:billing`, the part behind the colon.
    Tag(String),
    /// An operator or a bracket.
    Symbol(&'static str),
    /// Behind the last token.
    End,
}

/// A token and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: TokenKind<'a>,
    pub(crate) span: Span,
    /// Whether nothing but blanks stands before it on its line.
    pub(crate) starts_line: bool,
}

/// A comment, without its `#`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comment {
    pub(crate) text: String,
    pub(crate) span: Span,
    /// Whether nothing but blanks stands before it on its line.
    pub(crate) starts_line: bool,
}

/// A finding of the lexer: where, what, and what to do.
pub(crate) type Finding = (Span, String, Option<String>);

/// What a text was read as.
#[derive(Debug, Default)]
pub(crate) struct Lexed<'a> {
    pub(crate) tokens: Vec<Token<'a>>,
    pub(crate) comments: Vec<Comment>,
    pub(crate) findings: Vec<Finding>,
}

const SYMBOLS: [&str; 14] = [
    "==", "!=", "<=", ">=", "<", ">", "(", ")", "[", "]", ",", "+", "-", "*",
];

/// What people write from habit, what they mean, and in words.
const HABITS: &[(&str, TokenKind<'static>, &str)] = &[
    ("&&", TokenKind::Word("and"), "write `and`"),
    ("||", TokenKind::Word("or"), "write `or`"),
    ("<>", TokenKind::Symbol("!="), "write `!=`"),
    ("=<", TokenKind::Symbol("<="), "write `<=`"),
    ("=>", TokenKind::Symbol(">="), "write `>=`"),
    ("=", TokenKind::Symbol("=="), "write `==` to compare"),
    ("!", TokenKind::Word("not"), "write `not`"),
    ("≥", TokenKind::Symbol(">="), "write `>=`"),
    ("≤", TokenKind::Symbol("<="), "write `<=`"),
    ("≠", TokenKind::Symbol("!="), "write `!=`"),
];

/// Reads a whole text.
pub(crate) fn lex(text: &str) -> Lexed<'_> {
    let mut lexer = Lexer {
        text,
        at: 0,
        starts_line: true,
        out: Lexed::default(),
    };
    while lexer.at < text.len() {
        lexer.step();
    }
    lexer.push(TokenKind::End, text.len());
    lexer.out
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    starts_line: bool,
    out: Lexed<'a>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn push(&mut self, kind: TokenKind<'a>, end: usize) {
        self.out.tokens.push(Token {
            kind,
            span: Span::new(self.at, end),
            starts_line: self.starts_line,
        });
        self.starts_line = false;
        self.at = end;
    }

    fn find(&mut self, end: usize, message: impl Into<String>, hint: &str) {
        let hint = (!hint.is_empty()).then(|| hint.to_owned());
        self.out
            .findings
            .push((Span::new(self.at, end), message.into(), hint));
    }

    fn step(&mut self) {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            self.at = self.text.len();
            return;
        };
        match first {
            '\n' => {
                self.starts_line = true;
                self.at += 1;
            }
            blank if blank.is_whitespace() || blank == '\u{feff}' => self.at += blank.len_utf8(),
            '#' => self.comment(rest),
            '"' => self.text_in_quotes('"', '"'),
            '\'' => self.foreign_quotes('\'', '\''),
            '“' | '”' | '„' => self.foreign_quotes(first, '”'),
            digit if digit.is_ascii_digit() => self.number_or_time(rest),
            letter if letter.is_alphabetic() || letter == '_' => self.word(rest),
            other => self.symbol(rest, other),
        }
    }

    fn comment(&mut self, rest: &str) {
        let line = rest.split('\n').next().unwrap_or(rest);
        let span = Span::new(self.at, self.at + line.len());
        let text = line.trim_start_matches('#').trim().to_owned();
        self.out.comments.push(Comment {
            text,
            span,
            starts_line: self.starts_line,
        });
        self.at = span.end;
    }

    fn foreign_quotes(&mut self, open: char, close: char) {
        let from = self.at;
        self.text_in_quotes(open, close);
        let span = Span::new(from, self.at);
        self.out.findings.push((
            span,
            "a text stands in straight double quotes".to_owned(),
            Some("write it as `\"…\"`".to_owned()),
        ));
    }

    fn text_in_quotes(&mut self, open: char, close: char) {
        let mut text = String::new();
        let mut letters = self.rest().char_indices().skip(1);
        let mut end = self.text.len();
        let mut closed = false;
        while let Some((offset, letter)) = letters.next() {
            match letter {
                '\n' => {
                    end = self.at + offset;
                    break;
                }
                letter if letter == close || letter == open => {
                    end = self.at + offset + letter.len_utf8();
                    closed = true;
                    break;
                }
                '\\' => match letters.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, escaped @ ('"' | '\\'))) => text.push(escaped),
                    Some((place, other)) => {
                        let end = self.at + place + other.len_utf8();
                        self.find(
                            end,
                            format!("`\\{}` means nothing in a text", other.escape_default()),
                            "known are `\\\"`, `\\\\`, `\\n` and `\\t`; write `\\\\` for a backslash",
                        );
                        if other == '\n' {
                            break;
                        }
                    }
                    None => break,
                },
                '\0' => self.find(
                    self.at + offset + 1,
                    "a text holds no NUL",
                    "remove the character",
                ),
                other => text.push(other),
            }
        }
        if !closed {
            self.find(
                end,
                "this text has no closing quote",
                "close it with `\"` on the same line",
            );
        } else if text.len() > MAX_TEXT_BYTES {
            self.find(
                end,
                format!("a text has at most {MAX_TEXT_BYTES} bytes"),
                "shorten it",
            );
        }
        self.push(TokenKind::Text(text), end);
    }

    fn number_or_time(&mut self, rest: &'a str) {
        let digits = run(rest, |letter| letter.is_ascii_digit());
        let is_date = digits == 4
            && rest.get(4..10).is_some_and(|tail| {
                tail.bytes()
                    .enumerate()
                    .all(|(position, byte)| match position {
                        0 | 3 => byte == b'-',
                        _ => byte.is_ascii_digit(),
                    })
            });
        if is_date {
            let tail = rest.get(10..).unwrap_or("");
            let length = if tail.starts_with(['T', 't']) {
                10 + run(tail, |letter| {
                    letter.is_ascii_alphanumeric() || matches!(letter, ':' | '.' | '+' | '-')
                })
            } else {
                10
            };
            return self.push(
                TokenKind::Time(rest.get(..length).unwrap_or(rest)),
                self.at + length,
            );
        }
        let fraction = rest
            .get(digits..)
            .and_then(|tail| tail.strip_prefix('.'))
            .map_or(0, |tail| run(tail, |letter| letter.is_ascii_digit()));
        let length = if fraction > 0 {
            digits + 1 + fraction
        } else {
            digits
        };
        self.push(
            TokenKind::Number(rest.get(..length).unwrap_or(rest)),
            self.at + length,
        );
    }

    fn word(&mut self, rest: &'a str) {
        let in_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let mut length = run(rest, in_word);
        if rest.get(..length) == Some("tag")
            && rest.get(length..).is_some_and(|t| t.starts_with(':'))
        {
            return self.tag(rest);
        }
        while let Some(tail) = rest.get(length..).and_then(|tail| tail.strip_prefix('.')) {
            let part = run(tail, in_word);
            if part > 0 {
                length += 1 + part;
            } else {
                length += if tail.starts_with('*') { 2 } else { 0 };
                break;
            }
        }
        self.push(
            TokenKind::Word(rest.get(..length).unwrap_or(rest)),
            self.at + length,
        );
    }

    fn tag(&mut self, rest: &'a str) {
        let from = self.at;
        let tail = rest.get(4..).unwrap_or("");
        if tail.starts_with('"') {
            let starts_line = self.starts_line;
            self.at += 4;
            self.text_in_quotes('"', '"');
            if let Some(token) = self.out.tokens.last_mut() {
                token.span.start = from;
                token.starts_line = starts_line;
                if let TokenKind::Text(text) = &token.kind {
                    token.kind = TokenKind::Tag(text.clone());
                }
            }
            return;
        }
        let length = run(tail, is_bare_tag);
        if length == 0 {
            self.find(
                from + 4,
                "`tag:` names no tag",
                "write the tag right behind the colon, such as `tag:billing`",
            );
        }
        self.push(
            TokenKind::Tag(tail.get(..length).unwrap_or("").to_owned()),
            from + 4 + length,
        );
    }

    fn symbol(&mut self, rest: &str, first: char) {
        let habit = HABITS.iter().find(|(text, ..)| {
            rest.starts_with(text) && !rest.starts_with("==") && !rest.starts_with("!=")
        });
        if let Some((text, kind, hint)) = habit {
            let end = self.at + text.len();
            self.find(end, format!("`{text}` is not part of the language"), hint);
            return self.push(kind.clone(), end);
        }
        if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            return self.push(TokenKind::Symbol(symbol), self.at + symbol.len());
        }
        let end = self.at + first.len_utf8();
        let hint = match first {
            '.' => "a point joins the parts of a name, without blanks: `account.plan`",
            ';' => "statements need no mark at their end",
            '{' | '}' => "lists stand in `[…]`, groups in `(…)`",
            '/' => "comments start with `#`",
            _ => "",
        };
        self.find(
            end,
            format!("`{}` is not part of the language", first.escape_default()),
            hint,
        );
        self.at = end;
    }
}

/// Whether a tag with this letter can be written without quotes.
pub(crate) fn is_bare_tag(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '-')
}

fn run(text: &str, wanted: impl Fn(char) -> bool) -> usize {
    text.find(|letter| !wanted(letter)).unwrap_or(text.len())
}
