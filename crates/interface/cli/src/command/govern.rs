//! `tenon key`, `user`, `repository`, `limit` and `audit`: what a server is governed by.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::Path;
use std::time::Duration;

use tenon_api::{
    Archive, AuditReport, Key, KeyCreated, KeyRequest, Keys, Limit, LimitUsage, Limits, Me, Repositories,
    Repository, RepositoryRequest, User, UserRequest, Users,
};
use tenon_audit::{PublicKey, Report, verify_export};
use tenon_client::{ClientError, query};
use tenon_config::Overrides;
use tenon_forge::archive::{self, ArchiveBounds};

use crate::arguments::{
    AuditCommand, KeyCommand, LimitCommand, RepositoryCommand, ServerArguments, UserArguments, UserCommand,
};
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::server_client::{Asking, asking};

/// `tenon key …`.
pub async fn key(command: KeyCommand) -> Result<Exit, Failure> {
    match command {
        KeyCommand::Create {
            name,
            user,
            role,
            scopes,
            repositories,
            expires,
            server,
        } => {
            let asking = asking(&server)?;
            if let (Some(user), Some(role)) = (&user, role) {
                make_user(&asking, user, &role).await?;
            }
            let mut limited = scopes;
            limited.extend(repositories.iter().map(|name| format!("repository:{name}")));
            let request = KeyRequest {
                name,
                user,
                scopes: limited,
                expires_seconds: expires.map(|expires| expires.as_secs()),
            };
            let created: KeyCreated = asking.client.post("/keys", &request).await?;
            match asking.json {
                true => asking.output.json(&created),
                false => {
                    asking
                        .output
                        .say(&format!("key {}; it is shown this once:", created.key.id));
                    asking.output.result(&created.secret);
                }
            }
            Ok(Exit::Success)
        }
        KeyCommand::List { user, server } => {
            let asking = asking(&server)?;
            let path = format!("/keys{}", query(&[("user", user.as_deref())]));
            let keys: Keys = asking.client.get(&path).await?;
            print(&asking, &keys, keys.keys.iter().map(key_line));
            Ok(Exit::Success)
        }
        KeyCommand::Revoke { id, server } => {
            let asking = asking(&server)?;
            asking.client.delete(&format!("/keys/{id}")).await?;
            asking.output.say(&format!("the key {id} holds no longer"));
            Ok(Exit::Success)
        }
    }
}

