//! `tenon batch`: many jobs of a server at once.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use tenon_api::{
    Batch, BatchDefaults, BatchItem, BatchItemPage, BatchItemRequest, BatchPage, BatchRequest, Proposal,
};
use tenon_client::query;
use tokio::time::sleep;

use super::job;
use crate::arguments::{BatchCommand, OneBatchArguments};
use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::progress::Bar;
use crate::server_client::{Asking, asking};

const LOOK: Duration = Duration::from_millis(500);
/// So often in a row nobody may answer.
const TRIES: u32 = 20;
const PAGE: &str = "200";
/// What a file may hold: the server takes no more.
const LARGEST_FILE: u64 = 8 * 1024 * 1024;

/// `tenon batch …`.
pub async fn run(command: BatchCommand) -> Result<Exit, Failure> {
    match command {
        BatchCommand::Submit {
            file,
            repository,
            task,
            tests,
            concurrency,
            revision,
            criticality,
            deadline,
            watch,
            server,
        } => {
            let request = BatchRequest {
                repository,
                concurrency,
                defaults: BatchDefaults {
                    task,
                    tests,
                    revision,
                    criticality,
                    deadline_seconds: deadline.map(job::seconds),
                    ..BatchDefaults::default()
                },
                items: items(&text(&file)?)?,
            };
            submit(&asking(&server)?, &request, watch).await
        }
        BatchCommand::List {
            repository,
            limit,
            server,
        } => {
            let limit = limit.to_string();
            let pairs = [
                ("repository", repository.as_deref()),
                ("limit", Some(limit.as_str())),
            ];
            list(&asking(&server)?, &format!("/batches{}", query(&pairs))).await
        }
        BatchCommand::Show(one) => {
            let asking = asking(&one.server)?;
            let batch = asking.client.get(&format!("/batches/{}", one.id)).await?;
            show(&asking, &batch).await
        }
        BatchCommand::Watch(one) => watch(&asking(&one.server)?, &one.id).await,
        BatchCommand::Cancel(one) => change(&one, "cancel").await,
        BatchCommand::Resume(one) => change(&one, "resume").await,
        BatchCommand::Results { state, out, one } => results(&one, state.as_deref(), out.as_deref()).await,
    }
}

fn text(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = match file.to_str() {
        Some("-") => std::io::stdin().take(LARGEST_FILE + 1).read_to_string(&mut text),
        _ => std::fs::File::open(file).and_then(|file| file.take(LARGEST_FILE + 1).read_to_string(&mut text)),
    };
    match read {
        Ok(read) if read as u64 > LARGEST_FILE => {
            let message = format!("{} is larger than {LARGEST_FILE} bytes", file.display());
            Err(Failure::new(Exit::Usage, message).with_help("make several batches of it"))
        }
        Ok(_) => Ok(text),
        Err(error) => {
            let message = format!("cannot read {}: {error}", file.display());
            Err(Failure::new(Exit::Usage, message))
        }
    }
}

/// The jobs of a file, one a line; empty lines are left out.
fn items(text: &str) -> Result<Vec<BatchItemRequest>, Failure> {
    let lines = (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty());
    let items = lines.map(|(number, line)| {
        serde_json::from_str(line).map_err(|error: serde_json::Error| {
            let message = format!("line {number} is no job: {error}");
            Failure::new(Exit::Usage, message)
                .with_help("write each as {\"intent\": \"what is wanted\"} on one line")
        })
    });
    items.collect()
}

async fn submit(asking: &Asking, request: &BatchRequest, watched: bool) -> Result<Exit, Failure> {
    let batch = asking.client.submit_batch(request).await?;
    if watched {
        asking.output.say(&format!("batch {}", batch.id));
        return watch(asking, &batch.id).await;
    }
    match asking.json {
        true => asking.output.json(&batch),
        false => asking.output.result(&batch.id),
    }
    Ok(Exit::Success)
}

