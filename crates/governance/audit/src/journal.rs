use std::time::Duration;

use tenon_store::{AuditHead, Database, DatabaseError, Durability, StoredCheckpoint};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::{AuditEvent, CheckpointKind, EventKind, Head, Record, SigningKey};

/// So many records are written in one transaction at most.
const TOGETHER: usize = 256;
/// So many may wait; whoever comes then waits to wait.
const WAITING: usize = 1024;
const CHECKPOINT_RECORDS: i64 = 1000;
/// What is recorded is signed after this time at the latest, whether more comes or not.
const CHECKPOINT_AGE: Duration = Duration::from_secs(600);

/// What nobody waits for is kept after this time, if nothing else is kept before.
const PATIENCE: Duration = Duration::from_millis(50);

/// Writes the log: whoever records an event waits until it is kept, and those who wait together are kept together.
#[derive(Clone)]
pub struct Journal {
    sender: mpsc::Sender<Entry>,
}

struct Entry {
    /// None: only a checkpoint is asked for.
    event: Option<AuditEvent>,
    /// None: nobody waits.
    kept: Option<oneshot::Sender<Result<(), JournalError>>>,
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

    /// Keeps an event soon, together with what somebody waits for. Gives it back when too much waits already, or when the
    /// service is stopping.
    ///
    /// # Errors
    /// The event.
    pub fn record_soon(&self, event: AuditEvent) -> Result<(), Box<AuditEvent>> {
        let entry = Entry {
            event: Some(event),
            kept: None,
        };
        self.sender.try_send(entry).or_else(|unsent| {
            let (TrySendError::Full(entry) | TrySendError::Closed(entry)) = unsent;
            entry.event.map_or(Ok(()), |event| Err(Box::new(event)))
        })
    }

    /// Signs the end of the log as it stands.
    ///
    /// # Errors
    /// When it could not be signed, or the service is stopping.
    pub async fn sign(&self) -> Result<(), JournalError> {
        self.send(None).await
    }

    async fn send(&self, event: Option<AuditEvent>) -> Result<(), JournalError> {
        let (kept, answer) = oneshot::channel();
        let ended = || JournalError {
            reason: "the service is stopping".to_owned(),
        };
        self.sender
            .send(Entry {
                event,
                kept: Some(kept),
            })
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

/// That something was read or a model asked is lost with the last second before a power cut; what was done or refused is
/// not.
fn may_wait(event: &AuditEvent) -> bool {
    matches!(event.kind, EventKind::RequestAnswered | EventKind::ModelCalled)
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
        let mut entries: Vec<Entry> = Vec::with_capacity(TOGETHER);
        let mut keep_at = None;
        loop {
            let room = TOGETHER.saturating_sub(entries.len());
            let until = keep_at.unwrap_or(self.next_at);
            let received = timeout_at(until, receiver.recv_many(&mut entries, room)).await;
            let is_waited_for = entries.len() >= TOGETHER || entries.iter().any(|entry| entry.kept.is_some());
            let is_late = keep_at.is_some_and(|at| at <= Instant::now());
            match received {
                Ok(1..) if !is_waited_for && !is_late => {
                    keep_at.get_or_insert_with(|| Instant::now() + PATIENCE);
                }
                Ok(_) | Err(_) => {
                    self.keep(&mut entries).await;
                    keep_at = None;
                }
            }
            if received == Ok(0) {
                break;
            }
            if self.unsigned >= CHECKPOINT_RECORDS || self.next_at <= Instant::now() {
                // What cannot be signed now is signed the next time.
                let _ = self.sign(Durability::Deferred).await;
            }
        }
        let _ = self.sign(Durability::Immediate).await;
    }

    async fn keep(&mut self, entries: &mut Vec<Entry>) {
        let is_asked = entries.iter().any(|entry| entry.event.is_none());
        let (events, waiting): (Vec<_>, Vec<_>) = entries
            .drain(..)
            .map(|Entry { event, kept }| {
                let is_kept = event.is_some();
                (event, (is_kept, kept))
            })
            .unzip();
        let kept = self.append(events.into_iter().flatten().collect()).await;
        let signed = match is_asked {
            true => kept.clone().and(self.sign(Durability::Immediate).await),
            false => kept.clone(),
        };
        for (is_kept, one) in waiting {
            let Some(one) = one else { continue };
            let answer = if is_kept { &kept } else { &signed };
            // Whoever went away meanwhile does not mind.
            let _ = one.send(answer.clone());
        }
    }

    async fn append(&mut self, events: Vec<AuditEvent>) -> Result<(), JournalError> {
        if events.is_empty() {
            return Ok(());
        }
        let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
        let durability = match events.iter().all(may_wait) {
            true => Durability::Deferred,
            false => Durability::Immediate,
        };
        let appended = self
            .database
            .append_audit(durability, |head| Ok(seal(head, events)))
            .await;
        appended.map_err(|error: DatabaseError| JournalError {
            reason: error.to_string(),
        })?;
        self.unsigned += count;
        Ok(())
    }

    /// Signs the end of the log, whoever wrote it: others who write have no key.
    async fn sign(&mut self, durability: Durability) -> Result<(), JournalError> {
        let failed = |error: &dyn std::fmt::Display| JournalError {
            reason: error.to_string(),
        };
        self.next_at = Instant::now() + self.age;
        let Some(key) = &self.key else { return Ok(()) };
        let head = self.database.audit_head().await.map_err(|error| failed(&error))?;
        let Some(head) = head.filter(|head| self.signed != Some(*head)) else {
            return Ok(());
        };
        let at_ms = now_ms();
        let signed = Head {
            sequence: head.sequence,
            digest: head.digest,
        };
        let checkpoint = key.checkpoint(signed, at_ms, CheckpointKind::Periodic);
        let checkpoint = checkpoint.map_err(|error| failed(&error))?;
        let body = serde_json::to_string(&checkpoint).map_err(|error| failed(&error))?;
        let stored = StoredCheckpoint {
            sequence: head.sequence,
            at_ms,
            body,
        };
        let added = self.database.add_checkpoint(durability, &stored).await;
        added.map_err(|error| failed(&error))?;
        self.unsigned = 0;
        self.signed = Some(head);
        Ok(())
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
