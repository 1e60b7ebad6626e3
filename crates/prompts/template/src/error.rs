/// Why a template cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A value for a variable that the template does not have.
    #[error("template `{template}` has no variable `{variable}`{}", did_you_mean(hint.as_deref()))]
    UnknownVariable {
        /// The template.
        template: String,
        /// What was given.
        variable: String,
        /// The nearest variable.
        hint: Option<String>,
    },
    /// No value for a required variable.
    #[error("template `{template}` needs a value for `{variable}` ({description})")]
    Missing {
        /// The template.
        template: String,
        /// The variable.
        variable: String,
        /// What it is for.
        description: String,
    },
    /// A value of the wrong type.
    #[error("template `{template}`: `{value}` is not a value for `{variable}`: expected {expected}")]
    WrongType {
        /// The template.
        template: String,
        /// The variable.
        variable: String,
        /// What was given.
        value: String,
        /// What is accepted.
        expected: String,
    },
    /// What the prompt makes no sense without is larger than the budget.
    #[error(
        "template `{template}`: {source_name} has {tokens} tokens, more than the {budget} that are left; name a smaller place with --file, or use a model with a larger context"
    )]
    TooLarge {
        /// The template.
        template: String,
        /// Where the fragment came from.
        source_name: String,
        /// Its tokens.
        tokens: u32,
        /// What was left for it.
        budget: u32,
    },
    /// The body itself fails.
    #[error("template `{template}`: {reason}")]
    Body {
        /// The template.
        template: String,
        /// Why, with the line.
        reason: String,
    },
}

/// `; did you mean …?`, or nothing.
pub(crate) fn did_you_mean(hint: Option<&str>) -> String {
    hint.map(|hint| format!("; did you mean `{hint}`?"))
        .unwrap_or_default()
}

/// The known name that was probably meant.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Option<String> {
    known
        .map(|known| (strsim::damerau_levenshtein(known, name), known))
        .filter(|(distance, known)| *distance <= 2.max(known.len() / 3))
        .min()
        .map(|(_, known)| known.clone())
}
