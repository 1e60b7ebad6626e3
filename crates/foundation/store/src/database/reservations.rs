//! Reservations that come while others are written are written together, each as if it were alone.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::ledger::reserve_each;
use super::{Charge, Database, DatabaseError, Durability, Exceeded, UsageRow};

/// What came of a reservation: the windows after it, or the one that has not enough left.
pub type Reserved = Result<Vec<UsageRow>, Exceeded>;

/// Reservations that wait until those before them are written.
#[derive(Default)]
pub(super) struct Reservations(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    reservations: Vec<Reservation>,
    /// Whether somebody writes, who looks again before going.
    are_written: bool,
}

struct Reservation {
    charges: Vec<Charge>,
    now_ms: i64,
    answer: oneshot::Sender<Result<Reserved, DatabaseError>>,
}

impl Reservations {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nobody writes them yet.
    fn add(&self, reservation: Reservation) -> bool {
        let mut waiting = self.waiting();
        waiting.reservations.push(reservation);
        !std::mem::replace(&mut waiting.are_written, true)
    }
}

/// So many reservations are one transaction at most.
const TOGETHER: usize = 256;

/// Somebody who writes reservations.
struct Writing<'waiting>(&'waiting Reservations);

impl Writing<'_> {
    fn next(&self) -> Option<Vec<Reservation>> {
        let mut waiting = self.0.waiting();
        let count = waiting.reservations.len().min(TOGETHER);
        waiting.are_written = count > 0;
        (count > 0).then(|| waiting.reservations.drain(..count).collect())
    }
}

impl Drop for Writing<'_> {
    /// Whoever waits for a writer that broke down hears of it.
    fn drop(&mut self) {
        if std::thread::panicking() {
            *self.0.waiting() = Waiting::default();
        }
    }
}

impl Database {
    /// Takes every charge of the list, or none. What is reserved dies with the power as what it was reserved for does; what
    /// comes while others are written is written together.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn reserve(&self, charges: &[Charge], now_ms: i64) -> Result<Reserved, DatabaseError> {
        let (answer, answered) = oneshot::channel();
        let is_first = self.reservations.add(Reservation {
            charges: charges.to_vec(),
            now_ms,
            answer,
        });
        if is_first {
            // Whoever asked may go away in the middle; the others have not.
            tokio::spawn(self.clone().write_reservations());
        }
        let ended = || DatabaseError::Unavailable {
            source: "the process is stopping".into(),
        };
        answered.await.unwrap_or_else(|_| Err(ended()))
    }

    async fn write_reservations(self) {
        let writing = Writing(&self.reservations);
        while let Some(together) = writing.next() {
            self.reserve_together(together).await;
        }
    }

    async fn reserve_together(&self, together: Vec<Reservation>) {
        let answers = match self.try_to_reserve(&together).await {
            Ok(answers) => answers,
            Err(error) if error.is_temporary() => together.iter().map(|_| Err(error.again())).collect(),
            // What the database refuses of one must not be refused to the others.
            Err(_) => {
                let mut answers = Vec::with_capacity(together.len());
                for reservation in &together {
                    match self.try_to_reserve(std::slice::from_ref(reservation)).await {
                        Ok(alone) => answers.extend(alone),
                        Err(error) => answers.push(Err(error)),
                    }
                }
                answers
            }
        };
        for (reservation, answer) in together.into_iter().zip(answers) {
            // Whoever went away meanwhile does not mind.
            let _ = reservation.answer.send(answer);
        }
    }

    async fn try_to_reserve(
        &self,
        together: &[Reservation],
    ) -> Result<Vec<Result<Reserved, DatabaseError>>, DatabaseError> {
        let requests: Vec<_> = together
            .iter()
            .map(|reservation| (&reservation.charges[..], reservation.now_ms))
            .collect();
        if let Some(answers) = self.reserve_at_once(&requests).await? {
            return Ok(answers.into_iter().map(Ok).collect());
        }
        let mut session = self.write_with(Durability::Deferred).await?;
        let reserved = reserve_each(&mut session, &requests).await?;
        session.commit().await?;
        let mut answers = Vec::with_capacity(reserved.len());
        for (reserved, (_, now_ms)) in reserved.into_iter().zip(requests) {
            answers.push(match reserved {
                Ok(rows) => Ok(Ok(rows)),
                Err(refused) => {
                    let told = self.tell_refused(&refused, now_ms).await;
                    told.map(|()| Err(refused.exceeded))
                }
            });
        }
        Ok(answers)
    }
}
