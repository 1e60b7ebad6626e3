//! Puts the rooms together: the only place that names adapters.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tenon_config::{
    Environment, Overrides, RouteSettings, SandboxMode, Settings, UpstreamFill, UpstreamSettings,
};
use tenon_engine::{Engine, RedactingModel, RedactionSettings, Redactor, Repository};
use tenon_forge::GitRepository;
use tenon_llama::WorkerConfiguration;
use tenon_remote::{FillRoute, RemoteConfiguration, RemoteModel, UpstreamKind};
use tenon_runtime::{
    FolderError, Model, ModelFolder, Pool, ResolvedModel, Route, RoutePolicy, RouteTarget, Served, Watch,
    WatchedModel,
};
use tenon_sandbox::{Isolation, Sandbox, SandboxRequest};
use tenon_template::Library;

use crate::failure::{Exit, Failure};
use crate::lazy_model::LazyModel;

/// Resolves the settings for a repository.
///
/// # Errors
/// When a layer cannot be understood.
pub fn settings(repository: Option<&Path>, overrides: &Overrides) -> Result<Settings, Failure> {
    tenon_config::load(&Environment::from_process(), repository, overrides)
        .map_err(|error| Failure::new(Exit::Usage, error.to_string()))
}

/// The folder of models.
pub fn model_folder(settings: &Settings) -> ModelFolder {
    ModelFolder::new(&settings.models_folder)
}

/// Finds the models by name: configured upstreams first, then files.
///
/// # Errors
/// When a name is unknown or its file is not here.
pub fn models(settings: &Settings) -> Result<Vec<Arc<dyn Model>>, Failure> {
    let mut finder = Finder::default();
    let names = settings.models.iter();
    names.map(|name| finder.find(settings, name)).collect()
}

/// The same, watched, with the embedded ones in `pool`; those of `pinned` are never unloaded. Where `completes`, those after
/// the first that fills in the middle give way to it: somebody who types waits for what it completes.
///
/// # Errors
/// When a name is unknown or its file is not here.
pub fn pooled_models(
    settings: &Settings,
    pool: &Arc<Pool>,
    pinned: &[String],
    watch: &Arc<dyn Watch>,
    completes: bool,
) -> Result<Vec<Arc<dyn Model>>, Failure> {
    let mut finder = Finder {
        pool: Some((Arc::clone(pool), pinned.to_vec())),
        watch: Some(Arc::clone(watch)),
        backstage: if completes { BACKSTAGE } else { 0 },
        ..Finder::default()
    };
    let names = settings.models.iter();
    names.map(|name| finder.find(settings, name)).collect()
}

/// Finds models by name: one that several ask for is loaded once.
#[derive(Default)]
struct Finder {
    known: BTreeMap<String, Arc<dyn Model>>,
    pool: Option<(Arc<Pool>, Vec<String>)>,
    watch: Option<Arc<dyn Watch>>,
    /// Whether one of those found by now fills in the middle.
    has_completing: bool,
    /// How far those after it stand back.
    backstage: u8,
}

/// A tenth of a core beside somebody who does not stand back.
const BACKSTAGE: u8 = 10;

impl Finder {
    fn find(&mut self, settings: &Settings, name: &str) -> Result<Arc<dyn Model>, Failure> {
        if let Some(model) = self.known.get(name) {
            return Ok(Arc::clone(model));
        }
        let route = settings.routes.iter().find(|route| route.name == name);
        let upstream = settings.upstreams.iter().find(|upstream| upstream.name == name);
        let model: Arc<dyn Model> = match (route, upstream) {
            // Its targets are watched, each for itself.
            (Some(route), _) => Arc::new(self.route(settings, route)?),
            (None, Some(upstream)) => self.watched(remote_model(settings, upstream)?, served(upstream)),
            (None, None) => {
                let (resolved, mut configuration) = embedded_model(settings, name)?;
                if self.has_completing {
                    configuration.niceness = self.backstage;
                }
                self.has_completing |= resolved.fills_in_the_middle;
                let model = LazyModel::new(&resolved, configuration);
                let model: Arc<dyn Model> = match &self.pool {
                    Some((pool, pinned)) => {
                        Arc::new(model.in_pool(pool, pinned.iter().any(|pin| pin == name)))
                    }
                    None => Arc::new(model),
                };
                let served = Served {
                    provider: "llama_cpp",
                    model: model.descriptor().reference.name.clone(),
                    address: None,
                };
                self.watched(model, served)
            }
        };
        self.known.insert(name.to_owned(), Arc::clone(&model));
        Ok(model)
    }

