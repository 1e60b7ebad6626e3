use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tenon_check::{CheckPlan, Example, Gate, Project, ProjectChecks, TestEdits, examples_in_text};
use tenon_context::Index;
use tenon_domain::{
    ChangeSet, CheckKind, Digest, Evidence, Intent, Outcome, Proposal, ProposalId, Provenance, Quality, Task,
    Usage,
};
use tenon_runtime::Model;
use tenon_sandbox::{Sandbox, WorkCopy};
use tenon_syntax::SourceFile;
use tenon_template::Library;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::ask::Ask;
use crate::assignment::Assignment;
use crate::candidates::{Candidate, Candidates};
use crate::error::EngineError;
use crate::failure_output::{FailureOutput, missing_program};
use crate::fix::{Slips, Suspect, suspects, try_mutants};
use crate::locate::{locate, resolve_names, resolve_paths};
use crate::observer::{Event, Observer};
use crate::run::{Ended, Run};
use crate::sampling::Patience;
use crate::schedule::{Oracle, Round, plan_rounds};
use crate::target::{Plan, Target};
use crate::{explain, write_tests};

/// Turns intents into proposals. One value serves many runs at once.
#[derive(Clone)]
pub struct Engine {
    /// The models, weakest first.
    pub models: Vec<Arc<dyn Model>>,
    /// The templates.
    pub templates: Arc<Library>,
    /// Where generated code runs, or why it cannot.
    pub sandbox: Result<Arc<Sandbox>, String>,
    /// Tenon's own cache: indexes, work copies, build caches.
    pub cache_folder: PathBuf,
}

/// The repository a run works on.
#[derive(Debug, Clone)]
pub struct Repository {
    /// Its root.
    pub root: PathBuf,
    /// The commit it is at, if it is a Git repository that has one.
    pub base_commit: Option<String>,
}

/// How much of the pipeline a run uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Verification {
    /// All of it.
    #[default]
    Full,
    /// One greedy sample of the last model, read but neither checked nor mended: what the pipeline is compared with.
    Off,
}

/// What one run knows about the repository.
pub(crate) struct Reading {
    pub index: Index,
    pub gate: Gate,
}

