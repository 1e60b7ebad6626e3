//! Kills servers, workers and the database at random, and starts again what ended.

use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};

use tenon_testkit::TemporaryPostgres;

use crate::dice::Dice;
use crate::running::Running;
use crate::site::Site;

/// Everything that can be killed.
pub struct Storm {
    site: Arc<Site>,
    postgres: TemporaryPostgres,
    processes: Vec<Kept>,
    dice: Dice,
    pub kills: Kills,
}

/// How often each was killed.
#[derive(Debug, Default)]
pub struct Kills {
    pub database: u32,
    pub processes: Vec<u32>,
}

/// A process that is started again when it ends, as a service manager does.
struct Kept {
    arguments: Vec<String>,
    log: String,
    running: Running,
}

/// Between two kills, in milliseconds.
const CALM: (u64, u64) = (200, 800);

impl Storm {
    pub fn new(site: Arc<Site>, postgres: TemporaryPostgres, seed: u64) -> Self {
        Self {
            site,
            postgres,
            processes: Vec::new(),
            dice: Dice::new(seed),
            kills: Kills::default(),
        }
    }

    /// Starts one more process.
    pub fn keep(&mut self, arguments: &[&str], log: &str) {
        self.processes.push(Kept {
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            log: log.to_owned(),
            running: Running::start(self.site.lasting(arguments, log)),
        });
        self.kills.processes.push(0);
    }

    /// Rages until it is told that it is over.
    pub fn rage(mut self, over: &Receiver<()>) -> Self {
        loop {
            let calm = self.dice.milliseconds(CALM.0, CALM.1);
            match over.recv_timeout(calm) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return self,
            }
            let victims = u64::try_from(self.processes.len()).unwrap() + 1;
            let victim = usize::try_from(self.dice.below(victims)).unwrap();
            match self.processes.get_mut(victim) {
                Some(kept) => {
                    kept.running.kill();
                    self.kills.processes[victim] += 1;
                }
                None => {
                    self.postgres.kill();
                    self.postgres.restart();
                    self.kills.database += 1;
                }
            }
            self.mend();
        }
    }

    /// Starts again whatever ended: by the storm, or since it began without a database.
    pub fn mend(&mut self) {
        for kept in &mut self.processes {
            if kept.running.has_ended() {
                let arguments: Vec<&str> = kept.arguments.iter().map(String::as_str).collect();
                let command: Command = self.site.lasting(&arguments, &kept.log);
                kept.running = Running::start(command);
            }
        }
    }

    /// Asks every process to stop, the last one first, and gives their exit codes.
    pub fn stop(mut self) -> Vec<Option<i32>> {
        let processes = std::mem::take(&mut self.processes);
        processes
            .into_iter()
            .rev()
            .map(|kept| kept.running.stop())
            .collect()
    }
}
