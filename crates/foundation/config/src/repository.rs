//! What a repository's own file may not say: whoever wrote the repository is not whoever runs Tenon in it.

use crate::options::{Options, Stated};
use crate::{ConfigError, SandboxMode};

/// Refuses what only the user may set.
pub(crate) fn restrict(options: Options) -> Result<Options, ConfigError> {
    let sandbox_off = options
        .sandbox
        .as_ref()
        .filter(|stated| stated.value == SandboxMode::None);
    forbid(
        "sandbox = \"none\"",
        sandbox_off,
        "its code would run with your rights",
    )?;
    let upstream = options.upstreams.first();
    forbid(
        "upstream",
        upstream,
        "your code or credentials could be sent to its author",
    )?;
    forbid(
        "route",
        options.routes.first(),
        "whether text leaves the machine is your decision",
    )?;
    let address = options.hugging_face_url.as_ref();
    forbid("hugging_face_url", address, "models could come from its author")?;
    forbid(
        "server",
        options.server.as_ref(),
        "your key and your code could be sent to its author",
    )?;
    forbid(
        "database",
        options.database.as_ref(),
        "what the service keeps is not its author's business",
    )?;
    forbid(
        "event_sink",
        options.event_sink.as_ref(),
        "what happens here could be told to its author",
    )?;
    forbid(
        "oidc",
        options.sign_in.as_ref(),
        "who may come in is not its author's business",
    )?;
    forbid(
        "trace_endpoint",
        options.trace_endpoint.as_ref(),
        "what happens here could be told to its author",
    )?;
    forbid(
        "trace_headers",
        options.trace_headers.as_ref(),
        "whom you show credentials is your decision",
    )?;
    let redactions = [
        ("redaction.secrets = false", &options.redact_secrets),
        ("redaction.personal = false", &options.redact_personal),
    ];
    for (key, switch) in redactions {
        let switched_off = switch.as_ref().filter(|stated| !stated.value);
        forbid(
            key,
            switched_off,
            "your secrets could be sent to an upstream as they are",
        )?;
    }
    let folders = [
        ("folders.data", &options.data_folder),
        ("folders.cache", &options.cache_folder),
        ("folders.models", &options.models_folder),
        ("folders.prompts", &options.prompts_folder),
    ];
    for (key, folder) in folders {
        forbid(
            key,
            folder.as_ref(),
            "Tenon would read and write where its author says",
        )?;
    }
    Ok(options)
}

/// Refuses a repository's choice of a model that makes text leave the machine.
pub(crate) fn restrict_models(models: &Stated<Vec<String>>, yours: &[String]) -> Result<(), ConfigError> {
    let remote = models.value.iter().find(|name| yours.contains(name));
    forbid(
        "models",
        remote.map(|_| models),
        "it names an upstream or a route of yours, and whether text leaves the machine is your decision",
    )
}

fn forbid<T>(key: &str, stated: Option<&Stated<T>>, reason: &'static str) -> Result<(), ConfigError> {
    stated.map_or(Ok(()), |stated| {
        Err(ConfigError::NotForRepositories {
            origin: stated.origin.clone(),
            key: key.to_owned(),
            reason,
        })
    })
}
