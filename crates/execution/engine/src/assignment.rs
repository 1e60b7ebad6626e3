//! One target with everything a round needs: what is asked of a model, how its answer is read, how it is checked.

use std::time::Duration;

use tenon_change::{SpliceScope, add_missing_imports, align_entry_point, splice};
use tenon_change::{
    change_set, choose_block, edited_file, extract_blocks, normalised, replaced, same_code, whole_file,
};
use tenon_check::{
    Behaviour, Candidate, CheckPlan, Example, ExampleLimits, Gate, observe_python, run_examples,
};
use tenon_context::Index;
use tenon_domain::{
    ChangeSet, Digest, Evidence, FileChange, Intent, Outcome, Replacement, RepoPath, Severity,
};
use tenon_runtime::{Message, Model, ModelError, PromptInput, Role};
use tenon_syntax::{Language, SourceFile};
use tenon_template::Library;
use tokio::sync::OnceCell;

use crate::briefing::Briefing;
use crate::error::EngineError;
use crate::failure_output::Place;
use crate::invented_calls::invented_calls;
use crate::observer::{Event, Observer};
use crate::opening;
use crate::sampling::{Patience, Question};
use crate::schedule::Oracle;
use crate::stub;
use crate::target::Target;

/// What a compiler said about an earlier answer.
#[derive(Debug, Clone)]
pub(crate) struct Feedback {
    /// The answer.
    pub code: String,
    /// What was wrong with it.
    pub diagnostic: String,
}

/// One target with everything a round needs.
pub(crate) struct Assignment<'run> {
    /// What was asked.
    pub intent: &'run Intent,
    /// What is written.
    pub target: Target,
    /// The repository.
    pub index: &'run Index,
    /// The templates.
    pub templates: &'run Library,
    /// Examples that the answer must satisfy.
    pub examples: Vec<Example>,
    /// How answers are checked.
    pub checks: CheckPlan,
    /// The part of a failing command's output worth reading, for a fix.
    pub failure: Option<String>,
    /// The places that the failing command named.
    pub failing_places: Vec<Place>,
    /// Other changes that belong to the same proposal and are made already.
    pub base: ChangeSet,
    /// Calls to compare candidates by where no example gives any: those that the first candidate has an answer to.
    pub invented: OnceCell<Vec<String>>,
}

