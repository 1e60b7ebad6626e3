//! `tenon model`: the files of models, and how fast they are here.

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tenon_config::{Overrides, Settings};
use tenon_llama::{BenchmarkPlan, measure};
use tenon_runtime::{
    FileState, FolderError, ModelDetails, ModelListing, Origin, PullError, PullEvent, PullObserver,
    PullOptions, Source, pull,
};

use crate::arguments::ModelCommand;
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output::{Output, human_bytes};

/// `tenon model …`.
pub async fn run(command: ModelCommand) -> Result<Exit, Failure> {
    let settings = composition::settings(None, &Overrides::default())?;
    let quiet = matches!(command, ModelCommand::Pull { quiet: true, .. });
    let output = Output::new(quiet, settings.no_color);
    match command {
        ModelCommand::List(arguments) => list(&settings, output, arguments.json)?,
        ModelCommand::Pull { names, .. } => bring(&settings, output, names).await?,
        ModelCommand::Add { path, name } => {
            let added = composition::model_folder(&settings)
                .add(&path, name.as_deref())
                .map_err(failure)?;
            output.say(&format!("registered `{}` ({})", added.name, added.digest));
            output.result(&added.name);
        }
        ModelCommand::Remove { name } => {
            let removed = composition::model_folder(&settings)
                .remove(&name)
                .map_err(failure)?;
            match removed.bytes {
                0 => output.say(&format!("forgot `{}`; its file stays where it is", removed.name)),
                bytes => output.say(&format!(
                    "removed `{}`, {} given back",
                    removed.name,
                    human_bytes(bytes)
                )),
            }
        }
        ModelCommand::Show { name, json } => {
            let details = composition::model_folder(&settings)
                .show(&name)
                .map_err(failure)?;
            if json {
                output.json(&details);
            } else {
                output.result(&described(&details));
            }
        }
        ModelCommand::Bench { name, json } => bench(&settings, output, name, json).await?,
    }
    Ok(Exit::Success)
}

fn failure(error: FolderError) -> Failure {
    let exit = if matches!(error, FolderError::Unknown { .. }) {
        Exit::Usage
    } else {
        Exit::Missing
    };
    Failure::new(exit, error.to_string())
}

