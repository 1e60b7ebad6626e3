//! A repository, the models that work on it, the real sandbox, and who listens.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tenon_domain::{
    AcceptanceCommand, AttemptOutcome, Budget, CheckReport, Intent, Proposal, Quality, RepoPath, Task,
};
use tenon_engine::{Engine, EngineError, Event, Observer, Repository, Verification};
use tenon_runtime::{GenerateRequest, Model, ModelDescriptor, ModelError, SampleStream};
use tenon_sandbox::{Isolation, Sandbox, SandboxRequest};
use tenon_template::Library;
use tenon_testkit::{ScriptedModel, TemporaryRepository};
use tokio_util::sync::CancellationToken;

/// Everything one test needs.
pub struct Scene {
    pub repository: TemporaryRepository,
    pub stop: CancellationToken,
    pub events: Recorder,
    cache: tempfile::TempDir,
    models: Vec<Arc<dyn Model>>,
    sandbox: bool,
}

impl Scene {
    /// A Git repository that holds these files, and no model yet.
    pub fn new(files: &[(&str, &str)]) -> Self {
        Self::on(TemporaryRepository::new(files.iter().copied()).with_git())
    }

    pub fn on(repository: TemporaryRepository) -> Self {
        Self {
            repository,
            stop: CancellationToken::new(),
            events: Recorder::default(),
            cache: tempfile::tempdir().unwrap(),
            models: Vec::new(),
            sandbox: true,
        }
    }

    /// The same with one more model, stronger than those before.
    pub fn with(mut self, model: impl Model + 'static) -> Self {
        self.models.push(Arc::new(model));
        self
    }

    /// The same on a machine that has no sandbox.
    pub fn without_sandbox(mut self) -> Self {
        self.sandbox = false;
        self
    }

    pub async fn engine(&self) -> Engine {
        let request = SandboxRequest {
            mode: Isolation::Bubblewrap,
            home: std::env::home_dir(),
            search_path: std::env::split_paths(&std::env::var_os("PATH").unwrap()).collect(),
            cache_directory: self.cache.path().to_owned(),
            extra_read_only: Vec::new(),
        };
        let sandbox = if self.sandbox {
            Ok(Arc::new(Sandbox::detect(request).await.unwrap()))
        } else {
            Err("no sandbox: bubblewrap is not installed".to_owned())
        };
        Engine {
            models: self.models.clone(),
            templates: Arc::new(Library::load(None).unwrap()),
            sandbox,
            cache_folder: self.cache.path().to_owned(),
        }
    }

    pub async fn run(&self, intent: &Intent, verification: Verification) -> Result<Proposal, EngineError> {
        let repository = Repository {
            root: self.repository.path().to_owned(),
            base_commit: Some("0123abcd".to_owned()),
        };
        let engine = self.engine().await;
        let proposed = engine
            .propose(&repository, intent, verification, &self.events, &self.stop)
            .await;
        assert_eq!(
            self.left_behind(),
            Vec::<String>::new(),
            "every work copy goes with its run"
        );
        proposed
    }

    /// The proposal for an intent. Whatever happens, the person's tree stays as it is.
    pub async fn propose(&self, intent: &Intent) -> Proposal {
        let before = self.repository.snapshot();
        let proposal = self.run(intent, Verification::Full).await.unwrap();
        assert!(
            self.repository.snapshot() == before,
            "proposing wrote to the repository"
        );
        proposal
    }

    /// Why there is no proposal.
    pub async fn refusal(&self, intent: &Intent) -> EngineError {
        let before = self.repository.snapshot();
        let error = self.run(intent, Verification::Full).await.unwrap_err();
        assert!(
            self.repository.snapshot() == before,
            "refusing wrote to the repository"
        );
        error
    }

    /// Work copies that are still there.
    pub fn left_behind(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.cache.path().join("work")) else {
            return Vec::new();
        };
        let names = entries.map(|entry| entry.unwrap().file_name().display().to_string());
        names.collect()
    }
}

/// A model that answers with whole code, going on from wherever the prompt leaves it.
pub fn coder() -> ScriptedModel {
    ScriptedModel::new().going_on_from_the_prefill()
}

