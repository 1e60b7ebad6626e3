use std::path::Path;

use axum::http::StatusCode;
use tenon_access::Resource;
use tenon_api as api;
use tenon_audit::EventKind;
use tenon_domain::Classification;
use tenon_jobs::now_ms;
use tenon_store::{RegisteredRepository, RepositoryKind};

use super::answer::Answer;
use super::asked::{Asked, Noted, shown};
use super::{Refusal, view};

const LONGEST_NAME: usize = 100;
const LONGEST_LOCATION: usize = 2048;

pub(super) async fn list(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let permit = asked
        .permit(&Resource::Service, Noted::read("repositories"))
        .await?;
    let all = asked.control.database().repositories().await?;
    let seen = all
        .iter()
        .filter(|repository| asked.may_see(&resource(repository)));
    let repositories = seen.map(view::repository).collect();
    Ok(Answer::json(
        &permit,
        StatusCode::OK,
        &api::Repositories { repositories },
    ))
}

pub(super) async fn add(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let request: api::RepositoryRequest = asked.read()?;
    let repository = resolve(&request)?;
    let noted = Noted::done(
        EventKind::ConfigurationChanged,
        format!("repositories/{}", repository.name),
    )
    .with("change", "added")
    .with("location", repository.location.as_str());
    // Whoever names a place decides what becomes readable there: that is for those who manage all of them.
    let permit = asked.permit(&Resource::Service, noted).await?;
    if repository.kind == RepositoryKind::Path {
        let permitted = asked
            .control
            .parts
            .sources
            .permit(Path::new(&repository.location));
        permitted.map_err(|error| Refusal::bad(format!("the body, at `location`: {error}")))?;
        let others = asked.control.database().repositories().await?;
        let overlaps = |other: &&RegisteredRepository| {
            let (here, there) = (Path::new(&repository.location), Path::new(&other.location));
            other.kind == RepositoryKind::Path && (here.starts_with(there) || there.starts_with(here))
        };
        if let Some(other) = others.iter().find(overlaps) {
            return Err(Refusal::conflict(format!(
                "the folder belongs to the repository `{}` already, or holds it: use that one",
                other.name
            )));
        }
    }
    asked.control.database().add_repository(&repository).await?;
    Ok(Answer::json(
        &permit,
        StatusCode::CREATED,
        &view::repository(&repository),
    ))
}

pub(super) async fn remove(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let name: String = asked.place("name")?;
    let found = asked.control.database().repository(&name).await?;
    let noted = Noted::done(
        EventKind::ConfigurationChanged,
        format!("repositories/{}", shown(&name)),
    )
    .with("change", "removed");
    let permit = asked.permit(&Resource::Service, noted).await?;
    if found.is_none() {
        return Err(Refusal::missing(format!(
            "there is no repository `{}`",
            shown(&name)
        )));
    }
    asked.control.database().remove_repository(&name).await?;
    Ok(Answer::nothing(&permit, StatusCode::NO_CONTENT))
}

fn resolve(request: &api::RepositoryRequest) -> Result<RegisteredRepository, Refusal> {
    let wrong = |field: &str, detail: &str| Refusal::bad(format!("the body, at `{field}`: {detail}"));
    let is_name = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    let name = &request.name;
    // It becomes the name of a folder.
    if name.is_empty()
        || name.len() > LONGEST_NAME
        || name.starts_with(['.', '-'])
        || !name.chars().all(is_name)
    {
        return Err(wrong(
            "name",
            "use letters, digits, `-`, `_` and `.`, and begin with a letter or a digit",
        ));
    }
    let kind: RepositoryKind = request
        .kind
        .parse()
        .map_err(|error| Refusal::bad(format!("the body, at `kind`: {error}")))?;
    let location = request.location.trim();
    let fits = match kind {
        RepositoryKind::Path => location.starts_with('/'),
        RepositoryKind::Remote => location.starts_with("https://") && !location.contains('@'),
        RepositoryKind::Archive => location.is_empty(),
    };
    if !fits || location.len() > LONGEST_LOCATION || location.chars().any(char::is_control) {
        let detail = match kind {
            RepositoryKind::Path => "give a folder on the server, from `/`",
            RepositoryKind::Archive => "what is uploaded has no place: leave it out",
            RepositoryKind::Remote => {
                "give `https://HOST/PATH` without credentials: Git's own helpers on the server know those"
            }
        };
        return Err(wrong("location", detail));
    }
    let classification = match request.classification.as_deref() {
        None | Some("normal") => Classification::Normal,
        Some("confidential") => Classification::Confidential,
        Some(_) => return Err(wrong("classification", "it is `normal` or `confidential`")),
    };
    Ok(RegisteredRepository {
        name: name.clone(),
        kind,
        location: location.to_owned(),
        classification,
        created_at_ms: now_ms(),
    })
}

fn resource(repository: &RegisteredRepository) -> Resource {
    Resource::Repository {
        name: repository.name.clone(),
        classification: repository.classification,
    }
}