async fn list(asking: &Asking, path: &str) -> Result<Exit, Failure> {
    let page: BatchPage = asking.client.get(path).await?;
    if asking.json {
        asking.output.json(&page);
        return Ok(Exit::Success);
    }
    for batch in &page.batches {
        asking.output.result(&line(batch));
    }
    Ok(Exit::Success)
}

async fn change(one: &OneBatchArguments, what: &str) -> Result<Exit, Failure> {
    let asking = asking(&one.server)?;
    let batch: Batch = asking
        .client
        .post(&format!("/batches/{}/{what}", one.id), &())
        .await?;
    match asking.json {
        true => asking.output.json(&batch),
        false => asking.output.result(&line(&batch)),
    }
    Ok(Exit::Success)
}

async fn watch(asking: &Asking, id: &str) -> Result<Exit, Failure> {
    let interrupt = Interrupt::watch();
    let following = follow(asking, id);
    let Some(batch) = interrupt.token().run_until_cancelled(following).await else {
        asking.output.say(&format!(
            "the batch goes on: tenon batch watch {id}, or tenon batch cancel {id}"
        ));
        return Ok(Exit::Interrupted);
    };
    show(asking, &batch?).await
}

/// Shows how a batch gets on until it has ended.
async fn follow(asking: &Asking, id: &str) -> Result<Batch, Failure> {
    let path = format!("/batches/{id}");
    let mut bar: Option<Bar> = None;
    let mut failures = 0;
    loop {
        let batch: Batch = match asking.client.get(&path).await {
            Ok(batch) => batch,
            Err(error) if error.is_temporary() && failures < TRIES => {
                failures += 1;
                sleep(LOOK).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        failures = 0;
        let bar = bar.get_or_insert_with(|| Bar::new(asking.output, u64::from(batch.items)));
        bar.show(u64::from(ended(&batch)), counts(&batch));
        if matches!(batch.state.as_str(), "succeeded" | "failed" | "cancelled") {
            bar.finish();
            return Ok(batch);
        }
        sleep(LOOK).await;
    }
}

async fn show(asking: &Asking, batch: &Batch) -> Result<Exit, Failure> {
    match asking.json {
        true => asking.output.json(batch),
        false => asking.output.result(&line(batch)),
    }
    let mut exit = Exit::Success;
    each(asking, &batch.id, None, async |item| {
        exit = worse(exit, job::exit(&item.job));
        Ok(())
    })
    .await?;
    Ok(exit)
}

async fn results(one: &OneBatchArguments, state: Option<&str>, out: Option<&Path>) -> Result<Exit, Failure> {
    let asking = asking(&one.server)?;
    if let Some(folder) = out {
        std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    }
    let mut exit = Exit::Success;
    each(&asking, &one.id, state, async |item| {
        exit = worse(exit, job::exit(&item.job));
        if let (Some(folder), Some(proposal)) = (out, &item.job.proposal) {
            write(&asking, folder, &item, proposal).await?;
        }
        match asking.json {
            true => asking.output.json_line(&item),
            false => asking.output.result(&item_line(&item)),
        }
        Ok(())
    })
    .await?;
    Ok(exit)
}

/// Every item of a batch in its order, page by page.
async fn each(
    asking: &Asking,
    id: &str,
    state: Option<&str>,
    mut visit: impl AsyncFnMut(BatchItem) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut cursor: Option<String> = None;
    loop {
        let pairs = [
            ("state", state),
            ("cursor", cursor.as_deref()),
            ("limit", Some(PAGE)),
        ];
        let path = format!("/batches/{id}/items{}", query(&pairs));
        let page: BatchItemPage = asking.client.get(&path).await?;
        for item in page.items {
            visit(item).await?;
        }
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(()),
        }
    }
}

/// Writes what came of an item: its patch, or what was explained.
async fn write(asking: &Asking, folder: &Path, item: &BatchItem, proposal: &str) -> Result<(), Failure> {
    let proposal: Proposal = asking.client.get(&format!("/proposals/{proposal}")).await?;
    let (extension, text) = match proposal.explanation {
        Some(explanation) => ("md", explanation + "\n"),
        None => {
            let diffs = proposal.change.iter().map(|file| file.diff.as_str());
            ("patch", diffs.collect())
        }
    };
    let path = folder.join(format!(
        "{:04}-{}.{extension}",
        item.index,
        file_name(&item.custom_id)
    ));
    std::fs::write(&path, text).map_err(|error| unwritable(&path, &error))
}

/// A name that leads nowhere else: the number before it tells apart what is alike then.
fn file_name(custom_id: &str) -> String {
    let plain = |letter: char| match letter {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' => letter,
        _ => '-',
    };
    custom_id.chars().take(80).map(plain).collect()
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Missing, format!("cannot write {}: {error}", path.display()))
}