fn intent(task: Task, text: &str) -> Intent {
    Intent {
        task,
        text: text.to_owned(),
        files: Vec::new(),
        acceptance: Vec::new(),
        quality: Quality::Standard,
        seed: 7,
        budget: Budget {
            max_time: Duration::from_secs(60),
            ..Budget::default()
        },
    }
}

pub fn generate(text: &str) -> Intent {
    intent(Task::Generate, text)
}

pub fn write_tests(target: &str) -> Intent {
    intent(Task::Test, target)
}

pub fn explain(target: &str) -> Intent {
    intent(Task::Explain, target)
}

pub fn fix(command: &str) -> Intent {
    accepting(intent(Task::Fix, ""), command)
}

/// The same intent with a command that must succeed.
pub fn accepting(mut intent: Intent, command: &str) -> Intent {
    intent.acceptance.push(AcceptanceCommand(command.to_owned()));
    intent
}

/// The same intent about a named file.
pub fn in_file(mut intent: Intent, path: &str) -> Intent {
    intent.files.push(RepoPath::parse(path).unwrap());
    intent
}

/// The whole text that a proposal gives a file.
pub fn text_of<'proposal>(proposal: &'proposal Proposal, path: &str) -> &'proposal str {
    let file = proposal
        .change
        .files
        .iter()
        .find(|file| file.path.as_str() == path);
    let Some(text) = file.and_then(|file| file.after.as_deref()) else {
        panic!("no text for `{path}` in {:#?}", proposal.change);
    };
    text
}

/// The files that a proposal touches.
pub fn paths(proposal: &Proposal) -> Vec<&str> {
    let files = proposal.change.files.iter();
    files.map(|file| file.path.as_str()).collect()
}

pub fn report<'proposal>(proposal: &'proposal Proposal, check: &str) -> &'proposal CheckReport {
    let checks = &proposal.evidence.checks;
    let found = checks.iter().find(|report| report.check == check);
    found.unwrap_or_else(|| panic!("no `{check}` among {checks:#?}"))
}

/// What became of each attempt: the check that rejected it, or a word.
pub fn fates(proposal: &Proposal) -> Vec<&str> {
    let attempts = proposal.provenance.attempts.iter();
    attempts
        .map(|attempt| match &attempt.outcome {
            AttemptOutcome::NotExtracted { .. } => "not extracted",
            AttemptOutcome::Duplicate { .. } => "duplicate",
            AttemptOutcome::Rejected { check, .. } => check.as_str(),
            AttemptOutcome::Passed { .. } => "passed",
            AttemptOutcome::ModelFailed { .. } => "model failed",
        })
        .collect()
}

/// Why the attempt with this index came to nothing.
pub fn reason(proposal: &Proposal, attempt: usize) -> &str {
    match &proposal.provenance.attempts[attempt].outcome {
        AttemptOutcome::NotExtracted { reason }
        | AttemptOutcome::Rejected { reason, .. }
        | AttemptOutcome::ModelFailed { reason } => reason,
        other => panic!("attempt {attempt} ended otherwise: {other:?}"),
    }
}

/// Remembers what a run told, and does something when it tells that.
#[derive(Default)]
pub struct Recorder {
    events: Mutex<Vec<Event>>,
    reaction: Mutex<Option<Reaction>>,
}

type Reaction = Box<dyn Fn(&Event) + Send>;

impl Recorder {
    pub fn all(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    pub fn on_event(&self, reaction: impl Fn(&Event) + Send + 'static) {
        *self.reaction.lock().unwrap() = Some(Box::new(reaction));
    }
}

impl Observer for Recorder {
    fn observe(&self, event: Event) {
        if let Some(reaction) = &*self.reaction.lock().unwrap() {
            reaction(&event);
        }
        self.events.lock().unwrap().push(event);
    }
}

/// A model that never gets as far as a stream, as one that is being loaded or cannot be reached.
pub struct NeverReady(pub ModelDescriptor);

#[async_trait]
impl Model for NeverReady {
    fn descriptor(&self) -> &ModelDescriptor {
        &self.0
    }

    async fn count_tokens(&self, texts: &[String]) -> Result<Vec<u32>, ModelError> {
        Ok(vec![1; texts.len()])
    }

    async fn generate(&self, _request: GenerateRequest) -> Result<SampleStream, ModelError> {
        std::future::pending().await
    }
}