/// Makes a user; one of that name that is there already is left as it is.
async fn make_user(asking: &Asking, name: &str, role: &str) -> Result<(), Failure> {
    let request = UserRequest {
        name: name.to_owned(),
        kind: None,
        team: None,
        role: role.to_owned(),
        repositories: std::collections::BTreeMap::new(),
        disabled: false,
    };
    match asking.client.post::<User>("/users", &request).await {
        Ok(_) => Ok(()),
        Err(ClientError::Refused(problem)) if problem.status == 409 => {
            asking
                .output
                .say(&format!("the user `{name}` is there already, and keeps its role"));
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

fn key_line(key: &Key) -> String {
    let state = match (&key.revoked_at, &key.expires_at) {
        (Some(at), _) => format!("revoked {at}"),
        (None, Some(at)) => format!("until {at}"),
        (None, None) => "holds".to_owned(),
    };
    format!("{}  {}  {}  {state}", key.id, key.name, key.scopes.join(" "))
}

/// `tenon user …`.
pub async fn user(command: UserCommand) -> Result<Exit, Failure> {
    match command {
        UserCommand::Add(arguments) => {
            let asking = asking(&arguments.server)?;
            let user: User = asking.client.post("/users", &user_request(&arguments)).await?;
            print(&asking, &user, [user_line(&user)]);
        }
        UserCommand::Change(arguments) => {
            let asking = asking(&arguments.server)?;
            let path = format!("/users/{}", path_part(&arguments.name));
            let mut request = as_it_is(&asking, &arguments.name).await?;
            request.role = arguments.role.unwrap_or(request.role);
            request.repositories.extend(arguments.repositories);
            request
                .repositories
                .retain(|name, _| !arguments.not_in.contains(name));
            request.team = arguments.team.or(request.team.filter(|_| !arguments.no_team));
            let user: User = asking.client.put(&path, &request).await?;
            print(&asking, &user, [user_line(&user)]);
        }
        UserCommand::Disable { name, server } => shut_out(&name, true, &server).await?,
        UserCommand::Enable { name, server } => shut_out(&name, false, &server).await?,
        UserCommand::List(server) => {
            let asking = asking(&server)?;
            let users: Users = asking.client.get("/users").await?;
            print(&asking, &users, users.users.iter().map(user_line));
        }
        UserCommand::Me(server) => {
            let asking = asking(&server)?;
            let me: Me = asking.client.get("/me").await?;
            print(
                &asking,
                &me,
                [
                    user_line(&me.user),
                    format!(
                        "key {}: {}",
                        me.key.as_deref().unwrap_or_default(),
                        me.scopes.join(" ")
                    ),
                ],
            );
        }
    }
    Ok(Exit::Success)
}

/// A user as a request that changes nothing.
async fn as_it_is(asking: &Asking, name: &str) -> Result<UserRequest, Failure> {
    let users: Users = asking.client.get("/users").await?;
    let user = users.users.into_iter().find(|user| user.name == name);
    let user = user.ok_or_else(|| {
        Failure::new(Exit::Usage, format!("there is no user `{name}`"))
            .with_help("`tenon user list` shows them")
    })?;
    Ok(UserRequest {
        name: user.name,
        kind: Some(user.kind),
        team: user.team,
        role: user.role,
        repositories: user.repositories,
        disabled: user.disabled,
    })
}

async fn shut_out(name: &str, is_out: bool, server: &ServerArguments) -> Result<(), Failure> {
    let asking = asking(server)?;
    let request = UserRequest {
        disabled: is_out,
        ..as_it_is(&asking, name).await?
    };
    let path = format!("/users/{}", path_part(name));
    let user: User = asking.client.put(&path, &request).await?;
    print(&asking, &user, [user_line(&user)]);
    Ok(())
}

fn user_request(arguments: &UserArguments) -> UserRequest {
    UserRequest {
        name: arguments.name.clone(),
        kind: Some(
            if arguments.service_account {
                "service_account"
            } else {
                "person"
            }
            .to_owned(),
        ),
        team: arguments.team.clone(),
        role: arguments.role.clone(),
        repositories: arguments.repositories.iter().cloned().collect(),
        disabled: false,
    }
}

fn user_line(user: &User) -> String {
    let team = user
        .team
        .as_deref()
        .map(|team| format!("  team {team}"))
        .unwrap_or_default();
    let others: Vec<String> = user
        .repositories
        .iter()
        .map(|(repository, role)| format!("  {role} in {repository}"))
        .collect();
    format!(
        "{}  {}  {}{team}{}{}",
        user.name,
        user.kind,
        user.role,
        others.concat(),
        if user.disabled { "  disabled" } else { "" },
    )
}

/// `tenon repository …`.
pub async fn repository(command: RepositoryCommand) -> Result<Exit, Failure> {
    match command {
        RepositoryCommand::Add {
            name,
            location,
            confidential,
            server,
        } => {
            let asking = asking(&server)?;
            let request = RepositoryRequest {
                kind: if location.contains("://") {
                    "remote"
                } else {
                    "path"
                }
                .to_owned(),
                // A folder is the server's, and may be typed as it is seen from here.
                location: match std::path::absolute(&location) {
                    Ok(path) if !location.contains("://") => path.to_string_lossy().into_owned(),
                    _ => location,
                },
                name,
                classification: confidential.then(|| "confidential".to_owned()),
            };
            let repository: Repository = asking.client.post("/repositories", &request).await?;
            print(&asking, &repository, [repository_line(&repository)]);
        }
        RepositoryCommand::Upload {
            name,
            place,
            confidential,
            server,
        } => upload(&name, &place, confidential, &server).await?,
        RepositoryCommand::List(server) => {
            let asking = asking(&server)?;
            let all: Repositories = asking.client.get("/repositories").await?;
            print(&asking, &all, all.repositories.iter().map(repository_line));
        }
        RepositoryCommand::Remove { name, server } => {
            let asking = asking(&server)?;
            asking
                .client
                .delete(&format!("/repositories/{}", path_part(&name)))
                .await?;
            asking.output.say(&format!("`{name}` is forgotten"));
        }
    }
    Ok(Exit::Success)
}

async fn upload(
    name: &str,
    place: &Path,
    confidential: bool,
    server: &ServerArguments,
) -> Result<(), Failure> {
    let asking = asking(server)?;
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::new(Exit::Usage, format!("cannot read {}: {error}", place.display()))
    };
    let bytes = match place.is_dir() {
        true => archive::pack(place, ArchiveBounds::default()).map_err(|error| unreadable(&error))?,
        false => std::fs::read(place).map_err(|error| unreadable(&error))?,
    };
    let all: Repositories = asking.client.get("/repositories").await?;
    if !all.repositories.iter().any(|one| one.name == name) {
        let request = RepositoryRequest {
            name: name.to_owned(),
            kind: "archive".to_owned(),
            location: String::new(),
            classification: confidential.then(|| "confidential".to_owned()),
        };
        asking
            .client
            .post::<Repository>("/repositories", &request)
            .await?;
    }
    let path = format!("/repositories/{}/archive", path_part(name));
    let archive: Archive = asking.client.upload(&path, bytes).await?;
    let line = format!(
        "{name}  {} files, {} bytes  {}",
        archive.files, archive.bytes, archive.digest
    );
    print(&asking, &archive, [line]);
    Ok(())
}

fn repository_line(repository: &Repository) -> String {
    format!(
        "{}  {}  {}",
        repository.name,
        match repository.location.as_str() {
            "" => "(uploaded)",
            location => location,
        },
        repository.classification
    )
}

/// `tenon limit …`.
pub async fn limit(command: LimitCommand) -> Result<Exit, Failure> {
    match command {
        LimitCommand::Set {
            scope,
            unit,
            quota,
            per,
            server,
        } => {
            let asking = asking(&server)?;
            let limit = Limit {
                scope,
                unit,
                window_seconds: window(per),
                quota,
            };
            let limit: Limit = asking.client.put("/limits", &limit).await?;
            let line = limit_line(&LimitUsage {
                limit: limit.clone(),
                user: None,
                used: 0,
            });
            print(&asking, &limit, [line]);
        }
        LimitCommand::List(server) => {
            let asking = asking(&server)?;
            let limits: Limits = asking.client.get("/limits").await?;
            print(&asking, &limits, limits.limits.iter().map(limit_line));
        }
        LimitCommand::Lift {
            scope,
            unit,
            per,
            server,
        } => {
            let asking = asking(&server)?;
            let window = window(per).to_string();
            let pairs = [
                ("scope", Some(scope.as_str())),
                ("unit", Some(unit.as_str())),
                ("window_seconds", Some(window.as_str())),
            ];
            asking.client.delete(&format!("/limits{}", query(&pairs))).await?;
            asking.output.say("the limit is lifted");
        }
    }
    Ok(Exit::Success)
}

fn window(per: Option<Duration>) -> u32 {
    per.map_or(0, super::job::seconds)
}

fn limit_line(usage: &LimitUsage) -> String {
    let limit = &usage.limit;
    let by = match &usage.user {
        Some(user) => format!(" by {user}"),
        None => String::new(),
    };
    match limit.window_seconds {
        0 => format!("{}  {} {}", limit.scope, limit.quota, limit.unit),
        window => format!(
            "{}  {} {} in {window} s, {} used{by}",
            limit.scope, limit.quota, limit.unit, usage.used
        ),
    }
}

/// `tenon audit …`.
pub async fn audit(command: AuditCommand) -> Result<Exit, Failure> {
    match command {
        AuditCommand::Verify {
            file: Some(file),
            public_keys,
            server,
        } => verify_file(&file, &public_keys, &server),
        AuditCommand::Verify {
            file: None, server, ..
        } => {
            let asking = asking(&server)?;
            let report: AuditReport = asking.client.get("/audit/verify").await?;
            Ok(tell(asking.output, asking.json, &report))
        }
        AuditCommand::Export { out, server } => {
            let asking = asking(&server)?;
            match out == Path::new("-") {
                true => print_export(&asking).await,
                false => write_export(&asking, &out).await,
            }
        }
    }
}

async fn print_export(asking: &Asking) -> Result<Exit, Failure> {
    let mut download = asking.client.download("/audit/export").await?;
    while let Some(piece) = download.next().await? {
        if !asking.output.piece(&piece) {
            break;
        }
    }
    Ok(Exit::Success)
}

/// Under another name until it is whole.
async fn write_export(asking: &Asking, out: &Path) -> Result<Exit, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(Exit::Missing, format!("cannot write {}: {error}", out.display()))
    };
    let mut partial = out.as_os_str().to_owned();
    partial.push(".partial");
    let mut download = asking.client.download("/audit/export").await?;
    let mut file = BufWriter::new(File::create(&partial).map_err(failed)?);
    let mut lines = 0;
    while let Some(piece) = download.next().await? {
        lines += piece.iter().filter(|byte| **byte == b'\n').count();
        file.write_all(&piece).map_err(failed)?;
    }
    file.flush().map_err(failed)?;
    std::fs::rename(&partial, out).map_err(failed)?;
    asking
        .output
        .say(&format!("{lines} lines written to {}", out.display()));
    Ok(Exit::Success)
}

