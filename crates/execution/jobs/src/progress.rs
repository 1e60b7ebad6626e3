use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// What a run tells about itself. Only the lines that the worker has time to write are kept: the last of each while.
#[derive(Debug, Default)]
pub struct Progress {
    lines: Mutex<Vec<String>>,
    told: Notify,
}

const MOST_LINES: usize = 32;
const LONGEST_LINE: usize = 300;

impl Progress {
    /// Tells one line. Never waits.
    pub fn tell(&self, line: &str) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == MOST_LINES {
            lines.remove(0);
        }
        lines.push(line.chars().take(LONGEST_LINE).collect());
        drop(lines);
        self.told.notify_one();
    }

    /// The lines that were not taken yet, once there are any.
    pub(crate) async fn next(&self) -> Vec<String> {
        loop {
            let lines = self.take();
            if !lines.is_empty() {
                return lines;
            }
            self.told.notified().await;
        }
    }

    /// The lines that were not taken yet.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