impl Assignment<'_> {
    /// The language that is written.
    pub fn language(&self) -> Option<Language> {
        Language::of_path(self.target.path())
    }

    /// The file as it is before this target is written: with the base change laid over the repository.
    pub fn original(&self) -> Option<String> {
        let path = self.target.path();
        match self.base.files.iter().find(|file| &file.path == path) {
            Some(file) => file.after.clone(),
            None => self.index.file_text(path).map(|text| text.to_string()),
        }
    }

    fn parsed_original(&self) -> Option<SourceFile> {
        SourceFile::parse(self.language()?, self.original()?).ok()
    }

    /// The names of templates for this target, one a wording.
    fn wordings(&self) -> Vec<String> {
        let base = match (&self.target, &self.failure) {
            (Target::Complete { .. }, _) => "generate/function",
            (Target::Edit { .. }, Some(_)) => "fix/edit-symbol",
            (Target::Edit { .. }, None) => "generate/edit-symbol",
            (Target::Add { .. }, _) => "generate/add-symbol",
            (Target::NewFile { .. }, _) => "generate/new-file",
            (Target::EditFile { .. }, _) => "generate/edit-file",
        };
        let mut names = vec![base.to_owned()];
        names.extend(
            ["b", "c"]
                .map(|letter| format!("{base}-{letter}"))
                .into_iter()
                .filter(|name| self.templates.get(name).is_ok()),
        );
        names
    }

    /// What of the answer is known beforehand: the signature and documentation of a stub, the name of what is new or
    /// rewritten. Other wordings leave an edit free, for decorators and helpers that come before it.
    fn opening(&self, wording: usize) -> String {
        let file = self.parsed_original();
        let opening = match &self.target {
            Target::Complete { symbol, .. } => file.and_then(|file| stub::opening(&file, file.find(symbol)?)),
            Target::Add {
                names,
                container: None,
                ..
            } => match (names.as_slice(), self.language()) {
                ([name], Some(language)) => {
                    opening::of_new_function(&self.intent.text, name, language, file.as_ref())
                }
                _ => None,
            },
            Target::Add {
                names,
                container: Some(container),
                ..
            } => match (names.as_slice(), &file) {
                ([name], Some(file)) => {
                    let name = name.rsplit(['.', ':']).next().unwrap_or(name);
                    opening::of_new_method(&self.intent.text, name, container, file)
                }
                _ => None,
            },
            Target::Edit { symbol, .. } if wording.is_multiple_of(2) => {
                file.and_then(|file| opening::of_edited_function(&file, file.find(symbol)?))
            }
            _ => None,
        };
        opening.unwrap_or_default()
    }

    /// The question for one round.
    pub async fn question(
        &self,
        model: &dyn Model,
        wording: usize,
        feedback: Option<Feedback>,
        observer: &dyn Observer,
    ) -> Result<Question, EngineError> {
        let names = self.wordings();
        let name = names
            .get(wording % names.len().max(1))
            .ok_or_else(|| EngineError::Template {
                reason: format!("no template for `{}`", self.target),
            })?;
        let opening = self.opening(wording);
        let max_tokens = self.sample_tokens(model).await?;
        let briefing = Briefing {
            assignment: self,
            model,
            observer,
        };
        let rendered = briefing.render(name, max_tokens).await?;
        let mut messages: Vec<Message> = rendered.messages;
        if let Some(feedback) = feedback {
            let fence = self.language().map_or("", Language::name);
            messages.push(Message {
                role: Role::Assistant,
                content: format!("```{fence}\n{}\n```", feedback.code.trim_end()),
            });
            messages.push(Message {
                role: Role::User,
                content: format!(
                    "The checker refuses this code:\n\n{}\n\nWrite the whole code again with this mended.",
                    feedback.diagnostic
                ),
            });
        }
        let prefill = format!("{}{opening}", rendered.prefill);
        Ok(Question {
            template: rendered.reference,
            prompt: PromptInput::Chat { messages, prefill },
            opening,
            stop: rendered.stop,
            max_tokens,
            constraint: None,
        })
    }

    /// Room for the answer: what is rewritten and half as much again, within the intent's limit.
    async fn sample_tokens(&self, model: &dyn Model) -> Result<u32, ModelError> {
        let limit = self.intent.budget.max_sample_tokens;
        let text = match &self.target {
            Target::EditFile { .. } => self.original().unwrap_or_default(),
            Target::Edit { symbol, .. } => self
                .parsed_original()
                .and_then(|file| Some(file.slice(file.find(symbol)?.span).to_owned()))
                .unwrap_or_default(),
            _ => String::new(),
        };
        if text.is_empty() {
            return Ok(limit.min(768));
        }
        let tokens = model.count_tokens(&[text]).await?.first().copied().unwrap_or(0);
        Ok((tokens + tokens / 2 + 256).min(limit.max(tokens + 128)))
    }

    /// Reads the change from an answer.
    pub fn draft(&self, text: &str) -> Result<ChangeSet, String> {
        let path = self.target.path().clone();
        let before = self.original();
        let file = match (&self.target, self.language()) {
            (Target::EditFile { .. } | Target::NewFile { .. }, None) => {
                self.whole_text(path, before, text)?
            }
            (Target::NewFile { .. }, Some(language)) => {
                let code = self.code(text, language)?;
                whole_file(
                    path,
                    None,
                    &without_demonstration(&code, &self.target.wanted_names()),
                )
            }
            (Target::EditFile { .. }, Some(language)) => {
                let code = self.code(text, language)?;
                whole_file(path, before, code.text())
            }
            (_, None) => return Err(format!("`{path}` is in no language that Tenon can splice")),
            (_, Some(language)) => self.spliced(path, before, text, language)?,
        };
        if file.before == file.after {
            return Err("the answer changes nothing".to_owned());
        }
        if let (Some(language), Some(before), Some(after)) = (self.language(), &file.before, &file.after)
            && same_code(language, before, after)
            && !speaks_of_layout(&self.intent.text)
        {
            return Err("the answer changes nothing but white space".to_owned());
        }
        if let Some(subject) = self.untouched_subject(file.after.as_deref().unwrap_or_default()) {
            return Err(format!("the answer leaves `{subject}` as it is"));
        }
        if let Some(missing) = self.undefined_name(file.after.as_deref().unwrap_or_default()) {
            return Err(format!("the answer does not define `{missing}`"));
        }
        let mut files = self.base.files.clone();
        files.push(file);
        change_set(files).map_err(|error| error.to_string())
    }

    /// The symbol that the wish is about, if the answer changes only others.
    fn untouched_subject(&self, after: &str) -> Option<&str> {
        let Target::EditFile {
            subject: Some(subject),
            ..
        } = &self.target
        else {
            return None;
        };
        let before = self.parsed_original()?;
        let after = SourceFile::parse(self.language()?, after).ok()?;
        let text = |file: &SourceFile| {
            file.find(subject)
                .map(|symbol| file.slice(symbol.span).to_owned())
        };
        (text(&before)? == text(&after)?).then_some(subject)
    }

    /// The first name that was to be defined and is not.
    fn undefined_name(&self, after: &str) -> Option<String> {
        let file = SourceFile::parse(self.language()?, after).ok()?;
        let defines = |name: &str| {
            let assigned = |line: &str| {
                line.trim_start()
                    .trim_start_matches("export ")
                    .trim_start_matches("pub ")
                    .split(|character: char| !(character.is_alphanumeric() || "_$".contains(character)))
                    .take(2)
                    .any(|word| word == name)
                    && line.contains(['=', ':'])
            };
            file.find(name).is_some() || file.text().lines().any(assigned)
        };
        self.target.wanted_names().into_iter().find(|name| !defines(name))
    }

    fn code(&self, text: &str, language: Language) -> Result<SourceFile, String> {
        let blocks = extract_blocks(&fenced(text, language));
        let wanted = self.target.wanted_names();
        let chosen = choose_block(&blocks, language, &wanted)
            .ok_or_else(|| format!("the answer holds no {} code", language.name()))?;
        Ok(match wanted.as_slice() {
            [only] if !matches!(self.target, Target::EditFile { .. }) => {
                align_entry_point(&chosen.file, only).unwrap_or(chosen.file)
            }
            _ => chosen.file,
        })
    }

    fn spliced(
        &self,
        path: RepoPath,
        before: Option<String>,
        text: &str,
        language: Language,
    ) -> Result<FileChange, String> {
        let before = before.ok_or_else(|| format!("`{path}` cannot be read"))?;
        let original = SourceFile::parse(language, before.clone()).map_err(|error| error.to_string())?;
        let reply = self.code(text, language)?;
        let scope = match &self.target {
            Target::Complete { symbol, .. } | Target::Edit { symbol, .. } => SpliceScope {
                editable: Some(vec![symbol.clone()]),
                insert_near: Some(symbol.clone()),
                wanted: self.target.wanted_names(),
                ..SpliceScope::default()
            },
            Target::Add { names, container, .. } => SpliceScope {
                editable: Some(names.clone()),
                insert_near: container.clone(),
                wanted: self.target.wanted_names(),
                ..SpliceScope::default()
            },
            Target::NewFile { .. } | Target::EditFile { .. } => SpliceScope::default(),
        };
        let spliced = splice(&original, &reply, &scope).map_err(|error| error.to_string())?;
        Ok(edited_file(path, before, spliced.text))
    }

    /// The answer for a file that is not code: the first block, or all of it.
    fn whole_text(&self, path: RepoPath, before: Option<String>, text: &str) -> Result<FileChange, String> {
        let blocks = extract_blocks(text);
        let code = blocks
            .into_iter()
            .map(|block| block.code)
            .max_by_key(String::len)
            .unwrap_or_else(|| text.to_owned());
        if code.trim().is_empty() {
            return Err("the answer is empty".to_owned());
        }
        Ok(whole_file(path, before, &code))
    }

    /// Equal for changes that differ only in comments and white space.
    pub fn fingerprint(&self, change: &ChangeSet) -> Digest {
        let path = self.target.path();
        let parsed = change
            .files
            .iter()
            .find(|file| &file.path == path)
            .and_then(|file| SourceFile::parse(self.language()?, file.after.clone()?).ok());
        parsed.map_or_else(|| change.digest(), |file| normalised(&file))
    }

    /// The change with imports for names that a check found undefined, if the table knows them all.
    pub fn add_missing_imports(&self, change: &ChangeSet, evidence: &Evidence) -> Option<ChangeSet> {
        let names: Vec<String> = evidence
            .checks
            .iter()
            .filter(|report| report.outcome == Outcome::Failed)
            .flat_map(|report| &report.findings)
            .filter_map(|finding| quoted_name(&finding.message))
            .collect();
        let mut change = change.clone();
        let path = self.target.path();
        let file = change.files.iter_mut().find(|file| &file.path == path)?;
        let parsed = SourceFile::parse(self.language()?, file.after.clone()?).ok()?;
        file.after = Some(add_missing_imports(&parsed, &names)?);
        Some(change)
    }

    /// The change as the compiler would write it: with what it suggests for the errors it found in the target's file.
    pub fn take_suggestions(&self, change: &ChangeSet, evidence: &Evidence) -> Option<ChangeSet> {
        let path = self.target.path();
        let failed = evidence
            .checks
            .iter()
            .find(|report| report.outcome == Outcome::Failed)?;
        let suggested: Vec<&Replacement> = failed
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .flat_map(|finding| &finding.replacements)
            .filter(|replacement| &replacement.path == path)
            .collect();
        let mut change = change.clone();
        let file = change.files.iter_mut().find(|file| &file.path == path)?;
        file.after = Some(replaced(file.after.as_deref()?, &suggested)?);
        Some(change)
    }

    /// What can reject a wrong answer: examples that run, and that the code does not satisfy as it is.
    pub async fn oracle(&self, gate: &Gate, patience: Patience<'_>) -> Oracle {
        if !self.checks.acceptance.is_empty() && !self.holds_already(gate, patience).await {
            return Oracle::Executable;
        }
        let runs = matches!(
            self.language(),
            Some(Language::Python | Language::JavaScript | Language::TypeScript | Language::Tsx)
        );
        let (Some(sandbox), Some(language), false, true) =
            (gate.sandbox(), self.language(), self.examples.is_empty(), runs)
        else {
            return Oracle::Static;
        };
        let Target::Edit { .. } = self.target else {
            return Oracle::Executable;
        };
        let original = self.original().unwrap_or_default();
        let candidate = Candidate::Text(&original);
        let limits = ExampleLimits::default();
        match run_examples(sandbox, language, &candidate, &self.examples, limits).await {
            Ok(run) if run.passed_count() == self.examples.len() => Oracle::Static,
            _ => Oracle::Executable,
        }
    }

    /// Whether the unchanged code satisfies the acceptance commands: then they guard what works, and cannot tell
    /// whether the wish is met. Commands that take long are taken at their word.
    async fn holds_already(&self, gate: &Gate, patience: Patience<'_>) -> bool {
        const LONGEST: Duration = Duration::from_secs(20);
        patience.observer.observe(Event::Working {
            what: "running the given commands on the unchanged code".to_owned(),
        });
        let asked = gate.accepts_unchanged(&self.checks.acceptance);
        let granted = LONGEST.min(patience.left() / 4);
        tokio::time::timeout(granted, asked).await.unwrap_or(false)
    }

    /// Whether a change can only be told from a wrong one by few examples: then another opinion is worth its time.
    pub fn rests_on_few_examples(&self) -> bool {
        const MANY: usize = 8;
        (1..MANY).contains(&self.checks.examples.len()) && self.checks.acceptance.is_empty()
    }

    /// Whether candidates can be compared by what they do.
    pub fn is_comparable(&self) -> bool {
        let python = self.language() == Some(Language::Python);
        python && (!self.calls().is_empty() || self.sole_function().is_some())
    }

    /// The one function that is written, if calls of it may be invented.
    fn sole_function(&self) -> Option<String> {
        match (&self.target, self.target.wanted_names().as_slice()) {
            (Target::EditFile { .. }, _) => None,
            (_, [name]) if self.checks.examples.is_empty() => Some(name.clone()),
            _ => None,
        }
    }

    /// The calls of the examples.
    fn calls(&self) -> Vec<String> {
        let calls = self.examples.iter().filter_map(Example::call);
        calls.map(str::to_owned).collect()
    }

    /// How the changed function behaves on varied inputs; `None` where that cannot be watched.
    pub async fn behaviour(&self, gate: &Gate, change: &ChangeSet) -> Option<Behaviour> {
        if !self.is_comparable() {
            return None;
        }
        let path = self.target.path();
        let code = change
            .files
            .iter()
            .find(|file| &file.path == path)?
            .after
            .as_deref()?;
        let calls = match self.calls() {
            none if none.is_empty() => {
                let invented = self.invented.get_or_init(|| self.invent(gate, code)).await;
                invented.clone()
            }
            calls => calls,
        };
        let behaviour = self.observe(gate, code, &calls).await?;
        (!behaviour.observations.is_empty()).then_some(behaviour)
    }

    /// Calls that the first candidate has an answer to: on what everybody refuses everybody is alike.
    async fn invent(&self, gate: &Gate, code: &str) -> Vec<String> {
        /// With fewer, alike means nothing.
        const LEAST: usize = 3;
        let calls = self
            .sole_function()
            .map(|name| invented_calls(code, &name))
            .unwrap_or_default();
        let behaviour = match calls.is_empty() {
            true => None,
            false => self.observe(gate, code, &calls).await,
        };
        let answered: Vec<String> = behaviour
            .unwrap_or_default()
            .observations
            .into_iter()
            .filter(|observation| observation.outcome.starts_with('='))
            .map(|observation| observation.input)
            .filter(|input| calls.contains(input))
            .collect();
        match answered.len() < LEAST {
            true => Vec::new(),
            false => answered,
        }
    }

    async fn observe(&self, gate: &Gate, code: &str, calls: &[String]) -> Option<Behaviour> {
        const INPUTS: usize = 32;
        let candidate = Candidate::Text(code);
        let seed = self.intent.seed;
        let limits = ExampleLimits::default();
        let observed = observe_python(gate.sandbox()?, &candidate, calls, seed, INPUTS, limits);
        observed.await.ok()
    }
}