fn list(settings: &Settings, output: Output, json: bool) -> Result<(), Failure> {
    let models = composition::model_folder(settings).list().map_err(failure)?;
    if json {
        let upstreams: Vec<_> = settings
            .upstreams
            .iter()
            .map(|upstream| json!({ "name": upstream.name, "base_url": upstream.base_url, "model": upstream.model }))
            .collect();
        output.json(&json!({ "models": models, "upstreams": upstreams, "default": settings.models }));
        return Ok(());
    }
    let width = models.iter().map(|model| model.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for model in &models {
        let default = if settings.models.contains(&model.name) {
            "*"
        } else {
            " "
        };
        text.push_str(&format!(
            "{default} {:width$}  {:>10}  {:<12}  {}\n",
            model.name,
            human_bytes(model.bytes),
            state(&model.state),
            model.summary
        ));
    }
    for upstream in &settings.upstreams {
        let default = if settings.models.contains(&upstream.name) {
            "*"
        } else {
            " "
        };
        text.push_str(&format!(
            "{default} {:width$}  upstream: {} at {}\n",
            upstream.name, upstream.model, upstream.base_url
        ));
    }
    output.result(&text);
    output.say("* used unless --model says otherwise; `tenon model pull NAME` brings a model");
    Ok(())
}

fn state(state: &FileState) -> String {
    match state {
        FileState::Absent => "not here".to_owned(),
        FileState::Partial { bytes } => format!("{} so far", human_bytes(*bytes)),
        FileState::Unverified => "unverified".to_owned(),
        FileState::Verified => "verified".to_owned(),
        FileState::Damaged { .. } => "damaged".to_owned(),
    }
}

fn described(details: &ModelDetails) -> String {
    let ModelListing {
        name,
        aliases,
        origin,
        path,
        bytes,
        digest,
        state: file,
        licence,
        summary,
    } = &details.listing;
    let mut lines = vec![("name", name.clone()), ("summary", summary.clone())];
    if !aliases.is_empty() {
        lines.push(("also called", aliases.join(", ")));
    }
    let origin = match origin {
        Origin::Catalog => "Tenon's catalog",
        Origin::Added => "added by you",
    };
    lines.push(("known from", origin.to_owned()));
    lines.push((
        "state",
        match file {
            FileState::Damaged { reason } => format!("damaged: {reason}"),
            other => state(other),
        },
    ));
    lines.push(("file", path.display().to_string()));
    lines.push(("size", format!("{} ({bytes} bytes)", human_bytes(*bytes))));
    lines.push(("digest", digest.to_string()));
    lines.push((
        "licence",
        licence.clone().unwrap_or_else(|| "not stated".to_owned()),
    ));
    if let Some(entry) = &details.catalog {
        lines.push(("publisher", entry.publisher.clone()));
        lines.push(("context", format!("{} tokens", entry.context_length)));
        lines.extend(
            entry
                .sources
                .iter()
                .map(|source| ("source", Source::label(source))),
        );
    }
    if let Some(gguf) = &details.gguf {
        lines.push(("architecture", gguf.architecture.clone()));
        lines.push((
            "chat template",
            if gguf.has_chat_template { "yes" } else { "no" }.to_owned(),
        ));
        lines.push((
            "fill in the middle",
            if gguf.fill_markers.is_some() { "yes" } else { "no" }.to_owned(),
        ));
    }
    lines
        .iter()
        .map(|(label, value)| format!("{label:<18}  {value}\n"))
        .collect()
}

async fn bring(settings: &Settings, output: Output, names: Vec<String>) -> Result<(), Failure> {
    let folder = composition::model_folder(settings);
    let names = if names.is_empty() {
        settings.models.clone()
    } else {
        names
    };
    let entries = names
        .iter()
        .map(|name| folder.entry(name))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failure)?;
    let options = PullOptions {
        hugging_face: settings.hugging_face_url.clone(),
        local_folders: settings
            .home
            .iter()
            .map(|home| home.join(".cache/huggingface/hub"))
            .collect(),
        ..PullOptions::default()
    };
    let interrupt = Interrupt::watch();
    for entry in entries {
        let progress = PullProgress::new(output, &entry.name);
        let pulled = pull(entry, &folder, &options, &progress, interrupt.token()).await;
        progress.finish();
        let pulled = pulled.map_err(|error| {
            let exit = if matches!(error, PullError::Cancelled { .. }) {
                Exit::Interrupted
            } else {
                Exit::Missing
            };
            Failure::new(exit, error.to_string())
        })?;
        let from = pulled.source.map_or_else(
            || "was here already".to_owned(),
            |source| format!("from {source}"),
        );
        output.say(&format!("✔ {} · {} · {from}", pulled.name, pulled.digest));
    }
    Ok(())
}

/// A bar on a terminal; elsewhere a line every few seconds, so that a log shows that something happens.
struct PullProgress {
    output: Output,
    name: String,
    bar: Option<ProgressBar>,
    last_line: Mutex<Option<Instant>>,
}

