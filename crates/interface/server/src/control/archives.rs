use axum::http::StatusCode;
use tenon_access::Resource;
use tenon_api as api;
use tenon_audit::EventKind;
use tenon_domain::Digest;
use tenon_forge::archive::{self, ArchiveBounds};
use tenon_jobs::now_ms;
use tenon_store::RepositoryKind;

use super::Refusal;
use super::answer::Answer;
use super::asked::{Asked, Noted, shown};

/// Takes a tree in place of the one before.
pub(super) async fn upload(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let name: String = asked.place("name")?;
    let bytes = asked.body.as_ref().map_err(Clone::clone)?.clone();
    let digest = Digest::of(&bytes);
    let subject = format!("repositories/{}/archive", shown(&name));
    let noted = Noted::done(EventKind::ConfigurationChanged, subject).with("digest", digest);
    let resource = Resource::Repository {
        name: name.clone(),
        classification: asked.classification(&name).await?,
    };
    let permit = asked.permit(&resource, noted).await?;
    let found = asked.control.database().repository(&name).await?;
    match found.map(|found| found.kind) {
        Some(RepositoryKind::Archive) => {}
        Some(_) => {
            return Err(Refusal::conflict(
                "the repository has a place of its own: nothing is uploaded to it",
            ));
        }
        None => {
            return Err(Refusal::missing(format!(
                "there is no repository `{}`",
                shown(&name)
            )));
        }
    }
    let read = bytes.clone();
    let inspected = tokio::task::spawn_blocking(move || archive::inspect(&read, ArchiveBounds::default()));
    let summary = inspected.await.map_err(Refusal::internal)?;
    let summary = summary.map_err(|error| Refusal::bad(error.to_string()))?;
    let database = asked.control.database();
    let digest = database.keep_archive(&name, bytes.to_vec(), now_ms()).await?;
    let archive = api::Archive {
        digest: digest.to_string(),
        files: summary.files as u64,
        bytes: summary.bytes,
    };
    Ok(Answer::json(&permit, StatusCode::OK, &archive))
}
