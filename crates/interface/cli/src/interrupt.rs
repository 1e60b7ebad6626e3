//! Ctrl-C and SIGTERM: ask a run to stop instead of ending the process in the middle of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::failure::Exit;

/// Cancels its token at the first signal; a second one ends the process, and so does the first after the run is over.
///
/// Whoever listens once takes a signal's usual effect away for as long as the process lives: nobody gives it back.
pub struct Interrupt {
    token: CancellationToken,
    is_over: Arc<AtomicBool>,
}

impl Interrupt {
    /// Begins to listen.
    pub fn watch() -> Self {
        let token = CancellationToken::new();
        let is_over = Arc::new(AtomicBool::new(false));
        if let (Ok(interrupt), Ok(terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        {
            // Ends with the process: there is no moment from which on signals do not matter.
            tokio::spawn(listen(interrupt, terminate, token.clone(), Arc::clone(&is_over)));
        }
        Self { token, is_over }
    }

    /// What a signal cancels.
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

async fn listen(
    mut interrupt: Signal,
    mut terminate: Signal,
    token: CancellationToken,
    is_over: Arc<AtomicBool>,
) {
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if token.is_cancelled() || is_over.load(Ordering::Relaxed) {
            end();
        }
        token.cancel();
    }
}

#[expect(
    clippy::exit,
    reason = "whoever asks twice does not want to wait for what is left to do"
)]
fn end() -> ! {
    std::process::exit(Exit::Interrupted as i32)
}
