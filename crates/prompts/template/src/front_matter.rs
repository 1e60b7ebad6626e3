use std::collections::BTreeMap;

use serde::Deserialize;

use crate::pack::CutRule;

/// What a template says about itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FrontMatter {
    /// `task/name`; must match the file's place.
    pub name: String,
    /// The author's version.
    pub version: String,
    /// One sentence for people.
    pub description: String,
    /// The most tokens a rendered prompt may have.
    pub budget_tokens: u32,
    /// What the body may refer to.
    #[serde(default)]
    pub variables: BTreeMap<String, VariableRule>,
    /// What a model must offer.
    #[serde(default)]
    pub requires: Requirements,
    /// How the answer begins; a template of its own.
    #[serde(default)]
    pub prefill: String,
    /// Where the answer ends.
    #[serde(default)]
    pub stop: Vec<String>,
}

/// A variable of a template.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariableRule {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: VariableKind,
    /// Whether rendering without it is an error.
    #[serde(default = "yes")]
    pub required: bool,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// For `choice`: the values that are accepted.
    #[serde(default)]
    pub options: Vec<String>,
    /// For single values: what holds when none is given.
    pub default: Option<String>,
    /// For `fragments`: what may be done to one that does not fit.
    #[serde(default)]
    pub cut: CutRule,
    /// For `fragments`: the most tokens that one may have.
    pub cap_tokens: Option<u32>,
}

fn yes() -> bool {
    true
}

/// The type of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VariableKind {
    /// One line of text.
    Text,
    /// Text of any number of lines.
    Lines,
    /// A whole number.
    Integer,
    /// One of the `options`.
    Choice,
    /// Fragments with sources and token counts.
    Fragments,
}

/// What a model must offer for a template to be used with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirements {
    /// Tokens of context.
    #[serde(default)]
    pub minimum_context: u32,
    /// Whether the model must fill in the middle.
    #[serde(default)]
    pub fills_in_the_middle: bool,
}

/// Splits a file into its front matter and its body; the second value is the 1-based line where the body begins.
pub(crate) fn split(text: &str) -> Result<(FrontMatter, &str, usize), (usize, String)> {
    let rest = text
        .strip_prefix("+++\n")
        .ok_or((1, "the file must begin with a line `+++`".to_owned()))?;
    let end = rest
        .find("\n+++\n")
        .ok_or((1, "the front matter has no closing line `+++`".to_owned()))?;
    let (head, body) = (
        rest.get(..=end).unwrap_or_default(),
        rest.get(end + 5..).unwrap_or_default(),
    );
    let matter = toml::from_str(head).map_err(|error| {
        let before = error
            .span()
            .and_then(|span| head.get(..span.start))
            .unwrap_or_default();
        (2 + before.matches('\n').count(), error.message().to_owned())
    })?;
    Ok((matter, body, 3 + head.matches('\n').count()))
}