    fn watched(&self, model: Arc<dyn Model>, served: Served) -> Arc<dyn Model> {
        match &self.watch {
            Some(watch) => Arc::new(WatchedModel::new(model, Arc::clone(watch), served)),
            None => model,
        }
    }

    /// A route's targets are upstreams and files, never routes.
    fn route(&mut self, settings: &Settings, route: &RouteSettings) -> Result<Route, Failure> {
        let targets: Result<Vec<RouteTarget>, Failure> = route
            .targets
            .iter()
            .map(|target| {
                Ok(RouteTarget {
                    model: self.find(settings, &target.model)?,
                    weight: target.weight,
                    tier: target.tier,
                })
            })
            .collect();
        let mut policy = RoutePolicy::default();
        policy.first_text = route.first_text.unwrap_or(policy.first_text);
        policy.attempts = route.attempts.unwrap_or(policy.attempts);
        let route = Route::new(&route.name, targets?, policy)
            .map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
        Ok(match &self.watch {
            Some(watch) => route.watched_by(Arc::clone(watch)),
            None => route,
        })
    }
}

/// Finds one model by name: a route, an upstream, or a file.
///
/// # Errors
/// When the name is unknown or its file is not here.
pub fn model(settings: &Settings, name: &str) -> Result<Arc<dyn Model>, Failure> {
    Finder::default().find(settings, name)
}

/// An upstream that is shown no secrets, when it is not on this machine.
fn remote_model(settings: &Settings, upstream: &UpstreamSettings) -> Result<Arc<dyn Model>, Failure> {
    let kind = match upstream.kind {
        tenon_config::UpstreamKind::LlamaServer => UpstreamKind::LlamaServer,
        tenon_config::UpstreamKind::Vllm => UpstreamKind::Vllm,
        tenon_config::UpstreamKind::Ollama => UpstreamKind::Ollama,
        tenon_config::UpstreamKind::OpenAi => UpstreamKind::OpenAi,
        tenon_config::UpstreamKind::Compatible => UpstreamKind::Compatible,
    };
    let mut configuration = RemoteConfiguration::new(
        kind,
        &upstream.name,
        &upstream.base_url,
        &upstream.model,
        upstream.context_length,
    );
    configuration.api_key.clone_from(&upstream.api_key);
    configuration.price = upstream.price;
    configuration.dialect.fill = match upstream.fill {
        None => FillRoute::None,
        Some(UpstreamFill::Suffix) => FillRoute::CompletionsWithSuffix,
        Some(UpstreamFill::Infill) => FillRoute::Infill,
    };
    let model =
        RemoteModel::new(configuration).map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    Ok(RedactingModel::around(Arc::new(model), &redactor(settings)))
}

/// Who answers for an upstream, in traces.
fn served(upstream: &UpstreamSettings) -> Served {
    let address = reqwest::Url::parse(&upstream.base_url).ok().and_then(|url| {
        let host = url.host_str()?.to_owned();
        Some((host, url.port_or_known_default()?))
    });
    Served {
        provider: provider(upstream.kind),
        model: upstream.model.clone(),
        // Whatever cannot be read is an upstream still.
        address: Some(address.unwrap_or_default()),
    }
}

/// Who serves an upstream's models, in metrics and traces.
pub fn provider(kind: tenon_config::UpstreamKind) -> &'static str {
    match kind {
        tenon_config::UpstreamKind::LlamaServer => "llama_server",
        tenon_config::UpstreamKind::Vllm => "vllm",
        tenon_config::UpstreamKind::Ollama => "ollama",
        tenon_config::UpstreamKind::OpenAi => "openai",
        tenon_config::UpstreamKind::Compatible => "compatible",
    }
}

/// What takes secrets and personal data out of text.
pub fn redactor(settings: &Settings) -> Redactor {
    Redactor::new(RedactionSettings {
        secrets: settings.redaction.secrets,
        personal: settings.redaction.personal,
    })
}

