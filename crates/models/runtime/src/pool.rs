//! Models in memory, within bounds: one that is asked for is loaded, and the one that nobody asked for longest makes room.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::port::{GenerateRequest, Model, ModelDescriptor, ModelError, SampleStream};

/// Brings a model into memory.
#[async_trait]
pub trait LoadModel: Send + Sync {
    /// Loads it. Dropping what comes back frees the memory.
    ///
    /// # Errors
    /// When it cannot be loaded.
    async fn load(&self) -> Result<Arc<dyn Model>, ModelError>;
}

/// What happens in a pool, for people to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolEvent {
    /// A model was loaded.
    Loaded {
        /// Its name.
        name: String,
        /// How long that took.
        took: Duration,
    },
    /// A model made room.
    Unloaded {
        /// Its name.
        name: String,
    },
}

type Tell = dyn Fn(PoolEvent) + Send + Sync;

/// The models that are in memory.
pub struct Pool {
    /// Bytes.
    budget: u64,
    tell: Box<Tell>,
    loaded: Mutex<Vec<Loaded>>,
    /// One is loaded at a time.
    loading: Arc<tokio::sync::Mutex<()>>,
}

struct Loaded {
    name: String,
    bytes: u64,
    is_pinned: bool,
    used: Instant,
    model: Arc<dyn Model>,
}

/// Nobody waits longer for room.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

impl Pool {
    /// Room for models of `budget` bytes in all. `tell` hears what comes and goes.
    pub fn new(budget: u64, tell: impl Fn(PoolEvent) + Send + Sync + 'static) -> Self {
        Self {
            budget,
            tell: Box::new(tell),
            loaded: Mutex::default(),
            loading: Arc::default(),
        }
    }

    fn loaded(&self) -> MutexGuard<'_, Vec<Loaded>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Model>> {
        let mut loaded = self.loaded();
        let found = loaded.iter_mut().find(|loaded| loaded.name == name)?;
        found.used = Instant::now();
        Some(Arc::clone(&found.model))
    }

    /// Takes out what nobody uses until `bytes` fit; nothing, and false, when what is in use leaves no room.
    fn take_out(&self, bytes: u64, gone: &mut Vec<Loaded>) -> bool {
        let mut loaded = self.loaded();
        let is_idle = |loaded: &Loaded| !loaded.is_pinned && Arc::strong_count(&loaded.model) == 1;
        let sum =
            |loaded: &mut dyn Iterator<Item = &Loaded>| -> u64 { loaded.map(|loaded| loaded.bytes).sum() };
        let busy = sum(&mut loaded.iter().filter(|loaded| !is_idle(loaded)));
        if busy.saturating_add(bytes) > self.budget {
            return false;
        }
        while sum(&mut loaded.iter()).saturating_add(bytes) > self.budget {
            let idle = loaded.iter().enumerate().filter(|(_, loaded)| is_idle(loaded));
            let Some((oldest, _)) = idle.min_by_key(|(_, loaded)| loaded.used) else {
                return false;
            };
            gone.push(loaded.swap_remove(oldest));
        }
        true
    }

    async fn makes_room(&self, bytes: u64) -> bool {
        let mut gone = Vec::new();
        let fits = self.take_out(bytes, &mut gone);
        for Loaded { name, model, .. } in gone {
            // A worker is waited for until it has ended; the memory is free then.
            let _ = tokio::task::spawn_blocking(move || drop(model)).await;
            (self.tell)(PoolEvent::Unloaded { name });
        }
        fits
    }

    fn pinned_bytes(&self) -> u64 {
        let loaded = self.loaded();
        let pinned = loaded.iter().filter(|loaded| loaded.is_pinned);
        pinned.map(|loaded| loaded.bytes).sum()
    }
}

/// A model that is in memory when it is needed.
pub struct PooledModel {
    descriptor: ModelDescriptor,
    seat: Arc<Seat>,
}

