//! Ctrl-C and SIGTERM: ask a run to stop instead of ending the process in the middle of it.

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Cancels its token at the first signal; a second one ends the process as usual.
pub struct Interrupt {
    token: CancellationToken,
    watcher: JoinHandle<()>,
}

impl Interrupt {
    /// Begins to listen.
    pub fn watch() -> Self {
        let token = CancellationToken::new();
        let watcher = tokio::spawn({
            let token = token.clone();
            async move {
                let Ok(mut terminate) = signal(SignalKind::terminate()) else {
                    return;
                };
                tokio::select! {
                    _ = tokio::signal::ctrl_c() => {}
                    _ = terminate.recv() => {}
                }
                token.cancel();
            }
        });
        Self { token, watcher }
    }

    /// What a signal cancels.
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}
