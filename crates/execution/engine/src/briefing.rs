//! Fills a template for an assignment: gathers fragments, has them counted by the model, and packs them.

use std::collections::BTreeMap;

use tenon_domain::TemplateReference;
use tenon_runtime::{Message, Model, Role};
use tenon_syntax::{Language, SourceFile, Span};
use tenon_template::{Fragment, Inputs, MessageRole};

use crate::assignment::Assignment;
use crate::error::EngineError;
use crate::locate::is_test_path;
use crate::observer::{Event, Observer};
use crate::target::Target;

/// Fills templates for one assignment and one model.
pub(crate) struct Briefing<'a> {
    pub assignment: &'a Assignment<'a>,
    pub model: &'a dyn Model,
    pub observer: &'a dyn Observer,
}

/// A rendered template in the model port's words.
pub(crate) struct Rendered {
    pub reference: TemplateReference,
    pub messages: Vec<Message>,
    pub prefill: String,
    pub stop: Vec<String>,
}

/// Signatures of other code that go into a prompt.
const MOST_RELATED: usize = 6;
/// Lines of a file shown to place a new symbol.
const NEIGHBOUR_LINES: usize = 40;

const IMPORTANT: u8 = 200;
const USEFUL: u8 = 100;

impl Briefing<'_> {
    /// Renders `name`, leaving room for an answer of `answer_tokens`.
    pub async fn render(&self, name: &str, answer_tokens: u32) -> Result<Rendered, EngineError> {
        self.render_with(name, answer_tokens, []).await
    }

    /// The same with further values.
    pub async fn render_with(
        &self,
        name: &str,
        answer_tokens: u32,
        extra: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Rendered, EngineError> {
        let template_error = |error: &dyn std::fmt::Display| EngineError::Template {
            reason: error.to_string(),
        };
        let template = self
            .assignment
            .templates
            .get(name)
            .map_err(|error| template_error(&error))?;
        let mut inputs = Inputs {
            values: self.values(),
            fragments: self.fragments(),
        };
        inputs.values.extend(extra);
        inputs
            .values
            .retain(|name, _| template.variables().contains_key(name));
        inputs
            .fragments
            .retain(|name, _| template.variables().contains_key(name));
        self.count(&mut inputs).await?;
        let budget = self
            .model
            .descriptor()
            .context_length
            .saturating_sub(answer_tokens);
        let prompt = template
            .render(&inputs, budget)
            .map_err(|error| template_error(&error))?;
        for left in &prompt.left_out {
            self.observer.observe(Event::LeftOut {
                what: format!("{} ({} tokens)", left.source, left.tokens),
            });
        }
        let messages = prompt.messages.into_iter().map(|message| Message {
            role: match message.role {
                MessageRole::System => Role::System,
                MessageRole::User => Role::User,
                MessageRole::Assistant => Role::Assistant,
            },
            content: message.content,
        });
        Ok(Rendered {
            reference: prompt.reference,
            messages: messages.collect(),
            prefill: prompt.prefill,
            stop: prompt.stop,
        })
    }

    async fn count(&self, inputs: &mut Inputs) -> Result<(), EngineError> {
        let texts: Vec<String> = inputs
            .fragments
            .values()
            .flatten()
            .map(|fragment| fragment.text.clone())
            .collect();
        let counts = self.model.count_tokens(&texts).await?;
        for (fragment, tokens) in inputs.fragments.values_mut().flatten().zip(counts) {
            // The fence and the line breaks around it.
            fragment.tokens = tokens + 8;
        }
        Ok(())
    }

    fn values(&self) -> BTreeMap<String, String> {
        let target = &self.assignment.target;
        let language = self.assignment.language().map_or("", Language::name);
        let mut values = BTreeMap::from([
            ("language".to_owned(), language.to_owned()),
            ("path".to_owned(), target.path().to_string()),
        ]);
        if let Some(name) = target.wanted_names().first() {
            values.insert("name".to_owned(), name.clone());
        }
        if let Target::Add {
            container: Some(container),
            ..
        } = target
        {
            values.insert("container".to_owned(), container.clone());
        }
        values
    }

    fn fragments(&self) -> BTreeMap<String, Vec<Fragment>> {
        let assignment = self.assignment;
        let mut fragments: BTreeMap<String, Vec<Fragment>> = BTreeMap::new();
        let mut add = |slot: &str, source: String, text: String, priority: u8| {
            if !text.trim().is_empty() {
                let fragment = Fragment {
                    source,
                    text,
                    tokens: 0,
                    priority,
                };
                fragments.entry(slot.to_owned()).or_default().push(fragment);
            }
        };
        add(
            "intent",
            "intent".to_owned(),
            assignment.intent.text.trim().to_owned(),
            Fragment::REQUIRED,
        );
        let original = assignment.original().unwrap_or_default();
        let path = assignment.target.path();
        match &assignment.target {
            Target::Complete { symbol, .. } | Target::Edit { symbol, .. } => {
                let whole_file_is_small =
                    matches!(assignment.target, Target::Complete { .. }) && original.lines().count() <= 40;
                let code = if whole_file_is_small {
                    original.trim_end().to_owned()
                } else {
                    self.symbol_text(&original, symbol)
                };
                add("code", format!("{symbol} in {path}"), code, Fragment::REQUIRED);
            }
            Target::EditFile { .. } => add("code", path.to_string(), original.clone(), Fragment::REQUIRED),
            Target::Add { container, .. } => {
                let (source, text) = self.neighbourhood(&original, container.as_deref());
                add("code", source, text, IMPORTANT);
            }
            Target::NewFile { .. } => {}
        }
        if let Some(failure) = &assignment.failure {
            add(
                "failure",
                "output of the failing command".to_owned(),
                failure.clone(),
                Fragment::REQUIRED,
            );
            for (source, text) in self.failing_tests() {
                add("tests", source, text, IMPORTANT);
            }
        }
        for example in &assignment.examples {
            let summary = example.summary();
            // What the wish says already needs no second telling.
            if !assignment.intent.text.contains(&summary) {
                add("examples", example.origin.clone(), summary, IMPORTANT);
            }
        }
        for (source, text) in self.related(&original) {
            add("related", source, text, USEFUL);
        }
        fragments
    }

    fn symbol_text(&self, original: &str, symbol: &str) -> String {
        let parsed = self
            .assignment
            .language()
            .and_then(|language| SourceFile::parse(language, original).ok());
        parsed
            .as_ref()
            .and_then(|file| Some(file.slice(file.find(symbol)?.span).to_owned()))
            .unwrap_or_default()
    }

    /// What a new symbol will stand beside: its class, or the file's imports and signatures, or all of a short file.
    fn neighbourhood(&self, original: &str, container: Option<&str>) -> (String, String) {
        let path = self.assignment.target.path();
        if let Some(container) = container {
            let text = self.symbol_text(original, container);
            if !text.is_empty() {
                return (format!("{container} in {path}"), text);
            }
        }
        if original.lines().count() <= NEIGHBOUR_LINES {
            return (path.to_string(), original.trim_end().to_owned());
        }
        let parsed = self
            .assignment
            .language()
            .and_then(|language| SourceFile::parse(language, original).ok());
        let mut text = String::new();
        if let Some(file) = parsed {
            for import in file.imports() {
                let line = file.slice(import.span);
                if !text.contains(line) {
                    text.push_str(line);
                    text.push('\n');
                }
            }
            for symbol in file.symbols().iter().filter(|symbol| symbol.parent.is_none()) {
                text.push('\n');
                text.push_str(&symbol.signature);
            }
        }
        (format!("outline of {path}"), text)
    }

    fn related(&self, original: &str) -> Vec<(String, String)> {
        let assignment = self.assignment;
        let path = assignment.target.path();
        let span: Option<Span> = match &assignment.target {
            Target::Edit { symbol, .. } => assignment
                .language()
                .and_then(|language| SourceFile::parse(language, original).ok())
                .and_then(|file| file.find(symbol).map(|symbol| symbol.span)),
            // A stub uses nothing yet, and a file that is shown whole needs no second telling.
            Target::Complete { .. } | Target::EditFile { .. } => return Vec::new(),
            Target::Add { .. } | Target::NewFile { .. } => None,
        };
        match &assignment.target {
            Target::Edit { .. } => assignment.index.related_signatures(path, span, MOST_RELATED),
            _ => self.mentioned(),
        }
    }

    /// Signatures of what the wish names and that stands elsewhere.
    fn mentioned(&self) -> Vec<(String, String)> {
        let ask = crate::ask::Ask::read(&self.assignment.intent.text);
        ask.names
            .iter()
            .flat_map(|name| self.assignment.index.definitions_of(name))
            .filter(|definition| {
                &definition.path != self.assignment.target.path() && !is_test_path(&definition.path)
            })
            .map(|definition| {
                (
                    format!("{} in {}", definition.qualified_name, definition.path),
                    definition.signature,
                )
            })
            .take(MOST_RELATED)
            .collect()
    }

    /// The test functions at the places that the failing command named.
    fn failing_tests(&self) -> Vec<(String, String)> {
        let assignment = self.assignment;
        let mut found: Vec<(String, String)> = Vec::new();
        for place in &assignment.failing_places {
            let parsed = assignment
                .index
                .file_text(&place.path)
                .and_then(|text| SourceFile::parse(Language::of_path(&place.path)?, text).ok());
            let Some(file) = parsed else { continue };
            let innermost = file
                .symbols()
                .iter()
                .filter(|symbol| {
                    symbol.line <= place.line && place.line <= symbol.end_line && symbol.kind.is_callable()
                })
                .min_by_key(|symbol| symbol.end_line - symbol.line);
            let text = match innermost {
                Some(test) => file.slice(test.definition_span).to_owned(),
                // JavaScript tests are calls, not symbols: show the lines around the place.
                None if is_test_path(&place.path) => {
                    let first = place.line.saturating_sub(8) as usize;
                    file.text()
                        .lines()
                        .skip(first)
                        .take(12)
                        .collect::<Vec<_>>()
                        .join("\n")
                }
                None => continue,
            };
            let is_test = is_test_path(&place.path) || text.contains("#[test]");
            if is_test && !found.iter().any(|(_, known)| known == &text) {
                found.push((format!("test in {}", place.path), text));
            }
        }
        found.truncate(2);
        found
    }
}