impl Engine {
    /// Works on an intent until a change holds or the budget is used up.
    ///
    /// The proposal's level says how far it was checked; a proposal that is [`Level::Unverified`](tenon_domain::Level)
    /// carries the best failed attempt and must never be applied as if it held.
    ///
    /// # Errors
    /// When there is nothing to propose: a bad intent, an unreadable repository, no model, an interruption.
    pub async fn propose(
        &self,
        repository: &Repository,
        intent: &Intent,
        verification: Verification,
        observer: &dyn Observer,
        stop: &CancellationToken,
    ) -> Result<Proposal, EngineError> {
        intent.validate()?;
        // Whatever is awaited, dropping it stops it: models, programs and work copies go with their futures.
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(EngineError::Interrupted),
            proposed = self.work(repository, intent, verification, observer, stop) => proposed,
        }
    }

    async fn work(
        &self,
        repository: &Repository,
        intent: &Intent,
        verification: Verification,
        observer: &dyn Observer,
        stop: &CancellationToken,
    ) -> Result<Proposal, EngineError> {
        let begun = Instant::now();
        let patience = Patience {
            observer,
            stop,
            deadline: begun + intent.budget.max_time,
        };
        observer.observe(Event::Working {
            what: "reading the repository".to_owned(),
        });
        let reading = self.read(repository).await?;
        let (files, symbols) = reading.index.size();
        observer.observe(Event::RepositoryRead { files, symbols });
        let mut run = Run {
            models: &self.models,
            intent,
            gate: &reading.gate,
            patience,
            candidates: Candidates::default(),
            usage: Usage::default(),
            prompts: Vec::new(),
        };
        let outcome = match (intent.task, verification) {
            (Task::Generate, Verification::Full) => self.generate(&mut run, &reading.index).await?,
            (Task::Fix, Verification::Full) => self.fix(&mut run, &reading.index).await?,
            (Task::Test, Verification::Full) => {
                write_tests::write_tests(self, &mut run, &reading.index).await?
            }
            (Task::Explain, _) => explain::explain(self, &mut run, &reading.index).await?,
            (_, Verification::Off) => self.sample_once(&mut run, &reading.index).await?,
        };
        let mut usage = run.usage;
        usage.seconds = begun.elapsed().as_secs_f64();
        Ok(proposal(
            repository,
            intent,
            outcome,
            run.candidates,
            run.prompts,
            usage,
        ))
    }

    async fn read(&self, repository: &Repository) -> Result<Reading, EngineError> {
        let root = repository.root.clone();
        let cache = self.cache_folder.clone();
        let sandbox = self.sandbox.clone();
        let read = tokio::task::spawn_blocking(move || {
            let error = |reason: String| EngineError::Repository {
                path: root.clone(),
                reason,
            };
            let index = Index::open(&root, &cache).map_err(|source| error(source.to_string()))?;
            let copy = WorkCopy::create(index.root(), &cache.join("work"))
                .map_err(|source| error(source.to_string()))?;
            let gate = Gate::new(sandbox, Project::discover(index.root()), copy);
            Ok(Reading { index, gate })
        });
        read.await.map_err(|error| EngineError::Sandbox {
            reason: error.to_string(),
        })?
    }

    async fn generate(&self, run: &mut Run<'_>, index: &Index) -> Result<RunOutcome, EngineError> {
        let intent = run.intent;
        let ask = read_ask(intent, index);
        refuse_outside(intent, &ask, index)?;
        let plan = locate(intent, &ask, index)?;
        let targets = match plan {
            Plan::Direct { change, description } => return self.direct(run, change, description).await,
            Plan::Write(targets) => targets,
        };
        let mut base = ChangeSet::default();
        let mut summaries = Vec::new();
        let count = targets.len();
        for (number, target) in targets.into_iter().enumerate() {
            refuse_unwritable(&target, index)?;
            let last = number + 1 == count;
            let assignment = self.assignment(
                intent,
                target,
                index,
                base.clone(),
                if last { Acceptance::All } else { Acceptance::Syntax },
            );
            run.patience.observer.observe(Event::Located {
                plan: assignment.target.to_string(),
                examples: assignment.checks.examples.len(),
            });
            // With one model there is no choice that running the commands beforehand could decide.
            let oracle = if self.models.len() < 2 && !assignment.checks.acceptance.is_empty() {
                Oracle::Executable
            } else {
                assignment.oracle(run.gate, run.patience).await
            };
            // What leaves the machine or costs money is not asked before something else has failed.
            let stays_here = self.models.last().is_some_and(|model| !model.descriptor().remote);
            let oracle = match oracle {
                Oracle::Executable if stays_here && assignment.rests_on_few_examples() => Oracle::Few,
                oracle => oracle,
            };
            let attempts = u32::try_from(run.candidates.attempts.len()).unwrap_or(u32::MAX);
            let left = intent.budget.max_attempts.saturating_sub(attempts);
            let rounds = plan_rounds(self.models.len(), intent.quality, oracle, left);
            let before = run.candidates.passed.len();
            run.work(&assignment, &rounds).await?;
            summaries.push(assignment.target.to_string());
            if last {
                break;
            }
            let step = run.candidates.passed.drain(before..).next();
            match step {
                Some(step) => base = step.change,
                None => break,
            }
        }
        Ok(RunOutcome::changed(summaries.join(", then ")))
    }

    fn assignment<'run>(
        &'run self,
        intent: &'run Intent,
        target: Target,
        index: &'run Index,
        base: ChangeSet,
        acceptance: Acceptance,
    ) -> Assignment<'run> {
        let mut assignment = Assignment {
            intent,
            target,
            index,
            templates: &self.templates,
            examples: Vec::new(),
            checks: CheckPlan::default(),
            failure: None,
            failing_places: Vec::new(),
            base,
            invented: OnceCell::new(),
        };
        assignment.examples = examples(&assignment);
        let focus = assignment.target.wanted_names();
        assignment.checks = match acceptance {
            Acceptance::All => CheckPlan {
                examples: assignment.examples.clone(),
                acceptance: intent.acceptance.clone(),
                project_checks: ProjectChecks::All,
                focus,
                ..CheckPlan::default()
            },
            Acceptance::Syntax => CheckPlan {
                project_checks: ProjectChecks::None,
                focus,
                ..CheckPlan::default()
            },
        };
        assignment
    }

    /// A change that needs no model still needs evidence.
    async fn direct(
        &self,
        run: &mut Run<'_>,
        change: ChangeSet,
        description: String,
    ) -> Result<RunOutcome, EngineError> {
        run.patience.observer.observe(Event::Located {
            plan: description.clone(),
            examples: 0,
        });
        let plan = CheckPlan {
            acceptance: run.intent.acceptance.clone(),
            project_checks: ProjectChecks::All,
            test_edits: TestEdits::Allowed,
            ..CheckPlan::default()
        };
        let evidence = run.check(&change, &plan, 0).await?;
        run.candidates.file(Candidate {
            attempt: 0,
            change,
            evidence,
            model: 0,
            mean_logprob: None,
            behaviour: None,
            voices: 1,
        });
        Ok(RunOutcome::changed(description))
    }

    async fn fix(&self, run: &mut Run<'_>, index: &Index) -> Result<RunOutcome, EngineError> {
        let intent = run.intent;
        let output = self.failing_output(run).await?;
        let mut suspects = suspects(&output, &intent.text, &intent.files, index);
        if suspects.is_empty() {
            let commands: Vec<&str> = intent
                .acceptance
                .iter()
                .map(|command| command.0.as_str())
                .collect();
            suspects = crate::fix::suspects(&output, &commands.join("\n"), &intent.files, index);
        }
        if suspects.is_empty() {
            return Err(EngineError::NotFound {
                what: "the code behind this failure".to_owned(),
                hint: Some("name the file with --file".to_owned()),
            });
        }
        let greedy = |model| Round {
            model,
            wording: 0,
            temperature: 0.0,
            samples: 1,
        };
        let last = self.models.len().saturating_sub(1);
        // Likely slips of the pen in every suspect come before unlikely ones in the first.
        for pass in 0..4 {
            for (rank, suspect) in suspects.iter().enumerate() {
                let assignment = self.fix_assignment(run.intent, suspect, index, &output);
                if pass == 0 {
                    run.patience.observer.observe(Event::Located {
                        plan: assignment.target.to_string(),
                        examples: 0,
                    });
                }
                let used = u32::try_from(run.candidates.attempts.len()).unwrap_or(u32::MAX);
                let left = intent.budget.max_attempts.saturating_sub(used);
                let rounds: Vec<Round> = match pass {
                    // First every suspect once by the strongest model, the likeliest by the small one too.
                    0 if rank == 0 && last > 0 => vec![greedy(0), greedy(last)],
                    0 if rank < 2 => vec![greedy(last)],
                    3 => vec![Round {
                        model: last,
                        wording: 1,
                        temperature: 0.8,
                        samples: left.min(if rank == 0 { 4 } else { 2 }),
                    }],
                    _ => Vec::new(),
                };
                let ended = if let 1 | 2 = pass {
                    let slips = if pass == 1 { Slips::Likely } else { Slips::Unlikely };
                    try_mutants(run, &assignment, suspect, slips).await?
                } else if left == 0 || rounds.is_empty() {
                    Ended::Exhausted
                } else {
                    run.work(&assignment, &rounds).await?
                };
                if ended != Ended::Exhausted {
                    return Ok(RunOutcome::changed(assignment.target.to_string()));
                }
            }
            if intent.quality == Quality::Fast {
                break;
            }
        }
        let summary = suspects
            .first()
            .map(|suspect| format!("edit {} in {}", suspect.symbol, suspect.path));
        Ok(RunOutcome::changed(summary.unwrap_or_default()))
    }

    fn fix_assignment<'run>(
        &'run self,
        intent: &'run Intent,
        suspect: &Suspect,
        index: &'run Index,
        output: &FailureOutput,
    ) -> Assignment<'run> {
        let target = Target::Edit {
            path: suspect.path.clone(),
            symbol: suspect.symbol.clone(),
        };
        let mut assignment = self.assignment(intent, target, index, ChangeSet::default(), Acceptance::All);
        assignment.failure = Some(output.essence.clone());
        assignment.failing_places.clone_from(&output.places);
        assignment
    }

    /// Runs the acceptance commands on the unchanged tree and reads what the first failing one says.
    async fn failing_output(&self, run: &mut Run<'_>) -> Result<FailureOutput, EngineError> {
        let intent = run.intent;
        let Some(first) = intent.acceptance.first() else {
            return Err(EngineError::Missing {
                what: "a command to make pass: give it with --test".to_owned(),
            });
        };
        if let Err(reason) = &self.sandbox {
            return Err(EngineError::Missing { what: reason.clone() });
        }
        run.patience.observer.observe(Event::Working {
            what: format!("running {}", first.0),
        });
        let baseline = run.gate.baseline(&intent.acceptance);
        let baseline = tokio::time::timeout_at(run.patience.deadline.into(), baseline).await;
        let baseline = baseline.map_err(|_| EngineError::Missing {
            what: format!(
                "the time was up before `{}` ended: grant more with --max-time",
                first.0
            ),
        })?;
        let failing = intent.acceptance.iter().find_map(|command| {
            baseline
                .acceptance(command)
                .filter(|run| !run.succeeded)
                .map(|run| (command, run.log.clone()))
        });
        let Some((command, log)) = failing else {
            return Err(EngineError::NothingToFix {
                command: first.0.clone(),
            });
        };
        if let Some(program) = missing_program(&command.0, &log) {
            return Err(EngineError::Missing {
                what: format!("`{}` cannot run: `{program}` is not installed", command.0),
            });
        }
        Ok(FailureOutput::read(&log, &[tenon_sandbox::WORKSPACE]))
    }

    async fn sample_once(&self, run: &mut Run<'_>, index: &Index) -> Result<RunOutcome, EngineError> {
        let intent = run.intent;
        let ask = read_ask(intent, index);
        let target = match locate(intent, &ask, index)? {
            Plan::Write(targets) => targets.into_iter().next(),
            Plan::Direct { .. } => None,
        };
        let Some(target) = target else {
            return Ok(RunOutcome::changed("nothing to sample".to_owned()));
        };
        let assignment = self.assignment(intent, target, index, ChangeSet::default(), Acceptance::Syntax);
        let model = self.models.len().saturating_sub(1);
        run.sample_unchecked(&assignment, model).await?;
        Ok(RunOutcome::changed(assignment.target.to_string()))
    }
}