fn verify_file(file: &Path, public_keys: &[String], server: &ServerArguments) -> Result<Exit, Failure> {
    let settings = composition::settings(None, &Overrides::default())?;
    let output = Output::new(false, settings.no_color);
    let keys: Vec<PublicKey> = public_keys
        .iter()
        .map(|key| key.parse())
        .collect::<Result<_, _>>()
        .map_err(|error: tenon_audit::AuditError| Failure::new(Exit::Usage, error.to_string()))?;
    let missing = |error: &dyn std::fmt::Display| {
        Failure::new(Exit::Missing, format!("cannot read {}: {error}", file.display()))
    };
    let opened = File::open(file).map_err(|error| missing(&error))?;
    let report = verify_export(BufReader::new(opened), &keys).map_err(|error| missing(&error))?;
    Ok(tell(output, server.json, &wire(&report)))
}

fn wire(report: &Report) -> AuditReport {
    AuditReport {
        is_whole: report.is_whole(),
        records: report.records,
        first: report.first,
        last: report.last,
        signed_through: report.signed_through,
        keys: report.keys.iter().map(ToString::to_string).collect(),
        unknown_keys: report.unknown_keys.iter().map(ToString::to_string).collect(),
        problems: report.problems.iter().map(ToString::to_string).collect(),
        unlisted: report.unlisted,
    }
}

