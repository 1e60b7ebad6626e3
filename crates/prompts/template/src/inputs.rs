//! Whether what is given is what a template declares.

use crate::error::{RenderError, nearest};
use crate::front_matter::{VariableKind, VariableRule};
use crate::library::Template;
use crate::render::Inputs;

impl Template {
    pub(crate) fn check(&self, inputs: &Inputs) -> Result<(), RenderError> {
        for name in inputs.values.keys().chain(inputs.fragments.keys()) {
            if !self.matter.variables.contains_key(name) {
                return Err(RenderError::UnknownVariable {
                    template: self.matter.name.clone(),
                    variable: name.clone(),
                    hint: nearest(name, self.matter.variables.keys()),
                });
            }
        }
        for (name, rule) in &self.matter.variables {
            self.check_variable(name, rule, inputs)?;
        }
        Ok(())
    }

    fn check_variable(&self, name: &str, rule: &VariableRule, inputs: &Inputs) -> Result<(), RenderError> {
        let wrong = |value: &str, expected: String| RenderError::WrongType {
            template: self.matter.name.clone(),
            variable: name.to_owned(),
            value: value.chars().take(80).collect(),
            expected,
        };
        let fragments = inputs
            .fragments
            .get(name)
            .filter(|fragments| !fragments.is_empty());
        match (inputs.values.get(name), fragments) {
            (None, None) if rule.required && rule.default.is_none() => Err(RenderError::Missing {
                template: self.matter.name.clone(),
                variable: name.to_owned(),
                description: rule.description.clone(),
            }),
            (None, Some(_)) if rule.kind != VariableKind::Fragments => {
                Err(wrong("fragments", "a single value".to_owned()))
            }
            (Some(value), _) => rule.accepts(value).map_err(|expected| wrong(value, expected)),
            (None, _) => Ok(()),
        }
    }
}

impl VariableRule {
    /// Whether a single value is of the variable's type; else what is expected.
    pub(crate) fn accepts(&self, value: &str) -> Result<(), String> {
        let (holds, expected) = match self.kind {
            VariableKind::Fragments => (false, "fragments".to_owned()),
            VariableKind::Text => (!value.contains(['\n', '\r']), "one line of text".to_owned()),
            VariableKind::Lines => (true, String::new()),
            VariableKind::Integer => (value.parse::<i64>().is_ok(), "a whole number".to_owned()),
            VariableKind::Choice => (
                self.options.iter().any(|option| option == value),
                format!("one of {}", self.options.join(", ")),
            ),
        };
        if holds { Ok(()) } else { Err(expected) }
    }
}