/// What the wish names, as far as the repository knows it.
fn read_ask(intent: &Intent, index: &Index) -> Ask {
    let mut ask = Ask::read(&intent.text);
    resolve_paths(&mut ask, index);
    resolve_names(&mut ask, intent, index);
    ask
}

/// Which checks a target's candidates must pass.
#[derive(Clone, Copy)]
enum Acceptance {
    All,
    /// A first part of a larger change: what executes can only pass when the rest is there.
    Syntax,
}

/// What a run ends with, besides its candidates.
pub(crate) struct RunOutcome {
    pub summary: String,
    pub explanation: Option<String>,
}

impl RunOutcome {
    pub fn changed(summary: String) -> Self {
        Self {
            summary,
            explanation: None,
        }
    }
}

/// Examples of the wish, and of the documentation of a stub.
fn examples(assignment: &Assignment<'_>) -> Vec<Example> {
    let Some(language) = assignment.language() else {
        return Vec::new();
    };
    let names = assignment.target.wanted_names();
    let file = assignment
        .original()
        .and_then(|text| SourceFile::parse(language, text).ok());
    let symbol = match &assignment.target {
        Target::Complete { symbol, .. } | Target::Edit { symbol, .. } => {
            file.as_ref().and_then(|file| file.find(symbol))
        }
        _ => None,
    };
    // Some examples say nothing without the parameters.
    let with_signature = |text: &str| match symbol {
        Some(symbol) => format!("{text}\n\n{}", symbol.signature),
        None => text.to_owned(),
    };
    let mut examples = examples_in_text(&with_signature(&assignment.intent.text), language, &names);
    if let Target::Complete { .. } = &assignment.target {
        let documentation = symbol
            .and_then(|symbol| symbol.doc.as_deref())
            .map(with_signature);
        if let Some(documentation) = documentation {
            for example in examples_in_text(&documentation, language, &names) {
                if !examples
                    .iter()
                    .any(|known| known.expression == example.expression)
                {
                    examples.push(example);
                }
            }
        }
    }
    examples
}

