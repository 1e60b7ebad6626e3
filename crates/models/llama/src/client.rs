//! The client's side: [`LlamaModel`], and the supervisor that owns the worker.

mod child;
mod supervisor;

use std::sync::Arc;
use std::thread::JoinHandle;

use async_trait::async_trait;
use tenon_domain::ModelReference;
use tenon_runtime::{GenerateRequest, Model, ModelDescriptor, ModelError, SampleStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use self::supervisor::{Command, Generation, Supervisor};
use crate::configuration::WorkerConfiguration;
use crate::gguf;
use crate::wire::ModelFacts;

/// A model in a worker process of its own.
///
/// The worker ends with this value, or with this process, however that ends.
#[derive(Debug)]
pub struct LlamaModel {
    descriptor: ModelDescriptor,
    /// `None` only while dropping.
    commands: Option<mpsc::Sender<Command>>,
    admission: Arc<Semaphore>,
    shutdown: Option<oneshot::Sender<()>>,
    supervisor: Option<JoinHandle<()>>,
}

impl LlamaModel {
    /// Starts a worker and waits until its model is loaded.
    ///
    /// # Errors
    /// [`ModelError::Unavailable`] when the file is missing, damaged or no GGUF, or the worker cannot be started.
    pub async fn start(configuration: WorkerConfiguration) -> Result<Self, ModelError> {
        let name = configuration.model_name.clone();
        let unavailable = |reason: String| ModelError::Unavailable {
            model: name.clone(),
            reason,
        };
        check_file(&configuration).await.map_err(unavailable)?;
        let descriptor = |facts: ModelFacts| ModelDescriptor {
            reference: ModelReference {
                name: configuration.model_name.clone(),
                digest: configuration.digest,
                price: None,
            },
            context_length: facts.context_length,
            fills_in_the_middle: facts.fills_in_the_middle,
            constrains: true,
            counts_exactly: true,
            remote: false,
        };
        let most_requests = configuration.most_requests.max(1) as usize;
        let (commands, orders) = mpsc::channel(most_requests);
        let (shutdown, stopped) = oneshot::channel();
        let (loaded, facts) = oneshot::channel();
        let supervisor = Supervisor::new(configuration.clone(), orders);
        let supervisor = std::thread::Builder::new()
            .name("tenon-llama".to_owned())
            .spawn(move || supervisor.run_until(stopped, loaded))
            .map_err(|error| unavailable(format!("its supervisor thread cannot be started: {error}")))?;
        let facts = facts
            .await
            .map_err(|_| unavailable("its supervisor ended".to_owned()))??;
        Ok(Self {
            descriptor: descriptor(facts),
            commands: Some(commands),
            admission: Arc::new(Semaphore::new(most_requests)),
            shutdown: Some(shutdown),
            supervisor: Some(supervisor),
        })
    }

    async fn admit(&self) -> Result<OwnedSemaphorePermit, ModelError> {
        let admission = Arc::clone(&self.admission).acquire_owned().await;
        admission.map_err(|_| self.gone())
    }

    async fn send(&self, command: Command) -> Result<(), ModelError> {
        match &self.commands {
            Some(commands) => commands.send(command).await.map_err(|_| self.gone()),
            None => Err(self.gone()),
        }
    }

    fn gone(&self) -> ModelError {
        ModelError::Unavailable {
            model: self.descriptor.reference.name.clone(),
            reason: "its supervisor ended; start the model again".to_owned(),
        }
    }
}

#[async_trait]
impl Model for LlamaModel {
    fn descriptor(&self) -> &ModelDescriptor {
        &self.descriptor
    }

    async fn count_tokens(&self, texts: &[String]) -> Result<Vec<u32>, ModelError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let permit = self.admit().await?;
        let (reply, counts) = oneshot::channel();
        self.send(Command::Count {
            texts: texts.to_vec(),
            reply,
            permit,
        })
        .await?;
        counts.await.map_err(|_| self.gone())?
    }

    async fn generate(&self, request: GenerateRequest) -> Result<SampleStream, ModelError> {
        let permit = self.admit().await?;
        let (started, outcome) = oneshot::channel();
        let (events, stream) = mpsc::channel(most_events(&request, self.descriptor.context_length));
        self.send(Command::Generate(Box::new(Generation::new(
            request, events, started, permit,
        ))))
        .await?;
        outcome.await.map_err(|_| self.gone())??;
        Ok(SampleStream::new(stream))
    }
}

impl Drop for LlamaModel {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(shutdown) = self.shutdown.take() {
            // Fails when the supervisor has ended already.
            let _ = shutdown.send(());
        }
        if let Some(supervisor) = self.supervisor.take() {
            let _ = supervisor.join();
        }
    }
}

/// All events that a request can cause: room for them means that one slow reader never holds up the others.
fn most_events(request: &GenerateRequest, context_length: u32) -> usize {
    let tokens = request.max_tokens.min(context_length) as usize;
    (request.samples.min(64) as usize) * (tokens + 2) + 4
}

async fn check_file(configuration: &WorkerConfiguration) -> Result<(), String> {
    let path = configuration.model_path.clone();
    let checked = tokio::task::spawn_blocking(move || gguf::check_file(&path)).await;
    match checked {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(error) => Err(format!("its file could not be checked: {error}")),
    }
}
