//! Who may do what: API keys, the scopes that narrow them, roles, and decisions by Cedar policies.
//!
//! ```text
//! key text ─▶ PresentedKey ─▶ KeyGrant ─▶ Authorizer::decide(principal, scopes, action, resource) ─▶ Decision
//!             id and digest   whose it is   scopes first, then the policies
//! ```
//!
//! The built-in policies lie in `policies/access/` and are part of the program; an operator's folder adds to them. The
//! room reads that folder and nothing else: it knows neither a database nor a transport, and what it cannot
//! understand is refused.

mod action;
mod authorizer;
mod grant;
mod key;
mod policy;
mod question;
mod resource;
mod scopes;

pub use action::{Action, UnknownAction};
pub use authorizer::{Authorizer, Decision};
pub use grant::{KeyGrant, KeyRefusal};
pub use key::{KeyError, KeyId, MintedKey, PresentedKey, mint, token};
pub use policy::PolicyError;
pub use resource::Resource;
pub use scopes::{ScopeError, Scopes};
