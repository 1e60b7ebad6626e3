//! `generate`, `fix`, `test` and `explain`: one engine, four ways to ask.

use std::io::Read as _;
use std::path::Path;

use serde::Serialize;
use serde_json::json;
use tenon_api::{Job, JobRequest};
use tenon_change::unified_diff;
use tenon_config::{Overrides, SandboxMode, Settings};
use tenon_domain::{AcceptanceCommand, Budget, Intent, Level, Proposal, Quality, RepoPath, Task};
use tenon_engine::{Observer, Repository, Silent, Verification};
use tenon_forge::{GitRepository, Identity};

use super::{job, proposals};
use crate::arguments::{
    DeliveryArguments, ExplainArguments, FixArguments, GenerateArguments, QualityArgument, SandboxArgument,
    TestArguments, WorkArguments,
};
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output::{Output, evidence_table, verdict};
use crate::progress::Progress;
use crate::server_client::{self, Asking};

/// `tenon generate`.
pub async fn generate(arguments: GenerateArguments) -> Result<Exit, Failure> {
    let text = if arguments.intent == "-" {
        read_standard_input()?
    } else {
        arguments.intent
    };
    change(Task::Generate, text, arguments.work, arguments.delivery).await
}

/// `tenon fix`.
pub async fn fix(arguments: FixArguments) -> Result<Exit, Failure> {
    if arguments.work.tests.is_empty() {
        return Err(Failure::new(Exit::Usage, "there is nothing to make pass")
            .with_help("give the failing command, such as --test 'python3 -m unittest'"));
    }
    change(Task::Fix, arguments.hint, arguments.work, arguments.delivery).await
}

/// `tenon test`.
pub async fn test(arguments: TestArguments) -> Result<Exit, Failure> {
    change(Task::Test, arguments.target, arguments.work, arguments.delivery).await
}

/// `tenon explain`.
pub async fn explain(arguments: ExplainArguments) -> Result<Exit, Failure> {
    let json = arguments.work.json;
    let (proposal, output, _) = propose(Task::Explain, arguments.target, &arguments.work).await?;
    if json {
        output.json(&json!({
            "id": proposal.id, "summary": proposal.summary, "explanation": proposal.explanation,
            "checks": proposal.evidence.checks, "usage": proposal.usage,
        }));
    } else {
        output.result(proposal.explanation.as_deref().unwrap_or_default());
        for finding in proposal
            .evidence
            .checks
            .iter()
            .flat_map(|report| &report.findings)
        {
            output.say(&format!("  caution: {}", finding.message));
        }
        output.say("  unverified: an explanation is a model's word");
    }
    Ok(Exit::Success)
}

async fn change(
    task: Task,
    text: String,
    work: WorkArguments,
    delivery: DeliveryArguments,
) -> Result<Exit, Failure> {
    let (proposal, output, repository) = propose(task, text, &work).await?;
    show(&proposal, output, work.json);
    if proposal.level() == Level::Unverified {
        output.say("  no change passed; this is the best attempt, and it was not applied");
        output.say(&format!("  id {}", proposal.id));
        return Ok(Exit::NotVerified);
    }
    deliver(&proposal, &repository, &delivery, output)?;
    Ok(Exit::Success)
}

/// Prints a proposal: the diff or one JSON object on standard output, the evidence on standard error.
pub fn show(proposal: &Proposal, output: Output, json: bool) {
    if json {
        output.json(&proposal_json(proposal));
        return;
    }
    let diff = unified_diff(&proposal.change);
    if !diff.is_empty() {
        output.diff(&diff);
    }
    output.say(&evidence_table(&proposal.evidence));
    output.say(&verdict(proposal));
    output.say(&format!("  id {}", proposal.id));
}

/// The contract's JSON form of a proposal.
pub fn proposal_json(proposal: &Proposal) -> impl Serialize {
    let files: Vec<_> = proposal
        .change
        .files
        .iter()
        .map(|file| {
            json!({
                "path": file.path, "kind": file.kind(), "renamed_from": file.renamed_from,
                "diff": tenon_change::file_diff(file),
            })
        })
        .collect();
    json!({
        "id": proposal.id,
        "level": proposal.level(),
        "summary": proposal.summary,
        "change": { "files": files },
        "checks": proposal.evidence.checks,
        "sandbox": proposal.evidence.sandbox,
        "provenance": proposal.provenance,
        "usage": proposal.usage,
    })
}

