//! `tenon eval run`.

use indicatif::{ProgressBar, ProgressStyle};
use tenon_config::Overrides;
use tenon_domain::Budget;
use tenon_eval::{
    EvalError, EvalObserver, EvalOptions, EvalTask, Format, Mode, Report, TaskResult, choose, read_suite,
    run_suite,
};

use super::work::quality;
use crate::arguments::{EvalArguments, EvalModeArgument};
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output::Output;

/// `tenon eval run`.
pub async fn run(arguments: EvalArguments) -> Result<Exit, Failure> {
    let overrides = Overrides {
        models: arguments.model.clone(),
        ..Overrides::default()
    };
    let settings = composition::settings(None, &overrides)?;
    let output = Output::new(false, settings.no_color);
    let usage = |error: &dyn std::fmt::Display| Failure::new(Exit::Usage, error.to_string());
    let format = Format::ALL
        .iter()
        .find(|(name, _)| *name == arguments.format)
        .map(|(_, format)| *format)
        .ok_or_else(|| usage(&"unknown format"))?;
    let tasks = read_suite(&arguments.suite, format).map_err(|error| usage(&error))?;
    let tasks = choose(tasks, &arguments.ids, arguments.limit).map_err(|error| usage(&error))?;
    let engine = composition::engine(&settings).await?;
    let mut budget = Budget::default();
    if let Some(max_time) = arguments.max_time {
        budget.max_time = max_time;
    }
    let options = EvalOptions {
        mode: match arguments.mode {
            EvalModeArgument::Raw => Mode::Raw,
            EvalModeArgument::Verified => Mode::Verified,
        },
        quality: quality(arguments.quality),
        seed: arguments.seed,
        budget,
        jobs: usize::from(arguments.jobs),
        out: arguments.out.clone(),
    };
    let interrupt = Interrupt::watch();
    let bar = Bar::new(tasks.len(), output);
    let results = run_suite(&engine, &tasks, &options, &bar, interrupt.token()).await;
    drop(interrupt);
    bar.finish();
    let results = results.map_err(|error| {
        let exit = match &error {
            EvalError::Interrupted => Exit::Interrupted,
            EvalError::Results { .. } => Exit::Usage,
            EvalError::Judge { .. } | EvalError::NoSandbox { .. } => Exit::Missing,
        };
        Failure::new(exit, error.to_string())
    })?;
    let report = Report::of(&results);
    if arguments.json {
        output.json(&report);
    } else {
        output.result(&report.table());
    }
    Ok(Exit::Success)
}

struct Bar {
    bar: Option<ProgressBar>,
    passed: std::sync::atomic::AtomicUsize,
}

impl Bar {
    fn new(tasks: usize, output: Output) -> Self {
        let bar = output.shows_live_progress().then(|| {
            let bar = ProgressBar::new(tasks as u64);
            let style = ProgressStyle::with_template("{elapsed:>4} [{bar:30}] {pos}/{len} {wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Self {
            bar,
            passed: std::sync::atomic::AtomicUsize::new(0),
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl EvalObserver for Bar {
    fn begins(&self, task: &EvalTask) {
        if let Some(bar) = &self.bar {
            let passed = self.passed.load(std::sync::atomic::Ordering::Relaxed);
            bar.set_message(format!("{passed} passed · {}", task.id));
        }
    }

    fn ended(&self, result: &TaskResult) {
        if result.passed {
            self.passed.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }
}
