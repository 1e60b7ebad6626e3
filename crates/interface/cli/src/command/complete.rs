//! `tenon complete`: what comes next at a cursor, for scripts and for those who want to know why.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tenon_config::Overrides;
use tenon_context::Index;
use tenon_domain::RepoPath;
use tenon_engine::{AnsweredBy, Completer, Completion, CompletionRequest, Extent};
use tenon_runtime::CacheScope;

use crate::arguments::{CompleteArguments, ExtentArgument};
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output::Output;

/// A buffer larger than this is no source file.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// `tenon complete`.
pub async fn run(arguments: CompleteArguments) -> Result<Exit, Failure> {
    let (root, path) = place_of(&arguments)?;
    let overrides = Overrides {
        models: arguments.model.iter().cloned().collect(),
        ..Overrides::default()
    };
    let settings = composition::settings(Some(&root), &overrides)?;
    let output = Output::new(false, settings.no_color);
    let text = read(&arguments, &path.under(&root))?;
    let cursor = cursor(&text, arguments.line, arguments.column)?;
    let Some(name) = settings.models.first() else {
        return Err(Failure::new(Exit::Usage, "no model is configured").with_help("name one with --model"));
    };
    let model = composition::model(&settings, name)?;
    let completer = Arc::new(Completer::new(model, &root));
    if let Ok(index) = Index::open(&root, &settings.cache_folder) {
        completer.use_index(Arc::new(index));
    }
    let request = CompletionRequest {
        path,
        text,
        cursor,
        is_excerpt: false,
        extent: match arguments.extent {
            ExtentArgument::Natural => Extent::Natural,
            ExtentArgument::Line => Extent::Line,
            ExtentArgument::Block => Extent::Block,
        },
        alternatives: arguments.alternatives,
        deadline: Duration::from_millis(arguments.deadline),
        open_buffers: Vec::new(),
        recent_edits: Vec::new(),
        scope: CacheScope::local(),
    };
    let interrupt = Interrupt::watch();
    let answered = interrupt.token().run_until_cancelled(async {
        // The deadline is for the answer; loading the model is not part of it.
        let ready = completer.warm_up().await;
        ready.map_err(|error| Failure::new(Exit::Missing, error.to_string()))?;
        Ok::<Completion, Failure>(completer.complete(&request).await)
    });
    let interrupted = || Failure::new(Exit::Interrupted, "interrupted");
    let completion = answered.await.ok_or_else(interrupted)??;
    if arguments.json {
        output.json(&completion);
    } else {
        for suggestion in &completion.suggestions {
            output.result(suggestion);
        }
        if let Some(silence) = &completion.silence {
            output.say(&format!("nothing to suggest: {silence} ({})", silence.as_str()));
        }
    }
    if arguments.explain {
        explain(&completion, output);
    }
    Ok(match completion.suggestions.is_empty() {
        true => Exit::NotVerified,
        false => Exit::Success,
    })
}

fn explain(completion: &Completion, output: Output) {
    let trace = &completion.trace;
    for fragment in &trace.fragments {
        output.say(&format!(
            "  shown to the model: {} ({})",
            fragment.text, fragment.source
        ));
    }
    for dropped in &trace.dropped {
        output.say(&format!("  dropped {:?}: {}", dropped.text, dropped.reason));
    }
    if trace.answered_by == AnsweredBy::Model {
        let read = trace.prompt_tokens.map_or_else(String::new, |read| {
            format!(
                "{read} tokens read, {} of them known; ",
                trace.cached_tokens.unwrap_or(0)
            )
        });
        output.say(&format!(
            "  {read}prepared in {:.0} ms, written in {:.0} ms, checked in {:.0} ms",
            trace.preparing_ms, trace.model_ms, trace.checking_ms,
        ));
    }
    if let Some(mean) = trace.mean_logprob {
        output.say(&format!("  mean probability of a token: {:.2}", mean.exp()));
    }
}

/// The repository and the file in it. A buffer that was never saved has no file yet, but a folder.
fn place_of(arguments: &CompleteArguments) -> Result<(PathBuf, RepoPath), Failure> {
    let repository = composition::repository(&arguments.repo)?;
    let shown = arguments.file.display();
    let missing =
        |error: std::io::Error| Failure::new(Exit::Usage, format!("cannot find `{shown}`: {error}"));
    let root = repository.root.canonicalize().map_err(missing)?;
    let folder = match arguments.file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder = folder.canonicalize().map_err(missing)?;
    let file = folder.join(arguments.file.file_name().unwrap_or_default());
    let outside = || {
        Failure::new(
            Exit::Refused,
            format!("`{shown}` is not a file of `{}`", root.display()),
        )
    };
    let below = file.strip_prefix(&root).map_err(|_| outside())?;
    let path = RepoPath::parse(&below.to_string_lossy()).map_err(|_| outside())?;
    Ok((root, path))
}

fn read(arguments: &CompleteArguments, file: &Path) -> Result<String, Failure> {
    let unreadable = |reason: String| {
        Failure::new(Exit::Usage, format!("cannot read `{}`: {reason}", file.display()))
            .with_help("give a text file, or the buffer on standard input with --stdin")
    };
    let mut bytes = Vec::new();
    let read = if arguments.stdin {
        std::io::stdin()
            .lock()
            .take(MOST_BYTES + 1)
            .read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes))
    };
    let length = read.map_err(|error| unreadable(error.to_string()))?;
    if length as u64 > MOST_BYTES {
        return Err(unreadable(format!("it is larger than {} MiB", MOST_BYTES >> 20)));
    }
    String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8 text".to_owned()))
}

/// The byte of a 1-based line and column; columns count characters, and none means the end of the line.
fn cursor(text: &str, line: u32, column: Option<u32>) -> Result<usize, Failure> {
    let mut lines = text
        .split_inclusive('\n')
        .chain(text.ends_with('\n').then_some(""));
    let before: usize = lines.by_ref().take(line as usize - 1).map(str::len).sum();
    let content = match lines.next() {
        Some(content) => content.trim_end_matches(['\n', '\r']),
        // The first line of an empty buffer.
        None if text.is_empty() && line == 1 => "",
        None => {
            let lines = text.lines().count();
            return Err(Failure::new(
                Exit::Usage,
                format!("there is no line {line}: the file has {lines}"),
            ));
        }
    };
    let length = content.chars().count();
    let wanted = column.map_or(length, |column| column as usize - 1);
    if wanted > length {
        let message = format!(
            "there is no column {}: line {line} has {length} characters",
            wanted + 1
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    let within: usize = content.chars().take(wanted).map(char::len_utf8).sum();
    Ok(before + within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_are_counted_as_editors_do() {
        let text = "aé\r\nb\n";
        let at = |line, column| cursor(text, line, column).ok();
        assert_eq!(at(1, Some(1)), Some(0));
        assert_eq!(at(1, Some(3)), Some(3));
        assert_eq!(at(1, None), Some(3));
        assert_eq!(at(2, None), Some(6));
        assert_eq!(at(3, Some(1)), Some(7));
        assert_eq!(at(1, Some(4)), None);
        assert_eq!(at(4, None), None);
        assert_eq!(cursor("", 1, None).ok(), Some(0));
    }
}