impl PullProgress {
    fn new(output: Output, name: &str) -> Self {
        let bar = output.shows_live_progress().then(|| {
            let bar = ProgressBar::new(0);
            let style = ProgressStyle::with_template(
                "{prefix} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta} left {wide_msg}",
            );
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(name.to_owned());
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self {
            output,
            name: name.to_owned(),
            bar,
            last_line: Mutex::new(None),
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => self.output.say(text),
        }
    }

    fn advanced(&self, done: u64, total: u64) {
        const EVERY: Duration = Duration::from_secs(5);
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
            return;
        }
        let Ok(mut last) = self.last_line.lock() else {
            return;
        };
        if last.is_none_or(|last| last.elapsed() >= EVERY) {
            *last = Some(Instant::now());
            self.output.say(&format!(
                "  {}: {} of {}",
                self.name,
                human_bytes(done),
                human_bytes(total)
            ));
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl PullObserver for PullProgress {
    fn observe(&self, event: PullEvent) {
        let name = &self.name;
        match event {
            PullEvent::Replacing { reason } => {
                self.line(&format!("  {name}: the file here is replaced: {reason}"))
            }
            PullEvent::SourceStarted {
                source,
                bytes_done,
                bytes_total,
            } => {
                let from = if bytes_done == 0 {
                    String::new()
                } else {
                    format!(", from {} on", human_bytes(bytes_done))
                };
                self.line(&format!("  {name}: asking {source}{from}"));
                self.advanced(bytes_done, bytes_total);
            }
            PullEvent::Advanced {
                bytes_done,
                bytes_total,
            } => self.advanced(bytes_done, bytes_total),
            PullEvent::BrokeOff {
                source,
                reason,
                bytes_done,
            } => self.line(&format!(
                "  {name}: {source} broke off ({reason}); {} are kept, asking again",
                human_bytes(bytes_done)
            )),
            PullEvent::PassedOver { source, reason } => {
                self.line(&format!("  {name}: {source} is passed over: {reason}"))
            }
            PullEvent::Restarted { reason } => self.line(&format!("  {name}: starting over: {reason}")),
            PullEvent::Verified { .. } => {}
        }
    }
}

async fn bench(settings: &Settings, output: Output, name: Option<String>, json: bool) -> Result<(), Failure> {
    let name = name
        .or_else(|| settings.models.first().cloned())
        .ok_or_else(|| Failure::new(Exit::Usage, "no model is configured").with_help("name one"))?;
    let model = composition::model(settings, &name)?;
    output.say(&format!("measuring {name}; about a minute on two cores"));
    let spinner = output.shows_live_progress().then(ProgressBar::new_spinner);
    if let Some(spinner) = &spinner {
        spinner.enable_steady_tick(Duration::from_millis(120));
    }
    let interrupt = Interrupt::watch();
    let missing = |error: tenon_runtime::ModelError| Failure::new(Exit::Missing, error.to_string());
    let begun = Instant::now();
    // The first count loads the model.
    model.count_tokens(&["warm".to_owned()]).await.map_err(missing)?;
    let load_seconds = begun.elapsed().as_secs_f64();
    let run = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs());
    let plan = BenchmarkPlan {
        run,
        ..BenchmarkPlan::default()
    };
    let figures = tokio::select! {
        figures = measure(model.as_ref(), plan) => figures.map_err(missing)?,
        () = interrupt.token().cancelled() => return Err(Failure::new(Exit::Interrupted, "interrupted")),
    };
    if let Some(spinner) = spinner {
        spinner.finish_and_clear();
    }
    if json {
        output.json(&json!({
            "model": model.descriptor().reference, "load_seconds": load_seconds, "plan": plan, "figures": figures,
            "sharing_ratio": figures.sharing_ratio(), "reuse_ratio": figures.reuse_ratio(),
        }));
        return Ok(());
    }
    output.result(&format!(
        "load                    {load_seconds:.2} s\n\
         reading                 {:.0} tokens/s\n\
         writing                 {:.1} tokens/s\n\
         4 samples of 1 prompt   {:.2} s, {:.2} of the time of 4 requests\n\
         first token             {:.0} ms; {:.0} ms when the prompt's beginning is known ({:.2})\n",
        figures.prompt_tokens_per_second,
        figures.decode_tokens_per_second,
        figures.four_samples_seconds,
        figures.sharing_ratio(),
        figures.first_token_cold_seconds * 1000.0,
        figures.first_token_reused_seconds * 1000.0,
        figures.reuse_ratio(),
    ));
    Ok(())
}
