//! A cursor over tokens.

use kith_domain::Span;

use super::STATEMENTS;
use crate::lexer::{Token, TokenKind};

/// The tokens of a file and where reading is. Behind the last token there is `End`, for ever.
pub(super) struct Tokens<'a> {
    tokens: Vec<Token<'a>>,
    end: Token<'a>,
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(tokens: Vec<Token<'a>>) -> Self {
        let at_end = tokens.last().map_or(Span::default(), |last| last.span);
        Self {
            tokens,
            end: Token {
                kind: TokenKind::End,
                span: at_end,
                starts_line: true,
            },
            at: 0,
        }
    }

    fn peek(&self) -> &Token<'a> {
        self.tokens.get(self.at).unwrap_or(&self.end)
    }

    pub(super) fn kind(&self) -> &TokenKind<'a> {
        &self.peek().kind
    }

    /// The kind of the token behind this one.
    pub(super) fn next_kind(&self) -> &TokenKind<'a> {
        &self.tokens.get(self.at + 1).unwrap_or(&self.end).kind
    }

    pub(super) fn span(&self) -> Span {
        self.peek().span
    }

    /// Whether a statement starts here at the start of a line, where it is most likely meant.
    pub(super) fn at_new_statement(&self) -> bool {
        self.peek().starts_line && self.at_statement()
    }

    /// Where the token before this one stands.
    pub(super) fn last_span(&self) -> Span {
        self.at
            .checked_sub(1)
            .and_then(|last| self.tokens.get(last))
            .map_or(Span::default(), |last| last.span)
    }

    pub(super) fn advance(&mut self) {
        if !self.at_end() {
            self.at += 1;
        }
    }

    pub(super) fn at_end(&self) -> bool {
        *self.kind() == TokenKind::End
    }

    pub(super) fn is_word(&self, wanted: &str) -> bool {
        matches!(self.kind(), TokenKind::Word(word) if *word == wanted)
    }

    pub(super) fn is_symbol(&self, wanted: &str) -> bool {
        matches!(self.kind(), TokenKind::Symbol(symbol) if *symbol == wanted)
    }

    /// Whether a statement starts here, or the file ends.
    pub(super) fn at_statement(&self) -> bool {
        self.at_end() || STATEMENTS.iter().any(|word| self.is_word(word))
    }

    pub(super) fn eat_word(&mut self, wanted: &str) -> bool {
        let found = self.is_word(wanted);
        if found {
            self.advance();
        }
        found
    }

    pub(super) fn eat_symbol(&mut self, wanted: &str) -> bool {
        let found = self.is_symbol(wanted);
        if found {
            self.advance();
        }
        found
    }
}

/// A token, for people.
pub(super) fn describe(kind: &TokenKind<'_>) -> String {
    match kind {
        TokenKind::Word(word) => format!("`{word}`"),
        TokenKind::Text(_) => "a text in quotes".to_owned(),
        TokenKind::Number(number) => format!("`{number}`"),
        TokenKind::Time(time) => format!("`{time}`"),
        TokenKind::Tag(tag) => format!("`tag:{tag}`"),
        TokenKind::Symbol(symbol) => format!("`{symbol}`"),
        TokenKind::End => "the end of the file".to_owned(),
    }
}