async fn propose(
    task: Task,
    text: String,
    work: &WorkArguments,
) -> Result<(Proposal, Output, Repository), Failure> {
    let repository = composition::repository(&work.repo)?;
    let settings = composition::settings(Some(&repository.root), &overrides(work))?;
    let output = Output::new(work.quiet, settings.no_color);
    let intent = intent(task, text, work, &settings, &repository.root)?;
    intent
        .validate()
        .map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    if work.server.is_some() {
        let proposal = remotely(&intent, work, &settings, &repository, output).await?;
        return Ok((proposal, output, repository));
    }
    let engine = composition::engine(&settings).await?;
    if let Err(reason) = &engine.sandbox {
        output.say(&format!("  checks that execute are refused: {reason}"));
    }
    let interrupt = Interrupt::watch();
    let progress = (!work.quiet).then(|| Progress::new(output));
    let observer: &dyn Observer = progress.as_ref().map_or(&Silent, |progress| progress);
    let proposed = engine
        .propose(
            &repository,
            &intent,
            Verification::Full,
            observer,
            interrupt.token(),
        )
        .await;
    drop(interrupt);
    if let Some(progress) = &progress {
        progress.finish();
    }
    let proposal = proposed?;
    let store = proposals::store(&settings)?;
    store
        .save(&proposal)
        .map_err(|error| Failure::new(Exit::Missing, error.to_string()))?;
    Ok((proposal, output, repository))
}

/// Has a server do the work. An interruption cancels the job.
async fn remotely(
    intent: &Intent,
    work: &WorkArguments,
    settings: &Settings,
    repository: &Repository,
    output: Output,
) -> Result<Proposal, Failure> {
    let client = server_client::client(settings, work.server.as_deref(), work.key_file.as_deref())?;
    let asking = Asking {
        client,
        output,
        json: work.json,
    };
    let folder = repository
        .root
        .canonicalize()
        .unwrap_or_else(|_| repository.root.clone());
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let request = JobRequest {
        task: intent.task.as_str().to_owned(),
        repository: work.repository.clone().or(name).unwrap_or_default(),
        intent: intent.text.clone(),
        files: intent.files.iter().map(|file| file.as_str().to_owned()).collect(),
        tests: intent
            .acceptance
            .iter()
            .map(|command| command.0.clone())
            .collect(),
        quality: Some(
            match intent.quality {
                Quality::Fast => "fast",
                Quality::Standard => "standard",
                Quality::High => "high",
            }
            .to_owned(),
        ),
        seed: Some(intent.seed),
        max_seconds: Some(job::seconds(intent.budget.max_time)),
        max_samples: Some(intent.budget.max_attempts),
        revision: None,
        criticality: None,
        deadline_seconds: None,
    };
    let interrupt = Interrupt::watch();
    let submitted = asking.client.submit(&request).await?;
    let followed = interrupt
        .token()
        .run_until_cancelled(job::follow(&asking, &submitted.id))
        .await;
    let Some(ended) = followed else {
        let path = format!("/jobs/{}/cancel", submitted.id);
        let _: Job = asking.client.post(&path, &()).await?;
        job::farewell(output, &submitted.id);
        return Err(Failure::new(Exit::Interrupted, "interrupted"));
    };
    let ended = ended?;
    match (&ended.proposal, &ended.failure) {
        (Some(proposal), _) => Ok(asking.client.proposal(proposal).await?),
        (None, Some(failure)) => Err(Failure::new(job::exit(&ended), failure.message.clone())),
        (None, None) => Err(Failure::new(
            job::exit(&ended),
            format!("the job was {}", ended.state),
        )),
    }
}

