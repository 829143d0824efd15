//! How an end user proves who they are.

/// How an end user's identity was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProofMethod {
    /// A signed token.
    Jwt,
    /// A keyed hash of the user's id.
    Hmac,
}

impl ProofMethod {
    /// Every method.
    pub const ALL: [Self; 2] = [Self::Jwt, Self::Hmac];

    /// The word that `identity.method` compares with.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Hmac => "hmac",
        }
    }
}
