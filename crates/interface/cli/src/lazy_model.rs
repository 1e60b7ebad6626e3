//! An embedded model that is loaded when it is first asked: a run that the small model settles never pays for the
//! large one.

use std::sync::Arc;

use async_trait::async_trait;
use tenon_domain::ModelReference;
use tenon_llama::{LlamaModel, WorkerConfiguration};
use tenon_runtime::{
    GenerateRequest, LoadModel, Model, ModelDescriptor, ModelError, Pool, PooledModel, ResolvedModel,
    SampleStream,
};
use tokio::sync::OnceCell;

/// A model whose worker starts at the first request.
pub struct LazyModel {
    descriptor: ModelDescriptor,
    configuration: WorkerConfiguration,
    model: OnceCell<LlamaModel>,
}

impl LazyModel {
    /// The model of a file, described by what is known without loading it.
    pub fn new(resolved: &ResolvedModel, configuration: WorkerConfiguration) -> Self {
        let trained = resolved.context_length.unwrap_or(u32::MAX);
        let descriptor = ModelDescriptor {
            reference: ModelReference {
                name: resolved.name.clone(),
                digest: Some(resolved.digest),
                price: None,
            },
            context_length: configuration.context_length.min(trained),
            fills_in_the_middle: resolved.fills_in_the_middle,
            constrains: true,
            counts_exactly: true,
            remote: false,
        };
        Self {
            descriptor,
            configuration,
            model: OnceCell::new(),
        }
    }

    /// The same, in a pool: it may be unloaded again, unless it is pinned.
    pub fn in_pool(self, pool: &Arc<Pool>, is_pinned: bool) -> PooledModel {
        let file = self
            .configuration
            .model_path
            .metadata()
            .map_or(0, |file| file.len());
        // Beside the weights there are the attention's cells and room to compute in.
        let bytes = file + file / 4;
        PooledModel::new(
            Arc::clone(pool),
            self.descriptor,
            bytes,
            is_pinned,
            Worker(self.configuration),
        )
    }

    async fn loaded(&self) -> Result<&LlamaModel, ModelError> {
        self.model
            .get_or_try_init(|| LlamaModel::start(self.configuration.clone()))
            .await
    }
}

/// Starts a worker each time that the model is to be in memory.
struct Worker(WorkerConfiguration);

#[async_trait]
impl LoadModel for Worker {
    async fn load(&self) -> Result<Arc<dyn Model>, ModelError> {
        Ok(Arc::new(LlamaModel::start(self.0.clone()).await?))
    }
}

#[async_trait]
impl Model for LazyModel {
    fn descriptor(&self) -> &ModelDescriptor {
        &self.descriptor
    }

    async fn count_tokens(&self, texts: &[String]) -> Result<Vec<u32>, ModelError> {
        self.loaded().await?.count_tokens(texts).await
    }

    async fn generate(&self, request: GenerateRequest) -> Result<SampleStream, ModelError> {
        self.loaded().await?.generate(request).await
    }
}