/// What a batch ends with: the worst of its jobs.
fn worse(one: Exit, other: Exit) -> Exit {
    let order = [
        Exit::Refused,
        Exit::Missing,
        Exit::Usage,
        Exit::Interrupted,
        Exit::NotVerified,
    ];
    let found = order.into_iter().find(|exit| [one, other].contains(exit));
    found.unwrap_or(Exit::Success)
}

fn ended(batch: &Batch) -> u32 {
    batch.counts.succeeded + batch.counts.failed + batch.counts.cancelled
}

fn counts(batch: &Batch) -> String {
    let counts = &batch.counts;
    let named = [
        (counts.succeeded, "succeeded"),
        (counts.failed, "failed"),
        (counts.cancelled, "cancelled"),
        (counts.cancelling, "cancelling"),
        (counts.running, "running"),
        (counts.queued, "queued"),
        (counts.parked, "not open yet"),
    ];
    let named = named.iter().filter(|(count, _)| *count > 0);
    let named: Vec<String> = named.map(|(count, name)| format!("{count} {name}")).collect();
    named.join(", ")
}

fn line(batch: &Batch) -> String {
    format!(
        "{}  {}  {:10} {}  {} of {} ended: {}",
        batch.id,
        batch.created_at,
        batch.state,
        batch.repository,
        ended(batch),
        batch.items,
        counts(batch)
    )
}

fn item_line(item: &BatchItem) -> String {
    let job = &item.job;
    let outcome = match (&job.proposal, &job.failure) {
        (Some(proposal), _) => format!("{}  {proposal}", job.level.as_deref().unwrap_or_default()),
        (None, Some(failure)) => format!("{}: {}", failure.category, failure.message),
        (None, None) => String::new(),
    };
    format!("{}  {:10} {outcome}", item.custom_id, job.state)
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_no_job_is_named() {
        assert_eq!(
            items("{\"intent\": \"a\"}\n\n{\"intent\": \"b\"}\n")
                .unwrap()
                .len(),
            2
        );
        let failure = items("{\"intent\": \"a\"}\n{\"wish\": \"b\"}\n").unwrap_err();
        assert!(failure.message.starts_with("line 2 "), "{failure}");
        assert_eq!(failure.exit, Exit::Usage);
    }

    #[test]
    fn a_batch_ends_as_the_worst_of_its_jobs() {
        assert_eq!(worse(Exit::Success, Exit::Success), Exit::Success);
        assert_eq!(worse(Exit::NotVerified, Exit::Success), Exit::NotVerified);
        assert_eq!(worse(Exit::Interrupted, Exit::NotVerified), Exit::Interrupted);
        assert_eq!(worse(Exit::Missing, Exit::Refused), Exit::Refused);
    }

    #[test]
    fn what_an_item_is_called_leads_out_of_no_folder() {
        assert_eq!(file_name("../a/b.py::c"), "---a-b-py--c");
    }
}