fn tell(output: Output, json: bool, report: &AuditReport) -> Exit {
    if json {
        output.json(report);
    } else {
        for problem in &report.problems {
            output.result(&format!("✘ {problem}"));
        }
        if report.unlisted > 0 {
            output.result(&format!("✘ and {} more", report.unlisted));
        }
        for key in &report.unknown_keys {
            output.result(&format!(
                "– what {key} signed counts for nothing: nobody trusts that key"
            ));
        }
        let signed = match (report.signed_through, report.keys.as_slice()) {
            (Some(through), keys) => format!("; signed up to {through} by {}", keys.join(", ")),
            (None, _) => "; nothing of it is signed".to_owned(),
        };
        let verdict = if report.is_whole {
            "✔ whole"
        } else {
            "✘ not whole"
        };
        output.result(&format!("{verdict}: {} records{signed}", report.records));
    }
    match report.is_whole {
        true => Exit::Success,
        false => Exit::NotVerified,
    }
}

/// The answer as JSON, or as these lines.
pub(super) fn print<T: serde::Serialize>(
    asking: &Asking,
    value: &T,
    lines: impl IntoIterator<Item = String>,
) {
    match asking.json {
        true => asking.output.json(value),
        false => lines.into_iter().for_each(|line| asking.output.result(&line)),
    }
}

/// A name as it stands in a path.
fn path_part(name: &str) -> String {
    query(&[("", Some(name))]).split_off("?=".len())
}
