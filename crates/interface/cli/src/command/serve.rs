//! `tenon serve`: the models over HTTP.

use std::path::Path;
use std::sync::Arc;

use tenon_config::{Overrides, Settings};
use tenon_engine::Completer;
use tenon_runtime::{CachedModel, Model, ModelError, Pool, PoolEvent};
use tenon_server::{Access, ServedModel, Service};
use tokio::net::TcpListener;

use crate::arguments::ServeArguments;
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output::Output;

/// `tenon serve`.
pub async fn run(arguments: ServeArguments) -> Result<Exit, Failure> {
    let overrides = Overrides {
        models: arguments.model,
        ..Overrides::default()
    };
    let settings = composition::settings(None, &overrides)?;
    let output = Output::new(false, settings.no_color);
    let access = access(arguments.api_keys.as_deref())?;
    let address = arguments.listen;
    if matches!(access, Access::ThisMachine) && !address.ip().is_loopback() {
        let message = format!("anybody who reaches `{address}` could ask, since no key is needed");
        return Err(Failure::new(Exit::Refused, message)
            .with_help("name a file of keys with --api-keys, or listen on 127.0.0.1"));
    }
    let memory = arguments
        .memory
        .map_or(u64::MAX, |memory| memory.saturating_mul(1 << 20));
    let pool = Arc::new(Pool::new(memory, move |event| tell(&event, output)));
    let models = composition::pooled_models(&settings, &pool, &arguments.pin)?;
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Failure::new(Exit::Missing, format!("cannot listen on `{address}`: {error}"))
            .with_help("choose another address with --listen; port 0 takes any that is free")
    })?;
    let address = listener
        .local_addr()
        .map_err(|error| Failure::new(Exit::Bug, error.to_string()))?;
    let interrupt = Interrupt::watch();
    let starting = async {
        preload(&settings, &models, &arguments.pin).await?;
        completer(&settings, &models, output).await
    };
    let Some(completer) = interrupt.token().run_until_cancelled(starting).await else {
        return Ok(Exit::Interrupted);
    };
    // The models share the memory evenly.
    let cache = arguments.cache_size * 1024 * 1024 / models.len().max(1) as u64;
    let served: Vec<ServedModel> = settings
        .models
        .iter()
        .zip(models)
        .map(|(name, model)| ServedModel {
            name: name.clone(),
            model: match cache {
                0 => model,
                bytes => Arc::new(CachedModel::new(model, bytes)),
            },
        })
        .collect();
    let room = arguments.max_requests as usize;
    let service = Arc::new(Service::new(served, completer?, access, room));
    output.say(&format!("serving {}; Ctrl-C stops", settings.models.join(", ")));
    output.result(&format!("http://{address}"));
    let served = tenon_server::serve(listener, service, interrupt.token().clone());
    served
        .await
        .map_err(|error| Failure::new(Exit::Bug, format!("the listener failed: {error}")))?;
    Ok(Exit::Success)
}

fn tell(event: &PoolEvent, output: Output) {
    output.say(&match event {
        PoolEvent::Loaded { name, took } => format!("loaded {name} in {:.1} s", took.as_secs_f64()),
        PoolEvent::Unloaded { name } => format!("unloaded {name} to make room"),
    });
}

/// Loads what is to stay in memory.
async fn preload(settings: &Settings, models: &[Arc<dyn Model>], pinned: &[String]) -> Result<(), Failure> {
    for name in pinned {
        let mut served = settings.models.iter().zip(models);
        let Some((_, model)) = served.find(|(served, _)| *served == name) else {
            return Err(
                Failure::new(Exit::Usage, format!("`{name}` is pinned, but not served"))
                    .with_help("name it with --model, too"),
            );
        };
        let is_remote = settings.routes.iter().any(|route| &route.name == name)
            || settings.upstreams.iter().any(|upstream| &upstream.name == name);
        if is_remote {
            let message = format!("`{name}` is a route or an upstream: only embedded models are in memory");
            return Err(Failure::new(Exit::Usage, message));
        }
        let loaded = model.count_tokens(&[String::new()]).await;
        loaded.map_err(|error| Failure::new(Exit::Missing, error.to_string()))?;
    }
    Ok(())
}

fn access(keys: Option<&Path>) -> Result<Access, Failure> {
    let Some(path) = keys else {
        return Ok(Access::ThisMachine);
    };
    let wrong = |error: &dyn std::fmt::Display| {
        let message = format!("cannot use the keys in `{}`: {error}", path.display());
        Failure::new(Exit::Usage, message)
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    Access::keys(&text).map_err(|error| wrong(&error))
}

/// Loads the first model that fills in the middle. Without one, chat alone is served.
async fn completer(
    settings: &Settings,
    models: &[Arc<dyn Model>],
    output: Output,
) -> Result<Option<Arc<Completer>>, Failure> {
    let missing = |said: String| Failure::new(Exit::Missing, said);
    let able = models.iter().find(|model| model.descriptor().fills_in_the_middle);
    let Some(model) = able else {
        output.say("no model fills in the middle: completions for editors are not served");
        return Ok(None);
    };
    // Repositories are with the clients.
    let folder = settings.cache_folder.join("serve");
    std::fs::create_dir_all(&folder).map_err(|error| missing(error.to_string()))?;
    let completer = Arc::new(Completer::new(Arc::clone(model), &folder));
    match completer.warm_up().await {
        Ok(()) => Ok(Some(completer)),
        Err(ModelError::Refused { reason }) => {
            output.say(&format!("completions for editors are not served: {reason}"));
            Ok(None)
        }
        Err(error) => Err(missing(error.to_string())),
    }
}