/// Whether a wish may mean nothing but white space.
fn speaks_of_layout(text: &str) -> bool {
    const WORDS: [&str; 10] = [
        "format",
        "indent",
        "space",
        "blank",
        "tab",
        "newline",
        "line end",
        "line break",
        "layout",
        "pep",
    ];
    let text = text.to_lowercase();
    WORDS.iter().any(|word| text.contains(word))
}

/// The first name in backquotes: what a finding is about.
pub(crate) fn quoted_name(message: &str) -> Option<String> {
    let (_, rest) = message.split_once('`')?;
    let (name, _) = rest.split_once('`')?;
    Some(name.to_owned())
}

/// Samples begin inside the fence that the prefill opened.
fn fenced(text: &str, language: Language) -> String {
    if text.trim_start().starts_with("```") {
        text.to_owned()
    } else {
        format!("```{}\n{text}\n```\n", language.name())
    }
}

/// The code without what a model adds to show that it works.
fn without_demonstration(file: &SourceFile, wanted: &[String]) -> String {
    let empty = SourceFile::parse(file.language(), "");
    let scope = SpliceScope {
        wanted: wanted.to_vec(),
        ..SpliceScope::default()
    };
    match empty.map(|empty| splice(&empty, file, &scope)) {
        Ok(Ok(spliced)) if !spliced.text.trim().is_empty() => spliced.text,
        _ => file.text().to_owned(),
    }
}
