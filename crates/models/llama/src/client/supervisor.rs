//! One thread owns the worker and every request to it: no locks, and no request that nobody remembers.
//!
//! ```text
//!            ┌──────── worker lost: each request is repeated once if none of its text was delivered
//!            ▼                                                            │
//!   no worker ──next request──▶ loading ──loaded──▶ serving ──EOF, silence┘
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use tenon_runtime::{GenerateRequest, ModelError, SampleEvent};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use super::child::WorkerChild;
use crate::configuration::WorkerConfiguration;
use crate::wire::{ModelFacts, Order, Reply};

/// What [`LlamaModel`](crate::LlamaModel) asks for.
#[derive(Debug)]
pub(super) enum Command {
    Generate(Box<Generation>),
    Count {
        texts: Vec<String>,
        reply: oneshot::Sender<Result<Vec<u32>, ModelError>>,
        permit: OwnedSemaphorePermit,
    },
}

/// A request to sample, with everything that must be told about it.
#[derive(Debug)]
pub(super) struct Generation {
    request: GenerateRequest,
    events: mpsc::Sender<Result<SampleEvent, ModelError>>,
    /// Told once: accepted or refused.
    started: Option<oneshot::Sender<Result<(), ModelError>>>,
    prompt_reported: bool,
    text_delivered: bool,
    /// Notices that the stream was dropped.
    watch: Option<AbortHandle>,
    _permit: OwnedSemaphorePermit,
}

impl Generation {
    pub(super) fn new(
        request: GenerateRequest,
        events: mpsc::Sender<Result<SampleEvent, ModelError>>,
        started: oneshot::Sender<Result<(), ModelError>>,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            request,
            events,
            started: Some(started),
            prompt_reported: false,
            text_delivered: false,
            watch: None,
            _permit: permit,
        }
    }

    fn accept(&mut self) {
        if let Some(started) = self.started.take() {
            // Nobody listens when the caller gave up; the watch cancels then.
            let _ = started.send(Ok(()));
        }
    }

    fn deliver(&mut self, event: SampleEvent) {
        match event {
            // A repeated request reads its prompt again; the stream says so once.
            SampleEvent::PromptRead { .. } if self.prompt_reported => return,
            SampleEvent::PromptRead { .. } => self.prompt_reported = true,
            SampleEvent::Text { .. } | SampleEvent::Finished { .. } => self.text_delivered = true,
        }
        let _ = self.events.try_send(Ok(event));
    }

    fn fail(mut self, error: ModelError) {
        match self.started.take() {
            Some(started) => drop(started.send(Err(error))),
            None => drop(self.events.try_send(Err(error))),
        }
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        // The watch holds a sender: the stream would not end while it lives.
        if let Some(watch) = &self.watch {
            watch.abort();
        }
    }
}

#[derive(Debug)]
enum Pending {
    Generation(Box<Generation>),
    Count {
        texts: Vec<String>,
        reply: oneshot::Sender<Result<Vec<u32>, ModelError>>,
        _permit: OwnedSemaphorePermit,
    },
}

#[derive(Debug)]
struct Tracked {
    pending: Pending,
    /// Whether a worker was lost under it before.
    repeated: bool,
}

impl Tracked {
    fn may_repeat(&self) -> bool {
        !self.repeated
            && match &self.pending {
                Pending::Generation(generation) => {
                    !generation.text_delivered && !generation.events.is_closed()
                }
                Pending::Count { .. } => true,
            }
    }

    fn order(&self, id: u64) -> Order {
        match &self.pending {
            Pending::Generation(generation) => Order::Generate {
                id,
                request: generation.request.clone(),
            },
            Pending::Count { texts, .. } => Order::Count {
                id,
                texts: texts.clone(),
            },
        }
    }

    fn fail(self, error: ModelError) {
        match self.pending {
            Pending::Generation(generation) => generation.fail(error),
            Pending::Count { reply, .. } => drop(reply.send(Err(error))),
        }
    }
}

