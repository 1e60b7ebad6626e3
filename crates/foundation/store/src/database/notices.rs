use std::fmt;
use std::str::FromStr;

use sqlx::postgres::PgListener;
use sqlx::{Acquire as _, PgPool};
use tenon_domain::JobId;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

/// Something that changed in the database, for those who wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// There is a job to take.
    JobQueued,
    /// Something happened to a job.
    JobChanged(JobId),
}

const CHANNEL: &str = "tenon";
const QUEUED: &str = "queued";

impl Notice {
    pub(super) const STATEMENT: &'static str = "SELECT pg_notify('tenon', $1)";
}

impl fmt::Display for Notice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JobQueued => formatter.write_str(QUEUED),
            Self::JobChanged(job) => write!(formatter, "{job}"),
        }
    }
}

impl FromStr for Notice {
    type Err = <JobId as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            QUEUED => Ok(Self::JobQueued),
            job => job.parse().map(Self::JobChanged),
        }
    }
}

/// Passes on what other processes tell through PostgreSQL.
pub(super) struct Listener(JoinHandle<()>);

impl Listener {
    pub async fn start(pool: &PgPool, notices: broadcast::Sender<Notice>) -> Result<Self, sqlx::Error> {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(Self(tokio::spawn(async move {
            // A connection that was lost is made again by the listener; only a closed pool ends it.
            loop {
                match listener.try_recv().await {
                    Ok(Some(notification)) => {
                        if let Ok(notice) = notification.payload().parse() {
                            let _ = notices.send(notice);
                        }
                    }
                    // What was told meanwhile is lost: have everybody look.
                    Ok(None) => drop(notices.send(Notice::JobQueued)),
                    Err(sqlx::Error::PoolClosed) => return,
                    Err(_) => match reconnect(&mut listener).await {
                        true => drop(notices.send(Notice::JobQueued)),
                        false => return,
                    },
                }
            }
        })))
    }
}

const RECONNECT: std::time::Duration = std::time::Duration::from_millis(500);

/// Tries until there is a connection; whether there will ever be one.
async fn reconnect(listener: &mut PgListener) -> bool {
    loop {
        tokio::time::sleep(RECONNECT).await;
        match listener.acquire().await {
            Ok(_) => return true,
            Err(sqlx::Error::PoolClosed) => return false,
            Err(_) => {}
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}
