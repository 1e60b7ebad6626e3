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
    loading: tokio::sync::Mutex<()>,
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
            loading: tokio::sync::Mutex::default(),
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

    /// Takes out what nobody uses until `bytes` fit; false when what is in use leaves no room.
    fn take_out(&self, bytes: u64, gone: &mut Vec<Loaded>) -> bool {
        let mut loaded = self.loaded();
        loop {
            let used: u64 = loaded.iter().map(|loaded| loaded.bytes).sum();
            if used.saturating_add(bytes) <= self.budget {
                return true;
            }
            let idle = loaded
                .iter()
                .enumerate()
                .filter(|(_, loaded)| !loaded.is_pinned && Arc::strong_count(&loaded.model) == 1);
            let Some((oldest, _)) = idle.min_by_key(|(_, loaded)| loaded.used) else {
                return false;
            };
            gone.push(loaded.swap_remove(oldest));
        }
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
    pool: Arc<Pool>,
    descriptor: ModelDescriptor,
    bytes: u64,
    is_pinned: bool,
    loader: Box<dyn LoadModel>,
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
        Self {
            pool,
            descriptor,
            bytes,
            is_pinned,
            loader: Box::new(loader),
        }
    }

    async fn model(&self) -> Result<Arc<dyn Model>, ModelError> {
        let name = &self.descriptor.reference.name;
        if let Some(model) = self.pool.find(name) {
            return Ok(model);
        }
        let _turn = self.pool.loading.lock().await;
        if let Some(model) = self.pool.find(name) {
            return Ok(model);
        }
        self.wait_for_room().await?;
        let begun = Instant::now();
        let model = self.loader.load().await?;
        (self.pool.tell)(PoolEvent::Loaded {
            name: name.clone(),
            took: begun.elapsed(),
        });
        self.pool.loaded().push(Loaded {
            name: name.clone(),
            bytes: self.bytes,
            is_pinned: self.is_pinned,
            used: Instant::now(),
            model: Arc::clone(&model),
        });
        Ok(model)
    }

    async fn wait_for_room(&self) -> Result<(), ModelError> {
        let unavailable = |reason: String| {
            Err(ModelError::Unavailable {
                model: self.descriptor.reference.name.clone(),
                reason,
            })
        };
        let left = self.pool.budget.saturating_sub(self.pool.pinned_bytes());
        if self.bytes > left {
            return unavailable(format!(
                "it takes about {} MiB, and {} MiB are left for models that are not pinned",
                self.bytes >> 20,
                left >> 20
            ));
        }
        let begun = Instant::now();
        while !self.pool.makes_room(self.bytes).await {
            if begun.elapsed() > LONGEST_WAIT {
                return unavailable("the models in memory are all in use".to_owned());
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        Ok(())
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
