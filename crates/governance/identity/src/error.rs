use crate::TokenProblem;

/// Why nobody was identified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The settings lead nowhere.
    #[error("the identity provider cannot be used: {reason}")]
    Settings {
        /// Why.
        reason: String,
    },
    /// The provider does not answer; later it may.
    #[error("the identity provider does not answer ({what}): {reason}")]
    Unreachable {
        /// What was asked for.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// The provider answers what cannot be used.
    #[error("the identity provider answers what cannot be used ({what}): {reason}")]
    Answer {
        /// What was asked for.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// The provider does not take the code: it was used before, or it is not its own.
    #[error("the identity provider does not take the code: sign in again")]
    Code,
    /// The answer came from another provider than was asked.
    #[error("the answer is another identity provider's")]
    Mixed,
    /// The provider does not say what the person is called.
    #[error("the identity provider does not name you: `{claim}` is missing or not verified")]
    Unnamed {
        /// What would.
        claim: String,
    },
    /// The token says what it must not say, or nobody vouches for it.
    #[error("the identity provider's token cannot be trusted: {0}")]
    Token(#[from] TokenProblem),
}
