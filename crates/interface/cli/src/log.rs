//! What fails in a service, on standard error: a line for each, with the time, and without secrets and personal data.

use std::io::{self, Write};

use tenon_engine::Redactor;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;

/// Writes errors of ours through `redactor`.
pub fn layer<S: Subscriber + for<'span> LookupSpan<'span>>(redactor: Redactor) -> impl Layer<S> {
    let errors = filter_fn(|metadata| metadata.is_event() && is_ours(metadata));
    tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_target(false)
        .with_writer(Log(redactor))
        .with_filter(errors.with_max_level_hint(LevelFilter::ERROR))
}

/// What other crates say of themselves may quote what they carry.
pub fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("tenon")
}

struct Log(Redactor);

impl<'log> MakeWriter<'log> for Log {
    type Writer = LogLine<'log>;

    fn make_writer(&'log self) -> LogLine<'log> {
        LogLine(&self.0)
    }
}

struct LogLine<'log>(&'log Redactor);

impl Write for LogLine<'_> {
    /// A line comes whole.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        io::stderr()
            .lock()
            .write_all(self.0.session().redact(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
