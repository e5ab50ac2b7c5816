//! What a session is known by when its client comes back: 16 random bytes, told to the client alone.

use crate::json::{self, Json, by_key};
use serde::Serialize;
use std::fmt;

const BYTES: usize = 16;

/// A session's token. It is no right by itself: it is only looked for among the sessions of the socket it comes through.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String")]
pub struct Token([u8; BYTES]);

impl Json for Token {
    fn read(value: serde_json::Value) -> json::Result<Self> {
        json::text(value)
    }
}
by_key!(Token);

impl Token {
    /// A token that nobody can guess; `None` where the system gives no random bytes.
    pub fn random() -> Option<Self> {
        crate::random::bytes().ok().map(Self)
    }

    /// The bytes, as a client gets them.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The token that a client sent, if it is one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// Whoever reads the log is not to take a session over.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl From<Token> for String {
    fn from(token: Token) -> Self {
        token.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl TryFrom<String> for Token {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let no_token = "a token has 32 hexadecimal digits";
        if text.len() != 2 * BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(no_token);
        }
        let number = u128::from_str_radix(&text, 16).map_err(|_| no_token)?;
        Ok(Self(number.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_the_same_after_it_was_written_down() {
        let token = Token::random().unwrap();
        let text = serde_json::to_string(&token).unwrap();
        assert_eq!(serde_json::from_str::<Token>(&text).unwrap(), token);
        assert_eq!(Token::from_bytes(token.bytes()), Some(token));
        for wrong in ["\"\"", "\"00\"", "\"+0000000000000000000000000000000\"", "7"] {
            assert!(serde_json::from_str::<Token>(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Token::from_bytes(&[0; 15]), None);
    }
}