/// A wish that names nothing but a place outside must not end up in a file inside.
fn refuse_outside(intent: &Intent, ask: &Ask, index: &Index) -> Result<(), EngineError> {
    let inside = !intent.files.is_empty()
        || !ask.paths.is_empty()
        || ask
            .names
            .iter()
            .any(|name| !index.definitions_of(name).is_empty());
    match ask.outside.first() {
        Some(place) if !inside => Err(EngineError::Refused {
            reason: format!(
                "`{place}` is outside the repository, where nothing is written: name a file in it, in words or with --file"
            ),
        }),
        _ => Ok(()),
    }
}

fn refuse_unwritable(target: &Target, index: &Index) -> Result<(), EngineError> {
    let path = target.path();
    let place = path.under(index.root());
    let escapes = place
        .ancestors()
        .take_while(|part| *part != index.root())
        .any(Path::is_symlink);
    if escapes {
        return Err(EngineError::Refused {
            reason: format!("`{path}` passes through a symbolic link: name the file it points to"),
        });
    }
    if !matches!(target, Target::NewFile { .. }) && index.file_text(path).is_none() {
        let reason = "it is not UTF-8 text of at most 1 MiB: convert or split it".to_owned();
        return Err(EngineError::Uneditable {
            path: path.clone(),
            reason,
        });
    }
    if matches!(target, Target::NewFile { .. }) && place.exists() {
        let reason = "it exists but Git ignores it: name another file".to_owned();
        return Err(EngineError::Uneditable {
            path: path.clone(),
            reason,
        });
    }
    Ok(())
}