fn embedded_model(settings: &Settings, name: &str) -> Result<(ResolvedModel, WorkerConfiguration), Failure> {
    let missing = |error: &dyn std::fmt::Display| Failure::new(Exit::Missing, error.to_string());
    let resolved = model_folder(settings)
        .resolve(name)
        .map_err(|error| match &error {
            FolderError::Unknown { .. } => Failure::new(Exit::Usage, error.to_string()),
            _ => missing(&error),
        })?;
    let program = std::env::current_exe().map_err(|error| missing(&error))?;
    let mut configuration = WorkerConfiguration::new(program, &resolved.path, &resolved.name);
    configuration.arguments = vec!["llama-worker".into()];
    configuration.digest = Some(resolved.digest);
    configuration.context_length = settings
        .context_length
        .min(resolved.context_length.unwrap_or(u32::MAX));
    configuration.parallel = settings.parallel;
    if let Some(threads) = settings.threads {
        configuration.threads = threads;
    }
    Ok((resolved, configuration))
}

/// The templates, the person's own over the built-in ones.
///
/// # Errors
/// When a template is broken.
pub fn templates(settings: &Settings) -> Result<Library, Failure> {
    Library::load(Some(&settings.prompts_folder))
        .map_err(|error| Failure::new(Exit::Usage, error.to_string()))
}

/// The sandbox, or the reason why there is none.
pub async fn sandbox(settings: &Settings) -> Result<Arc<Sandbox>, String> {
    let request = SandboxRequest {
        mode: match settings.sandbox {
            SandboxMode::Bubblewrap => Isolation::Bubblewrap,
            SandboxMode::None => Isolation::None,
        },
        home: settings.home.clone(),
        search_path: settings.search_path.clone(),
        cache_directory: settings.cache_folder.clone(),
        extra_read_only: settings.virtual_env.iter().cloned().collect(),
    };
    Sandbox::detect(request)
        .await
        .map(Arc::new)
        .map_err(|error| error.to_string())
}

/// The engine with everything it needs.
///
/// # Errors
/// When a model or a template is missing. A missing sandbox is not an error: checks that execute are then refused.
pub async fn engine(settings: &Settings) -> Result<Engine, Failure> {
    engine_of(settings, models(settings)?).await
}

/// The model that completes, which is the first without a name, and an engine whose other models give way to it.
///
/// # Errors
/// As [`engine`].
pub async fn completing_and_engine(
    settings: &Settings,
    name: Option<&str>,
) -> Result<(Arc<dyn Model>, Engine), Failure> {
    let mut finder = Finder {
        backstage: BACKSTAGE,
        ..Finder::default()
    };
    let name = name.or(settings.models.first().map(String::as_str));
    let name = name.ok_or_else(|| Failure::new(Exit::Usage, "no model is configured".to_owned()))?;
    let completing = finder.find(settings, name)?;
    let names = settings.models.iter();
    let models: Result<_, Failure> = names.map(|name| finder.find(settings, name)).collect();
    Ok((completing, engine_of(settings, models?).await?))
}

async fn engine_of(settings: &Settings, models: Vec<Arc<dyn Model>>) -> Result<Engine, Failure> {
    Ok(Engine {
        models,
        templates: Arc::new(templates(settings)?),
        sandbox: sandbox(settings).await,
        cache_folder: settings.cache_folder.clone(),
    })
}

/// The repository at `path`: the root of its Git tree, or the folder itself.
///
/// # Errors
/// When there is no such folder, or it is a bare repository.
pub fn repository(path: &Path) -> Result<Repository, Failure> {
    if !path.is_dir() {
        return Err(
            Failure::new(Exit::Usage, format!("`{}` is not a folder", path.display()))
                .with_help("give the root of a repository with --repo"),
        );
    }
    let git =
        GitRepository::discover(path).map_err(|error| Failure::new(Exit::Missing, error.to_string()))?;
    match git {
        Some(git) if git.is_bare() => Err(Failure::new(
            Exit::Usage,
            format!(
                "`{}` is a bare repository: it has no files to work on",
                path.display()
            ),
        )
        .with_help("clone it and work in the clone")),
        Some(git) => Ok(Repository {
            root: git.root().to_owned(),
            base_commit: git
                .base_commit()
                .map_err(|error| Failure::new(Exit::Missing, error.to_string()))?,
        }),
        None => Ok(Repository {
            root: path.to_owned(),
            base_commit: None,
        }),
    }
}