/// The owner of the worker.
#[derive(Debug)]
pub(super) struct Supervisor {
    configuration: WorkerConfiguration,
    commands: mpsc::Receiver<Command>,
    worker: Option<WorkerChild>,
    requests: BTreeMap<u64, Tracked>,
    next_id: u64,
    /// Streams whose reader may go away; yields the request's id when it did.
    watches: JoinSet<u64>,
    /// The last sign of life, or the beginning of the present work.
    heard: Instant,
}

enum Happening {
    Command(Option<Command>),
    Reply(Option<Reply>),
    Dropped(u64),
    Silence,
    Nothing,
}

impl Supervisor {
    pub(super) fn new(configuration: WorkerConfiguration, commands: mpsc::Receiver<Command>) -> Self {
        Self {
            configuration,
            commands,
            worker: None,
            requests: BTreeMap::new(),
            next_id: 0,
            watches: JoinSet::new(),
            heard: Instant::now(),
        }
    }

    /// Runs on its own thread until `stopped`, or until the client is gone.
    pub(super) fn run_until(
        mut self,
        stopped: oneshot::Receiver<()>,
        loaded: oneshot::Sender<Result<ModelFacts, ModelError>>,
    ) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                let _ = loaded.send(Err(
                    self.unavailable(format!("its runtime cannot be started: {error}"))
                ));
                return;
            }
        };
        runtime.block_on(async {
            tokio::select! {
                _ = stopped => {}
                () = self.supervise(loaded) => {}
            }
            // Inside the runtime, where the worker's tasks live.
            drop(self);
        });
    }

    async fn supervise(&mut self, loaded: oneshot::Sender<Result<ModelFacts, ModelError>>) {
        let outcome = self.load().await;
        let failed = outcome.is_err();
        if loaded.send(outcome).is_err() || failed {
            return;
        }
        loop {
            match self.happening().await {
                Happening::Command(None) => return,
                Happening::Command(Some(command)) => self.take(command).await,
                Happening::Reply(Some(reply)) => self.hear(reply),
                Happening::Reply(None) => self.replace_worker("the model worker ended").await,
                Happening::Silence => self.replace_worker("the model worker hung").await,
                Happening::Dropped(id) => self.cancel(id).await,
                Happening::Nothing => {}
            }
        }
    }

    async fn happening(&mut self) -> Happening {
        let busy = !self.requests.is_empty();
        let patience_ends = self.heard + self.configuration.silence_timeout;
        let reply = async {
            match &mut self.worker {
                Some(worker) => worker.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            reply = reply => Happening::Reply(reply),
            command = self.commands.recv() => Happening::Command(command),
            Some(ended) = self.watches.join_next(), if !self.watches.is_empty() => {
                ended.map_or(Happening::Nothing, Happening::Dropped)
            }
            () = sleep_until(patience_ends), if busy => Happening::Silence,
        }
    }

    /// Starts a worker and loads the model into it.
    async fn load(&mut self) -> Result<ModelFacts, ModelError> {
        let program = self.configuration.program.display().to_string();
        let mut worker = WorkerChild::spawn(&self.configuration).map_err(|error| {
            self.unavailable(format!("the worker `{program}` cannot be started: {error}"))
        })?;
        let patience = self.configuration.load_timeout;
        let order = Order::Load(self.configuration.load_order());
        let reply = match worker.send(&order, patience).await {
            Ok(()) => timeout(patience, worker.next()).await,
            Err(_) => Ok(None),
        };
        match reply {
            Ok(Some(Reply::Loaded(facts))) => {
                self.worker = Some(worker);
                self.heard = Instant::now();
                Ok(facts)
            }
            Ok(Some(Reply::LoadFailed { reason })) => {
                let path = self.configuration.model_path.display();
                Err(self.unavailable(format!(
                    "`{path}` cannot be loaded: {reason}; pull it again with `tenon model pull`"
                )))
            }
            Ok(_) => {
                let ending = worker.bury().await;
                Err(self.unavailable(format!("the worker ended while loading it: {ending}")))
            }
            Err(_) => Err(self.unavailable(format!(
                "it was not loaded within {} s; free memory, or move the file to a faster disk",
                patience.as_secs()
            ))),
        }
    }

    async fn take(&mut self, command: Command) {
        self.next_id += 1;
        let id = self.next_id;
        let pending = match command {
            Command::Generate(mut generation) => {
                let events = generation.events.clone();
                generation.watch = Some(self.watches.spawn(async move {
                    events.closed().await;
                    id
                }));
                Pending::Generation(generation)
            }
            Command::Count { texts, reply, permit } => Pending::Count {
                texts,
                reply,
                _permit: permit,
            },
        };
        if self.requests.is_empty() {
            self.heard = Instant::now();
        }
        let tracked = Tracked {
            pending,
            repeated: false,
        };
        let order = tracked.order(id);
        self.requests.insert(id, tracked);
        if self.worker.is_none() {
            self.start_again().await;
        } else {
            self.send(&order).await;
        }
    }

    async fn send(&mut self, order: &Order) {
        let patience = self.configuration.silence_timeout.max(Duration::from_secs(1));
        let Some(worker) = &mut self.worker else { return };
        match worker.send(order, patience).await {
            Ok(()) => {}
            // The frame was never begun: too long, which is this request's fault alone.
            Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => {
                if let Order::Generate { id, .. } | Order::Count { id, .. } = order {
                    self.fail(
                        *id,
                        ModelError::Refused {
                            reason: error.to_string(),
                        },
                    );
                }
            }
            Err(_) => Box::pin(self.replace_worker("the model worker took no orders")).await,
        }
    }

    fn hear(&mut self, reply: Reply) {
        self.heard = Instant::now();
        match reply {
            Reply::Accepted { id } => {
                if let Some(generation) = self.generation(id) {
                    generation.accept();
                }
            }
            Reply::Event { id, event } => {
                if let Some(generation) = self.generation(id) {
                    generation.deliver(event);
                }
            }
            Reply::Ended { id } => drop(self.requests.remove(&id)),
            Reply::Failed { id, error } => self.fail(id, error),
            Reply::Counted { id, counts } => {
                if let Some(Pending::Count { reply, .. }) =
                    self.requests.remove(&id).map(|tracked| tracked.pending)
                {
                    let _ = reply.send(Ok(counts));
                }
            }
            Reply::Loaded(_) | Reply::LoadFailed { .. } | Reply::Alive => {}
        }
    }

    fn generation(&mut self, id: u64) -> Option<&mut Generation> {
        match self.requests.get_mut(&id).map(|tracked| &mut tracked.pending) {
            Some(Pending::Generation(generation)) => Some(generation),
            _ => None,
        }
    }

    fn fail(&mut self, id: u64, error: ModelError) {
        if let Some(tracked) = self.requests.remove(&id) {
            tracked.fail(error);
        }
    }

    /// The reader of a stream is gone: the worker stops at its next step.
    async fn cancel(&mut self, id: u64) {
        if self.requests.remove(&id).is_some() {
            self.send(&Order::Cancel { id }).await;
        }
    }

    /// The worker is lost. What it had not answered is repeated once; where text was delivered that cannot be.
    async fn replace_worker(&mut self, what: &str) {
        let ending = match self.worker.take() {
            Some(worker) => worker.bury().await,
            None => return,
        };
        let requests = std::mem::take(&mut self.requests);
        for (id, mut tracked) in requests {
            if tracked.may_repeat() {
                tracked.repeated = true;
                self.requests.insert(id, tracked);
            } else {
                let reason = format!("{what}: {ending}; it is started again for the next request");
                tracked.fail(ModelError::Broken { reason });
            }
        }
        if !self.requests.is_empty() {
            self.start_again().await;
        }
    }

    /// A new worker for the requests that wait for one.
    async fn start_again(&mut self) {
        if let Err(error) = self.load().await {
            for (_, tracked) in std::mem::take(&mut self.requests) {
                tracked.fail(error.clone());
            }
            return;
        }
        let orders: Vec<Order> = self
            .requests
            .iter()
            .map(|(id, tracked)| tracked.order(*id))
            .collect();
        for order in &orders {
            self.send(order).await;
        }
    }

    fn unavailable(&self, reason: String) -> ModelError {
        ModelError::Unavailable {
            model: self.configuration.model_name.clone(),
            reason,
        }
    }
}
