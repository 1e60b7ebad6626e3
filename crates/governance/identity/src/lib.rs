//! Who somebody is, by the word of an OpenID provider, and whether they are let in. It keeps nothing but what the
//! provider says of itself, and draws no randomness: states, nonces and verifiers are given to it.
//!
//! ```text
//! Provider::departure ─▶ the person, at the provider ─▶ code ─▶ Provider::arrival ─▶ Identity ─▶ Admission::decide
//!  discovered, cached                                            code for token, verified          domains, groups
//! ```
//!
//! Nothing is asked of the provider before somebody signs in. What it answers is bounded in size and time, comes from
//! where it was asked and from nowhere else, and is believed only with a signature by one of its keys.

mod admission;
mod discovery;
mod error;
mod http;
mod identity;
mod keys;
mod provider;
mod settings;
mod token;

pub use admission::{Admission, Denied, Standing};
pub use error::IdentityError;
pub use identity::{Identity, Vouching};
pub use provider::{Arrival, Provider};
pub use settings::ProviderSettings;
pub use token::TokenProblem;
