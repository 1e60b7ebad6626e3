//! The worker process as its supervisor holds it.

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf, pipe};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::configuration::{WorkerConfiguration, WorkerLog};
use crate::wire::{Order, Reply, append_frame, checked_length};

/// A running worker. Dropping it kills the process and waits for its end.
#[derive(Debug)]
pub(super) struct WorkerChild {
    process: Child,
    orders: OwnedWriteHalf,
    replies: mpsc::Receiver<Reply>,
    reader: JoinHandle<()>,
    last_words: Option<JoinHandle<String>>,
}

/// Replies read ahead of the supervisor.
const REPLIES_AHEAD: usize = 256;

/// How long a thread of the worker's OpenMP team waits busily for the others, in rounds of about 50 ns.
///
/// The default, some 300,000, burns whole time slices that the thread it waits for would need when anything else
/// runs on the machine: half the speed, and far worse with small models. On an idle machine this costs a few per cent at most.
const SPINS: (&str, &str) = ("GOMP_SPINCOUNT", "2000");

/// Bytes kept of what a worker says before it dies.
const LAST_WORDS: usize = 2048;

impl WorkerChild {
    /// Starts the process. Its standard input is our socket.
    pub(super) fn spawn(configuration: &WorkerConfiguration) -> io::Result<Self> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        let mut process = Command::new(&configuration.program)
            .args(&configuration.arguments)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(log(&configuration.log)?)
            // Ctrl-C in a terminal goes to the whole group; the worker's end is the client's to decide.
            .process_group(0)
            .env(SPINS.0, SPINS.1)
            .spawn()?;
        match Self::connect(ours, &mut process) {
            Ok((orders, replies, reader, last_words)) => Ok(Self {
                process,
                orders,
                replies,
                reader,
                last_words,
            }),
            Err(error) => {
                let _ = process.kill();
                let _ = process.wait();
                Err(error)
            }
        }
    }

    #[expect(
        clippy::type_complexity,
        reason = "the parts of the value that `spawn` builds"
    )]
    fn connect(
        ours: std::os::unix::net::UnixStream,
        process: &mut Child,
    ) -> io::Result<(
        OwnedWriteHalf,
        mpsc::Receiver<Reply>,
        JoinHandle<()>,
        Option<JoinHandle<String>>,
    )> {
        ours.set_nonblocking(true)?;
        let (source, orders) = UnixStream::from_std(ours)?.into_split();
        let (sender, replies) = mpsc::channel(REPLIES_AHEAD);
        let last_words = match process.stderr.take() {
            Some(pipe) => {
                let pipe = pipe::Receiver::from_owned_fd(OwnedFd::from(pipe))?;
                Some(tokio::spawn(read_last_words(pipe)))
            }
            None => None,
        };
        let reader = tokio::spawn(read_replies(source, sender));
        Ok((orders, replies, reader, last_words))
    }

    /// Writes one order; an error means that the worker is lost.
    pub(super) async fn send(&mut self, order: &Order, patience: Duration) -> io::Result<()> {
        let mut frame = Vec::new();
        append_frame(&mut frame, order)?;
        timeout(patience, self.orders.write_all(&frame)).await?
    }

    /// The next reply; `None` when the worker is gone. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Reply> {
        self.replies.recv().await
    }

    /// Ends the process and says how it ended.
    pub(super) async fn bury(mut self) -> String {
        // Gone already when it closed the socket; killed here when it hangs.
        let killed = !matches!(self.process.try_wait(), Ok(Some(_))) && {
            // A process whose socket has just closed may need a moment to become a corpse with its own signal.
            tokio::time::sleep(Duration::from_millis(20)).await;
            !matches!(self.process.try_wait(), Ok(Some(_)))
        };
        let _ = self.process.kill();
        let status = self.process.wait();
        let words = match self.last_words.take() {
            Some(words) => timeout(Duration::from_secs(1), words)
                .await
                .ok()
                .and_then(Result::ok),
            None => None,
        };
        let ending = match status {
            _ if killed => "it was killed because it no longer answered".to_owned(),
            Ok(status) => match (status.signal(), status.code()) {
                (Some(signal), _) => format!("it was ended by signal {signal}"),
                (None, Some(code)) => format!("it ended with exit code {code}"),
                (None, None) => "it ended".to_owned(),
            },
            Err(error) => format!("how it ended is not known: {error}"),
        };
        match words.as_deref().map(str::trim) {
            Some(words) if !words.is_empty() => format!("{ending}; its last words: {words}"),
            _ => ending,
        }
    }
}

impl Drop for WorkerChild {
    fn drop(&mut self) {
        self.reader.abort();
        if let Some(words) = &self.last_words {
            words.abort();
        }
        // Both fail only when it has been waited for.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn log(log: &WorkerLog) -> io::Result<Stdio> {
    match log {
        WorkerLog::LastWords => Ok(Stdio::piped()),
        WorkerLog::File(path) => OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map(Stdio::from),
    }
}

async fn read_replies(mut source: OwnedReadHalf, replies: mpsc::Sender<Reply>) {
    while let Ok(reply) = read_reply(&mut source).await {
        if replies.send(reply).await.is_err() {
            return;
        }
    }
}

async fn read_reply(source: &mut OwnedReadHalf) -> io::Result<Reply> {
    let mut prefix = [0; 4];
    source.read_exact(&mut prefix).await?;
    let mut body = vec![0; checked_length(prefix)?];
    source.read_exact(&mut body).await?;
    Ok(serde_json::from_slice(&body)?)
}

async fn read_last_words(mut pipe: pipe::Receiver) -> String {
    let mut words = VecDeque::with_capacity(LAST_WORDS);
    let mut buffer = [0; 512];
    while let Ok(length @ 1..) = pipe.read(&mut buffer).await {
        words.extend(buffer.iter().take(length));
        words.drain(..words.len().saturating_sub(LAST_WORDS));
    }
    String::from_utf8_lossy(words.make_contiguous()).into_owned()
}
