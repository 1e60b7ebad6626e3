//! The templates that are part of Tenon.

macro_rules! builtin {
    ($($name:literal),* $(,)?) => {
        /// Name and text of every built-in template.
        pub(crate) const BUILTIN: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../../../prompts/", $name, ".md")))),*];
    };
}

builtin!(
    "explain/symbol",
    "fix/edit-symbol",
    "fix/edit-symbol-b",
    "generate/add-symbol",
    "generate/add-symbol-b",
    "generate/edit-file",
    "generate/edit-symbol",
    "generate/edit-symbol-b",
    "generate/function",
    "generate/function-b",
    "generate/function-c",
    "generate/new-file",
    "generate/new-file-b",
    "test/unit",
);