fn proposal(
    repository: &Repository,
    intent: &Intent,
    outcome: RunOutcome,
    candidates: Candidates,
    prompts: Vec<Digest>,
    usage: Usage,
) -> Proposal {
    let chosen = candidates.choose().or(candidates.furthest.as_ref()).cloned();
    let text: Vec<String> = prompts.iter().map(Digest::to_string).collect();
    let (change, evidence, attempt) = match chosen {
        Some(candidate) => (candidate.change, candidate.evidence, Some(candidate.attempt)),
        None => (
            ChangeSet::default(),
            Evidence {
                checks: Vec::new(),
                sandbox: None,
            },
            None,
        ),
    };
    let attempts = candidates.attempts;
    let chosen = attempt.filter(|index| *index < attempts.len());
    Proposal {
        id: ProposalId::new(),
        created_at: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |elapsed| elapsed.as_secs()),
        intent: intent.clone(),
        summary: summary(&outcome, &evidence),
        change,
        explanation: outcome.explanation,
        evidence,
        provenance: Provenance {
            tenon_version: env!("CARGO_PKG_VERSION").to_owned(),
            base_commit: repository.base_commit.clone(),
            context_digest: Digest::of(text.join("\n")),
            attempts,
            chosen,
        },
        usage,
    }
}

fn summary(outcome: &RunOutcome, evidence: &Evidence) -> String {
    let failed = evidence
        .checks
        .iter()
        .find(|report| report.outcome == Outcome::Failed);
    match failed {
        Some(report) => format!("{}: {} failed", outcome.summary, report.check),
        None if evidence
            .checks
            .iter()
            .any(|report| report.kind == CheckKind::Examples && report.outcome == Outcome::Passed) =>
        {
            format!("{}; its examples hold", outcome.summary)
        }
        None => outcome.summary.clone(),
    }
}
