//! `tenon job`: jobs of a server.

use std::time::Duration;

use tenon_api::{Event, Job, JobPage, JobRequest};
use tenon_client::query;

use crate::arguments::{JobCommand, OneJobArguments};
use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::progress::Progress;
use crate::server_client::{Asking, asking};

/// `tenon job …`.
pub async fn run(command: JobCommand) -> Result<Exit, Failure> {
    match command {
        JobCommand::Submit {
            task,
            intent,
            repository,
            files,
            tests,
            revision,
            criticality,
            deadline,
            watch,
            server,
        } => {
            let request = JobRequest {
                task,
                repository,
                intent,
                files,
                tests,
                quality: None,
                seed: None,
                max_seconds: None,
                max_samples: None,
                revision,
                criticality,
                deadline_seconds: deadline.map(seconds),
            };
            submit(&asking(&server)?, &request, watch).await
        }
        JobCommand::List {
            state,
            repository,
            limit,
            server,
        } => {
            let limit = limit.to_string();
            let pairs = [
                ("state", state.as_deref()),
                ("repository", repository.as_deref()),
                ("limit", Some(limit.as_str())),
            ];
            list(&asking(&server)?, &format!("/jobs{}", query(&pairs))).await
        }
        JobCommand::Show(one) => {
            let asking = asking(&one.server)?;
            let job: Job = asking.client.get(&format!("/jobs/{}", one.id)).await?;
            Ok(show(&asking, &job))
        }
        JobCommand::Watch(one) => watch(&asking(&one.server)?, &one.id).await,
        JobCommand::Cancel(one) => change(&one, "cancel").await,
        JobCommand::Retry(one) => change(&one, "retry").await,
        JobCommand::Approve(one) => approve(&one).await,
    }
}

async fn approve(one: &OneJobArguments) -> Result<Exit, Failure> {
    let asking = asking(&one.server)?;
    let job: Job = asking.client.get(&format!("/jobs/{}", one.id)).await?;
    let proposal = job.proposal.ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            format!("nothing came of job {} yet: it is {}", job.id, job.state),
        )
    })?;
    let path = format!("/proposals/{proposal}/approval");
    asking.client.post::<()>(&path, &()).await?;
    asking.output.say(&format!("proposal {proposal} is approved"));
    Ok(Exit::Success)
}

pub fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

async fn submit(asking: &Asking, request: &JobRequest, watched: bool) -> Result<Exit, Failure> {
    let job = asking.client.submit(request).await?;
    if watched {
        asking.output.say(&format!("job {}", job.id));
        return watch(asking, &job.id).await;
    }
    match asking.json {
        true => asking.output.json(&job),
        false => asking.output.result(&job.id),
    }
    Ok(Exit::Success)
}

async fn list(asking: &Asking, path: &str) -> Result<Exit, Failure> {
    let page: JobPage = asking.client.get(path).await?;
    if asking.json {
        asking.output.json(&page);
        return Ok(Exit::Success);
    }
    for job in &page.jobs {
        asking.output.result(&line(job));
    }
    Ok(Exit::Success)
}

async fn change(one: &OneJobArguments, what: &str) -> Result<Exit, Failure> {
    let asking = asking(&one.server)?;
    let job: Job = asking
        .client
        .post(&format!("/jobs/{}/{what}", one.id), &())
        .await?;
    match asking.json {
        true => asking.output.json(&job),
        false => asking.output.result(&line(&job)),
    }
    Ok(Exit::Success)
}

async fn watch(asking: &Asking, id: &str) -> Result<Exit, Failure> {
    let interrupt = Interrupt::watch();
    let following = follow(asking, id);
    let Some(job) = interrupt.token().run_until_cancelled(following).await else {
        asking.output.say(&format!(
            "the job goes on: tenon job watch {id}, or tenon job cancel {id}"
        ));
        return Ok(Exit::Interrupted);
    };
    Ok(show(asking, &job?))
}

/// Tells what happens to a job until it has ended.
///
/// # Errors
/// When nobody answers, or the service says no.
pub async fn follow(asking: &Asking, id: &str) -> Result<Job, Failure> {
    let progress = Progress::new(asking.output);
    let mut watched = asking.client.watch(id, 0);
    while let Some(event) = watched.next().await? {
        tell(&progress, &event);
    }
    progress.finish();
    Ok(asking.client.get(&format!("/jobs/{id}")).await?)
}

fn tell(progress: &Progress, event: &Event) {
    let message = event.message.as_deref().unwrap_or_default();
    match event.event.as_str() {
        "progress" => {
            progress.line(&format!("  {message}"));
            progress.now(message.to_owned());
        }
        name => {
            let name = name.replace('_', " ");
            let text = if message.is_empty() {
                name
            } else {
                format!("{name}: {message}")
            };
            progress.line(&format!("  {text}"));
        }
    }
}

fn show(asking: &Asking, job: &Job) -> Exit {
    match asking.json {
        true => asking.output.json(job),
        false => asking.output.result(&described(job)),
    }
    exit(job)
}

/// The exit code that the command would have had here.
pub fn exit(job: &Job) -> Exit {
    match (job.state.as_str(), job.level.as_deref(), &job.failure) {
        ("succeeded", Some("unverified"), _) if job.task != "explain" => Exit::NotVerified,
        ("failed", _, Some(failure)) => match failure.category.as_str() {
            "bad_request" | "not_found" => Exit::Usage,
            "content_policy" => Exit::Refused,
            _ => Exit::Missing,
        },
        ("cancelled", _, _) => Exit::Interrupted,
        _ => Exit::Success,
    }
}

fn line(job: &Job) -> String {
    let level = job.level.as_deref().unwrap_or_default();
    format!(
        "{}  {}  {:10} {:10} {}  {level}",
        job.id, job.created_at, job.state, job.task, job.repository
    )
    .trim_end()
    .to_owned()
}

fn described(job: &Job) -> String {
    let mut text = line(job);
    if let Some(proposal) = &job.proposal {
        text.push_str(&format!("\nproposal {proposal}"));
    }
    if let Some(failure) = &job.failure {
        text.push_str(&format!("\n{}: {}", failure.category, failure.message));
    }
    text
}

/// Says how a job is seen to its end from here, for whoever has to go.
pub fn farewell(output: Output, id: &str) {
    output.say(&format!("the job was cancelled: tenon job show {id}"));
}
