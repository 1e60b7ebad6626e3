//! Shows what a run does: a moving line on a terminal, plain lines elsewhere.

use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tenon_domain::Outcome;
use tenon_engine::{Event, Observer};

use crate::output::Output;

/// Turns events into progress on standard error.
pub struct Progress {
    output: Output,
    bar: Option<ProgressBar>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    characters: usize,
    tail: String,
    label: String,
}

impl Progress {
    /// Progress as the output wants it.
    pub fn new(output: Output) -> Self {
        let bar = output.shows_live_progress().then(|| {
            let bar = ProgressBar::new_spinner();
            let style = ProgressStyle::with_template("{spinner} {elapsed:>3} {wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self {
            output,
            bar,
            state: Mutex::new(State::default()),
        }
    }

    /// Ends the moving line.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// A line that stays.
    pub fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => self.output.say(text),
        }
    }

    /// What is going on right now; only shown where it can move.
    pub fn now(&self, text: String) {
        if let Some(bar) = &self.bar {
            bar.set_message(text);
        }
    }
}

/// Shows how much of something is done: a bar on a terminal, a line for each change elsewhere.
pub struct Bar {
    output: Output,
    bar: Option<ProgressBar>,
    said: String,
}

impl Bar {
    /// A bar of so many steps.
    pub fn new(output: Output, steps: u64) -> Self {
        let bar = output.shows_live_progress().then(|| {
            let bar = ProgressBar::new(steps);
            let style = ProgressStyle::with_template("{elapsed:>3} [{bar:30}] {pos}/{len} {wide_msg}");
            bar.set_style(
                style
                    .unwrap_or_else(|_| ProgressStyle::default_bar())
                    .progress_chars("=> "),
            );
            bar.enable_steady_tick(Duration::from_secs(1));
            bar
        });
        Self {
            output,
            bar,
            said: String::new(),
        }
    }

    /// So many steps are done, and this is to be said about it.
    pub fn show(&mut self, done: u64, message: String) {
        match &self.bar {
            Some(bar) => {
                bar.set_position(done);
                bar.set_message(message);
            }
            None if self.said != message => {
                self.output.say(&format!("  {message}"));
                self.said = message;
            }
            None => {}
        }
    }

    /// Ends the bar.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Progress {
    fn observe(&self, event: Event) {
        if self.output.is_quiet() {
            return;
        }
        match event {
            Event::RepositoryRead { files, symbols } => {
                self.line(&format!("  read {files} files, {symbols} symbols"))
            }
            Event::Located { plan, examples } => {
                let examples = match examples {
                    0 => String::new(),
                    1 => "; 1 example to satisfy".to_owned(),
                    count => format!("; {count} examples to satisfy"),
                };
                self.line(&format!("  plan: {plan}{examples}"));
            }
            Event::Working { what } => self.now(what),
            Event::Sampling {
                model,
                samples,
                attempt,
                ..
            } => {
                let label = match samples {
                    1 => format!("attempt {attempt} · {model}"),
                    _ => format!("attempts {attempt}–{} · {model}", attempt + samples as usize - 1),
                };
                if let Ok(mut state) = self.state.lock() {
                    *state = State {
                        label: label.clone(),
                        ..State::default()
                    };
                }
                self.now(format!("{label} · reading the prompt"));
            }
            Event::Text { text, .. } => self.show_text(&text),
            Event::LeftOut { what } => self.line(&format!("  left out of the prompt: {what}")),
            Event::Checked { attempt, report } => {
                if report.outcome != Outcome::Skipped {
                    self.now(format!("attempt {attempt} · checked {}", report.check));
                }
            }
            Event::Rejected { attempt, reason } => {
                let line: String = reason
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .chars()
                    .take(140)
                    .collect();
                self.line(&format!("  attempt {attempt} ✘ {line}"));
            }
            Event::Passed { attempt, level } => self.line(&format!("  attempt {attempt} ✔ {level}")),
        }
    }
}

impl Progress {
    fn show_text(&self, text: &str) {
        let Ok(mut state) = self.state.lock() else { return };
        state.characters += text.chars().count();
        state.tail.push_str(text);
        let last = state
            .tail
            .lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default()
            .trim()
            .to_owned();
        state.tail = state.tail.lines().last().unwrap_or_default().to_owned();
        let message = format!("{} · {} characters · {last}", state.label, state.characters);
        drop(state);
        self.now(message);
    }
}
