//! Versioned prompt templates with typed variables, rendered into a token budget.
//!
//! A template is a file `prompts/<task>/<name>.md`: TOML front matter between `+++` lines, then a body of messages,
//! each opened by a line `--- system ---`, `--- user ---` or `--- assistant ---`. The body is split into messages
//! before anything is filled in, so no value can open a message of its own. A version is the digest of the file.
//!
//! Everything that comes from outside is a [`Fragment`] with a source and a token count. What does not fit is left
//! out, lowest priority first, and [`RenderedPrompt::left_out`] says what. This room reads no repository and asks no
//! model; the caller counts tokens.
//!
//! A template says of each variable whether its fragments are kept whole or cut by lines (`cut`), and how long each may
//! be (`cap_tokens`). Put first what stays the same from prompt to prompt: a model reads a known beginning only once.

mod body;
mod builtin;
mod error;
mod front_matter;
mod inputs;
mod library;
mod pack;
mod render;

pub use body::MessageRole;
pub use error::RenderError;
pub use front_matter::{Requirements, VariableKind, VariableRule};
pub use library::{Library, LibraryError, Shadowed, Template, TemplateOrigin};
pub use pack::{CutRule, Fragment, LeftOut, LeftOutReason};
pub use render::{Inputs, RenderedMessage, RenderedPrompt};
