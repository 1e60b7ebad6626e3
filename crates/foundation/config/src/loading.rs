use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::options::Options;
use crate::variables::CONFIG_VARIABLE;
use crate::{
    ConfigError, Environment, Origin, Overrides, Settings, file, layered, repository, settings, variables,
};

/// The name of a repository's own file, in its root.
pub const REPOSITORY_FILE: &str = ".tenon.toml";

/// Reads all layers and resolves them. `repository` is the root of the repository that is worked on.
///
/// # Errors
/// When anything that is stated cannot be read, understood or permitted: nothing is skipped.
pub fn load(
    environment: &Environment,
    repository: Option<&Path>,
    overrides: &Overrides,
) -> Result<Settings, ConfigError> {
    let home = environment.absolute_path("HOME");
    let user = match user_file(environment) {
        Some(path) => read_user(environment, &path, home.as_ref())?,
        None => Options::default(),
    };
    let upstreams = user.upstreams.iter().map(|upstream| &upstream.value.name);
    let routes = user.routes.iter().map(|route| &route.value.name);
    let yours: Vec<String> = upstreams
        .chain(routes)
        .filter_map(|name| Some(name.as_ref()?.value.clone()))
        .collect();
    let repository = match repository {
        Some(root) => read_repository(root, home.as_ref(), &yours)?,
        None => Options::default(),
    };
    let foreign = credential_variables(&user);
    let variables = variables::read(environment, &foreign)?;
    let options = layered::layer([user, repository, variables, overrides.options()?]);
    settings::resolve(options, environment)
}

/// Where the user's own file is looked for: `TENON_CONFIG`, else `tenon/config.toml` in the XDG configuration folder.
pub fn user_file(environment: &Environment) -> Option<PathBuf> {
    let stated = environment.get(CONFIG_VARIABLE).map(PathBuf::from);
    stated.or_else(|| Some(config_folder(environment)?.join("config.toml")))
}

pub(crate) fn config_folder(environment: &Environment) -> Option<PathBuf> {
    environment.base_folder("XDG_CONFIG_HOME", ".config")
}

fn read_user(environment: &Environment, path: &Path, home: Option<&PathBuf>) -> Result<Options, ConfigError> {
    let options = file::read(path, home)?;
    if options.is_none() && environment.get(CONFIG_VARIABLE).is_some() {
        return Err(ConfigError::Value {
            origin: Origin::Variable {
                name: CONFIG_VARIABLE.to_owned(),
            },
            key: CONFIG_VARIABLE.to_owned(),
            reason: format!("names `{}`, which does not exist", path.display()),
        });
    }
    Ok(options.unwrap_or_default())
}

fn read_repository(root: &Path, home: Option<&PathBuf>, yours: &[String]) -> Result<Options, ConfigError> {
    let path = root.join(REPOSITORY_FILE);
    // A link could show the contents of a file of the user's in an error message.
    if path.is_symlink() {
        return Err(ConfigError::Read {
            path,
            reason: "it is a symbolic link; a repository's own file must be a plain file".to_owned(),
        });
    }
    let options = repository::restrict(file::read(&path, home)?.unwrap_or_default())?;
    if let Some(models) = &options.models {
        repository::restrict_models(models, yours)?;
    }
    Ok(options)
}

fn credential_variables(options: &Options) -> BTreeSet<String> {
    let keys = options
        .upstreams
        .iter()
        .filter_map(|upstream| upstream.value.api_key_env.as_ref());
    let secret = options
        .sign_in
        .as_ref()
        .and_then(|sign_in| sign_in.value.client_secret_env.as_ref());
    keys.chain(secret).map(|name| name.value.clone()).collect()
}
