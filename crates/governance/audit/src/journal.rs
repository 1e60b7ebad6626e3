use std::time::Duration;

use tenon_store::{AuditHead, Database, DatabaseError, StoredCheckpoint};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::{AuditEvent, CheckpointKind, Head, Record, SigningKey};

/// So many records are written in one transaction at most.
const TOGETHER: usize = 256;
/// So many may wait; whoever comes then waits to wait.
const WAITING: usize = 1024;
const CHECKPOINT_RECORDS: i64 = 1000;
/// What is recorded is signed after this time at the latest, whether more comes or not.
const CHECKPOINT_AGE: Duration = Duration::from_secs(600);

/// Writes the log: whoever records an event waits until it is kept, and those who wait together are kept together.
#[derive(Clone)]
pub struct Journal {
    sender: mpsc::Sender<Entry>,
}

struct Entry {
    /// None: only a checkpoint is asked for.
    event: Option<AuditEvent>,
    kept: oneshot::Sender<Result<(), JournalError>>,
}

/// Why an event is not in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the audit log cannot be written: {reason}")]
pub struct JournalError {
    /// Why.
    pub reason: String,
}

/// The task behind a journal. It ends after the last clone of the journal.
pub struct JournalWriter(JoinHandle<()>);

impl Journal {
    /// Begins to write into `database`; checkpoints are signed with `key`, by the one process that has it.
    pub fn start(database: Database, key: Option<SigningKey>) -> (Self, JournalWriter) {
        Self::signing_every(CHECKPOINT_AGE, database, key)
    }

    /// The same with another time after which the end of the log is signed.
    pub fn signing_every(
        age: Duration,
        database: Database,
        key: Option<SigningKey>,
    ) -> (Self, JournalWriter) {
        let (sender, receiver) = mpsc::channel(WAITING);
        let writer = Writer {
            database,
            key,
            age,
            unsigned: 0,
            signed: None,
            next_at: Instant::now() + age,
        };
        (Self { sender }, JournalWriter(tokio::spawn(writer.run(receiver))))
    }

    /// Keeps an event.
    ///
    /// # Errors
    /// When it could not be kept: then what it speaks of must not happen.
    pub async fn record(&self, event: AuditEvent) -> Result<(), JournalError> {
        self.send(Some(event)).await
    }

    /// Signs the end of the log as it stands.
    ///
    /// # Errors
    /// When the service is stopping.
    pub async fn sign(&self) -> Result<(), JournalError> {
        self.send(None).await
    }

    async fn send(&self, event: Option<AuditEvent>) -> Result<(), JournalError> {
        let (kept, answer) = oneshot::channel();
        let ended = || JournalError {
            reason: "the service is stopping".to_owned(),
        };
        self.sender
            .send(Entry { event, kept })
            .await
            .map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

impl JournalWriter {
    /// Waits until everything is kept. Every clone of the journal has to be gone.
    pub async fn finish(self) {
        // A writer that panicked has told those who waited.
        let _ = self.0.await;
    }
}

struct Writer {
    database: Database,
    key: Option<SigningKey>,
    age: Duration,
    /// How many records were written here after the last checkpoint.
    unsigned: i64,
    /// The end of the log that was signed last.
    signed: Option<AuditHead>,
    /// When the end is signed at the latest.
    next_at: Instant,
}

impl Writer {
    async fn run(mut self, mut receiver: mpsc::Receiver<Entry>) {
        let mut entries = Vec::with_capacity(TOGETHER);
        loop {
            match timeout_at(self.next_at, receiver.recv_many(&mut entries, TOGETHER)).await {
                Ok(0) => break,
                Ok(_) => self.keep(&mut entries).await,
                Err(_) => {}
            }
            if self.unsigned >= CHECKPOINT_RECORDS || self.next_at <= Instant::now() {
                self.sign().await;
            }
        }
        self.sign().await;
    }

    async fn keep(&mut self, entries: &mut Vec<Entry>) {
        let is_asked = entries.iter().any(|entry| entry.event.is_none());
        let (events, waiting): (Vec<_>, Vec<_>) =
            entries.drain(..).map(|entry| (entry.event, entry.kept)).unzip();
        let kept = self.append(events.into_iter().flatten().collect()).await;
        if is_asked {
            self.sign().await;
        }
        for one in waiting {
            // Whoever went away meanwhile does not mind.
            let _ = one.send(kept.clone());
        }
    }

    async fn append(&mut self, events: Vec<AuditEvent>) -> Result<(), JournalError> {
        if events.is_empty() {
            return Ok(());
        }
        let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
        let appended = self.database.append_audit(|head| Ok(seal(head, events))).await;
        appended.map_err(|error: DatabaseError| JournalError {
            reason: error.to_string(),
        })?;
        self.unsigned += count;
        Ok(())
    }

    /// Signs the end of the log, whoever wrote it: others who write have no key. What cannot be signed now is signed the
    /// next time.
    async fn sign(&mut self) {
        self.next_at = Instant::now() + self.age;
        let Some(key) = &self.key else { return };
        let Ok(Some(head)) = self.database.audit_head().await else {
            return;
        };
        if self.signed == Some(head) {
            return;
        }
        let at_ms = now_ms();
        let signed = Head {
            sequence: head.sequence,
            digest: head.digest,
        };
        let Ok(checkpoint) = key.checkpoint(signed, at_ms, CheckpointKind::Periodic) else {
            return;
        };
        let Ok(body) = serde_json::to_string(&checkpoint) else {
            return;
        };
        let stored = StoredCheckpoint {
            sequence: head.sequence,
            at_ms,
            body,
        };
        if self.database.add_checkpoint(&stored).await.is_ok() {
            self.unsigned = 0;
            self.signed = Some(head);
        }
    }
}

fn seal(head: Option<AuditHead>, events: Vec<AuditEvent>) -> (Vec<(i64, String)>, AuditHead) {
    let mut head = head.map_or_else(Head::start, |head| Head {
        sequence: head.sequence,
        digest: head.digest,
    });
    let mut rows = Vec::with_capacity(events.len());
    for event in events {
        let record = Record::seal(&head, event);
        rows.push((record.sequence, record.to_json()));
        head = record.head();
    }
    let end = AuditHead {
        sequence: head.sequence,
        digest: head.digest,
    };
    (rows, end)
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