/// What was typed, as the outermost layer of the settings.
pub fn overrides(work: &WorkArguments) -> Overrides {
    Overrides {
        models: work.model.clone(),
        sandbox: work.sandbox.map(|mode| match mode {
            SandboxArgument::Bubblewrap => SandboxMode::Bubblewrap,
            SandboxArgument::None => SandboxMode::None,
        }),
        max_time: work.max_time,
        max_attempts: work.max_attempts,
        ..Overrides::default()
    }
}

fn intent(
    task: Task,
    text: String,
    work: &WorkArguments,
    settings: &Settings,
    root: &Path,
) -> Result<Intent, Failure> {
    let defaults = Budget::default();
    let files = work
        .files
        .iter()
        .map(|file| repo_path(file, root))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Intent {
        task,
        text,
        files,
        acceptance: work.tests.iter().cloned().map(AcceptanceCommand).collect(),
        quality: quality(work.quality),
        seed: work.seed,
        budget: Budget {
            max_time: settings.limits.max_time.unwrap_or(defaults.max_time),
            max_attempts: settings
                .limits
                .max_attempts
                .unwrap_or(if work.quality == QualityArgument::Fast {
                    2
                } else {
                    defaults.max_attempts
                }),
            max_sample_tokens: defaults.max_sample_tokens,
        },
    })
}

/// A path as typed: relative to the repository, or absolute inside it.
fn repo_path(text: &str, root: &Path) -> Result<RepoPath, Failure> {
    let root = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    let inside = Path::new(text)
        .strip_prefix(&root)
        .ok()
        .and_then(Path::to_str)
        .unwrap_or(text);
    RepoPath::parse(inside).map_err(|error| Failure::new(Exit::Refused, error.to_string()))
}

/// The quality that was typed.
pub fn quality(argument: QualityArgument) -> Quality {
    match argument {
        QualityArgument::Fast => Quality::Fast,
        QualityArgument::Standard => Quality::Standard,
        QualityArgument::High => Quality::High,
    }
}

fn deliver(
    proposal: &Proposal,
    repository: &Repository,
    delivery: &DeliveryArguments,
    output: Output,
) -> Result<(), Failure> {
    if let Some(file) = &delivery.patch {
        std::fs::write(file, unified_diff(&proposal.change)).map_err(|error| {
            Failure::new(Exit::Missing, format!("cannot write {}: {error}", file.display()))
        })?;
        output.say(&format!("  written to {}", file.display()));
    }
    if let Some(branch) = &delivery.branch {
        let git = GitRepository::discover(&repository.root)
            .map_err(|error| Failure::new(Exit::Missing, error.to_string()))?;
        let Some(git) = git else {
            return Err(Failure::new(
                Exit::Usage,
                "this is not a Git repository, so there can be no branch",
            )
            .with_help("use --apply or --patch, or run `git init`"));
        };
        let message = format!(
            "{}\n\nChecked by Tenon: {}. Proposal {}.",
            proposal.summary,
            proposal.level(),
            proposal.id
        );
        let commit = git
            .commit_to_branch(branch, &proposal.change, &message)
            .map_err(|error| Failure::new(Exit::Refused, error.to_string()))?;
        if git
            .identity()
            .is_ok_and(|identity| identity == Identity::Fallback)
        {
            output
                .say("  Git does not know who you are: the commit is Tenon's (set user.name and user.email)");
        }
        output.say(&format!(
            "  committed to {branch} as {}",
            commit.chars().take(12).collect::<String>()
        ));
    }
    if delivery.apply {
        apply(proposal, &repository.root)?;
        output.say("  applied to the working tree");
    }
    Ok(())
}

/// Writes a change to a working tree, all or nothing.
pub fn apply(proposal: &Proposal, root: &Path) -> Result<(), Failure> {
    tenon_change::apply(root, &proposal.change)
        .map(drop)
        .map_err(|error| Failure::new(Exit::Refused, error.to_string()).with_help("nothing was changed"))
}

fn read_standard_input() -> Result<String, Failure> {
    let mut text = String::new();
    let limit = Intent::MAX_TEXT_BYTES as u64 + 1;
    std::io::stdin()
        .take(limit)
        .read_to_string(&mut text)
        .map_err(|error| {
            Failure::new(
                Exit::Usage,
                format!("cannot read the intent from standard input: {error}"),
            )
        })?;
    Ok(text)
}