impl PooledModel {
    /// A model that takes about so many bytes. One that is pinned is never unloaded.
    pub fn new(
        pool: Arc<Pool>,
        descriptor: ModelDescriptor,
        bytes: u64,
        is_pinned: bool,
        loader: impl LoadModel + 'static,
    ) -> Self {
        let seat = Seat {
            pool,
            name: descriptor.reference.name.clone(),
            bytes,
            is_pinned,
            loader: Box::new(loader),
        };
        Self {
            descriptor,
            seat: Arc::new(seat),
        }
    }

    async fn model(&self) -> Result<Arc<dyn Model>, ModelError> {
        let name = &self.seat.name;
        let pool = &self.seat.pool;
        let deadline = Instant::now() + LONGEST_WAIT;
        loop {
            if let Some(model) = pool.find(name) {
                return Ok(model);
            }
            self.seat.may_ever_fit()?;
            let turn = tokio::time::timeout_at(deadline, Arc::clone(&pool.loading).lock_owned()).await;
            let Ok(turn) = turn else {
                return Err(self.seat.in_use());
            };
            if let Some(model) = pool.find(name) {
                return Ok(model);
            }
            // Whoever asked may go away; what was begun for him is there for the next.
            let seat = Arc::clone(&self.seat);
            let loading = tokio::spawn(async move {
                let _turn = turn;
                seat.load().await
            });
            match loading.await {
                Ok(Some(loaded)) => return loaded,
                // There is no room: others get their turn meanwhile.
                Ok(None) => {}
                Err(error) => {
                    return Err(ModelError::Broken {
                        reason: format!("loading it broke down: {error}"),
                    });
                }
            }
            if Instant::now() >= deadline {
                return Err(self.seat.in_use());
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }
}

/// What is known of a model whether or not it is in memory.
struct Seat {
    pool: Arc<Pool>,
    name: String,
    bytes: u64,
    is_pinned: bool,
    loader: Box<dyn LoadModel>,
}

impl Seat {
    /// Loads the model; `None` when there is no room now.
    async fn load(&self) -> Option<Result<Arc<dyn Model>, ModelError>> {
        if !self.pool.makes_room(self.bytes).await {
            return None;
        }
        let begun = Instant::now();
        let model = match self.loader.load().await {
            Ok(model) => model,
            Err(error) => return Some(Err(error)),
        };
        (self.pool.tell)(PoolEvent::Loaded {
            name: self.name.clone(),
            took: begun.elapsed(),
        });
        self.pool.loaded().push(Loaded {
            name: self.name.clone(),
            bytes: self.bytes,
            is_pinned: self.is_pinned,
            used: Instant::now(),
            model: Arc::clone(&model),
        });
        Some(Ok(model))
    }

    fn may_ever_fit(&self) -> Result<(), ModelError> {
        let left = self.pool.budget.saturating_sub(self.pool.pinned_bytes());
        match self.bytes > left {
            true => Err(self.unavailable(format!(
                "it takes about {} MiB, and {} MiB are left for models that are not pinned",
                self.bytes >> 20,
                left >> 20
            ))),
            false => Ok(()),
        }
    }

    fn in_use(&self) -> ModelError {
        self.unavailable("the models in memory are all in use".to_owned())
    }

    fn unavailable(&self, reason: String) -> ModelError {
        ModelError::Unavailable {
            model: self.name.clone(),
            reason,
        }
    }
}

#[async_trait]
impl Model for PooledModel {
    fn descriptor(&self) -> &ModelDescriptor {
        &self.descriptor
    }

    async fn count_tokens(&self, texts: &[String]) -> Result<Vec<u32>, ModelError> {
        self.model().await?.count_tokens(texts).await
    }

    async fn generate(&self, request: GenerateRequest) -> Result<SampleStream, ModelError> {
        let model = self.model().await?;
        let stream = model.generate(request).await?;
        // It is in use until the answer has come to its end.
        Ok(stream.holding(model))
    }
}
