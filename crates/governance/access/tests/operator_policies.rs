//! Policies that an operator adds: what they can say, and that nothing doubtful is accepted.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;

use support::{job, person, repository, service_account};
use tempfile::TempDir;
use tenon_access::{Action, Authorizer, Decision, PolicyError, Resource, Scopes};
use tenon_domain::{Classification, Principal, Role};

const CONTRACTORS: &str = r#"
@id("contractors-stay-out-of-payments")
forbid (
    principal,
    action == Tenon::Action::"jobs:create",
    resource == Tenon::Repository::"payments"
)
when { principal has team && principal.team == "contractors" };
"#;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn authorizer(text: &str) -> Authorizer {
    let folder = folder(&[("operator.cedar", text)]);
    Authorizer::with_operator_policies(folder.path()).unwrap()
}

fn refusal(text: &str) -> PolicyError {
    let folder = folder(&[("operator.cedar", text)]);
    Authorizer::with_operator_policies(folder.path()).unwrap_err()
}

fn decide(authorizer: &Authorizer, asker: &Principal, action: Action, resource: &Resource) -> Decision {
    authorizer.decide(asker, &Scopes::all(), action, resource)
}

fn contractor() -> Principal {
    Principal {
        team: Some("contractors".to_owned()),
        ..person(Role::Maintainer)
    }
}

#[test]
fn a_team_can_be_kept_out_of_a_repository() {
    let authorizer = authorizer(CONTRACTORS);
    let refused = decide(
        &authorizer,
        &contractor(),
        Action::JobsCreate,
        &repository("payments"),
    );
    assert!(!refused.allowed);
    assert_eq!(refused.policies, ["contractors-stay-out-of-payments"]);
    assert!(decide(&authorizer, &contractor(), Action::JobsCreate, &repository("web")).allowed);
    let employee = person(Role::Developer);
    assert!(
        decide(
            &authorizer,
            &employee,
            Action::JobsCreate,
            &repository("payments")
        )
        .allowed
    );
}

#[test]
fn confidential_repositories_can_ask_for_more() {
    let authorizer = authorizer(
        r#"@id("confidential-is-for-reviewers")
        forbid (principal, action, resource)
        when { resource has classification && resource.classification == Tenon::Classification::"confidential" }
        unless { principal in Tenon::Role::"reviewer" };"#,
    );
    let secret = Resource::Repository {
        name: "vault".to_owned(),
        classification: Classification::Confidential,
    };
    assert!(!decide(&authorizer, &person(Role::Developer), Action::JobsCreate, &secret).allowed);
    assert!(decide(&authorizer, &person(Role::Reviewer), Action::JobsCreate, &secret).allowed);
    assert!(
        decide(
            &authorizer,
            &person(Role::Developer),
            Action::JobsCreate,
            &repository("web")
        )
        .allowed
    );
}

#[test]
fn what_lies_in_a_repository_is_found_by_its_repository() {
    let authorizer = authorizer(
        r#"@id("archive-is-closed")
        forbid (principal, action, resource in Tenon::Repository::"archive");
        @id("labs-are-closed-to-programs")
        forbid (principal, action, resource)
        when { principal.kind == Tenon::Kind::"service_account" && resource has repository && resource.repository like "lab-*" };"#,
    );
    let (asker, program) = (person(Role::Admin), service_account(Role::Admin));
    let read =
        |asker: &Principal, name| decide(&authorizer, asker, Action::JobsRead, &job(asker.id, name)).policies;
    assert_eq!(read(&asker, "archive"), ["archive-is-closed"]);
    assert_eq!(read(&program, "lab-1"), ["labs-are-closed-to-programs"]);
    assert_eq!(read(&program, "web"), ["admins-do-everything", "viewers-read"]);
    assert!(decide(&authorizer, &asker, Action::JobsRead, &job(asker.id, "lab-1")).allowed);
}

#[test]
fn a_policy_without_a_name_is_called_by_its_file_and_place() {
    let authorizer = authorizer(r#"permit (principal, action == Tenon::Action::"limits:manage", resource);"#);
    let decision = decide(
        &authorizer,
        &person(Role::Viewer),
        Action::LimitsManage,
        &Resource::Service,
    );
    assert!(decision.allowed);
    assert_eq!(decision.policies, ["operator.cedar/policy0"]);
}

#[test]
fn names_may_be_written_in_any_script() {
    let authorizer = authorizer(
        r#"@id("nobody's für später")
        forbid (principal, action == Tenon::Action::"jobs:create", resource == Tenon::Repository::"платежи");"#,
    );
    let asker = person(Role::Admin);
    let decision = decide(&authorizer, &asker, Action::JobsCreate, &repository("платежи"));
    assert_eq!(decision.policies, ["nobody's für später"]);
}

#[test]
fn a_name_that_only_looks_like_another_is_refused() {
    // The second letter is Cyrillic.
    let error = refusal("forbid (principal, action, resource == Tenon::Repository::\"p\u{430}yments\");");
    assert!(error.to_string().contains("mixed scripts"), "{error}");
}

#[test]
fn a_policy_that_cannot_be_evaluated_refuses_what_others_permit() {
    let authorizer = authorizer(
        r#"@id("overflows")
        forbid (principal, action == Tenon::Action::"jobs:create", resource)
        when { 9223372036854775807 + 1 == 0 };"#,
    );
    let decision = decide(
        &authorizer,
        &person(Role::Admin),
        Action::JobsCreate,
        &repository("web"),
    );
    assert!(!decision.allowed);
    assert_eq!(decision.policies, ["overflows"]);
    assert!(decision.reason.contains("overflow"), "{}", decision.reason);
}

#[test]
fn a_broken_policy_is_refused_with_file_line_and_column() {
    let error = refusal("\n\npermit (principal, action, ressource);\n");
    let message = error.to_string();
    assert!(message.starts_with("operator.cedar:3:28: "), "{message}");
    assert!(message.contains("ressource"), "{message}");
}

#[test]
fn a_policy_that_does_not_fit_the_schema_is_refused_where_it_stands() {
    for (text, line, named) in [
        (
            "permit (principal, action,\nresource is Tenon::Robot);",
            2,
            "Robot",
        ),
        (
            "permit (principal, action ==\n\nTenon::Action::\"jobs:destroy\", resource);",
            3,
            "jobs:destroy",
        ),
        (
            "permit (principal in\nTenon::Role::\"owner\", action, resource);",
            2,
            "owner",
        ),
        (
            "permit (principal, action, resource)\nwhen { principal.salary == 1 };",
            2,
            "salary",
        ),
        (
            "permit (principal, action, resource)\nwhen { principal.team == \"a\" };",
            2,
            "team",
        ),
        (
            "permit (principal, action, resource)\nwhen { principal.name == 1 };",
            2,
            "",
        ),
    ] {
        match refusal(text) {
            PolicyError::Invalid {
                file,
                line: at,
                reason,
                ..
            } => {
                assert_eq!((&*file, at), ("operator.cedar", line), "{text}: {reason}");
                assert!(reason.contains(named), "{text}: {reason}");
            }
            other => unreachable!("{text}: {other}"),
        }
    }
}

#[test]
fn a_policy_may_not_look_further_than_what_is_put_before_it() {
    let error = refusal(
        r#"forbid (principal, action == Tenon::Action::"jobs:read", resource is Tenon::Job)
        when { resource.owner has team && resource.owner.team == "a" };"#,
    );
    assert!(matches!(error, PolicyError::Invalid { line: 2, .. }), "{error}");
}

#[test]
fn a_policy_that_can_never_apply_is_refused() {
    let error = refusal(
        "forbid (principal, action, resource)\nwhen { resource is Tenon::Job && resource is Tenon::Key };",
    );
    assert!(matches!(error, PolicyError::Invalid { .. }), "{error}");
    let error = refusal("permit (principal == ?principal, action, resource);");
    assert!(error.to_string().contains("?principal"), "{error}");
}

#[test]
fn names_are_taken_once() {
    for (text, name) in [
        ("@id(\"admins-do-everything\")", "admins-do-everything"),
        ("@id(\"a\") permit (principal, action, resource); @id(\"a\")", "a"),
        ("@id(\"scope\")", "scope"),
    ] {
        let error = refusal(&format!("{text} permit (principal, action, resource);"));
        let message = error.to_string();
        assert!(
            message.contains(&format!("operator.cedar: the name `{name}` is taken")),
            "{message}"
        );
    }
}

#[test]
fn a_folder_without_readable_policies_is_refused() {
    let empty = folder(&[("readme.md", "no policy")]);
    let error = Authorizer::with_operator_policies(empty.path()).unwrap_err();
    assert!(matches!(error, PolicyError::Empty { .. }), "{error}");
    let missing = empty.path().join("missing");
    let error = Authorizer::with_operator_policies(&missing).unwrap_err();
    assert!(error.to_string().contains("missing"), "{error}");
    fs::create_dir(empty.path().join("folder.cedar")).unwrap();
    let error = Authorizer::with_operator_policies(empty.path()).unwrap_err();
    assert!(matches!(error, PolicyError::Unreadable { .. }), "{error}");
    fs::write(missing.with_extension("cedar"), b"permit\xff").unwrap();
    fs::remove_dir(empty.path().join("folder.cedar")).unwrap();
    let error = Authorizer::with_operator_policies(empty.path()).unwrap_err();
    assert!(error.to_string().contains("missing.cedar"), "{error}");
}

#[test]
fn the_first_bad_file_by_name_is_told_and_other_files_are_left_alone() {
    let folder = folder(&[
        ("b.cedar", "nonsense"),
        ("a.cedar", CONTRACTORS),
        ("c.cedar", "nonsense"),
        ("notes.txt", "nonsense"),
    ]);
    let error = Authorizer::with_operator_policies(folder.path()).unwrap_err();
    assert!(error.to_string().starts_with("b.cedar:1:"), "{error}");
}

#[test]
fn the_digest_changes_with_every_text_and_name() {
    let digests = [
        Authorizer::built_in().unwrap().digest(),
        authorizer(CONTRACTORS).digest(),
        authorizer(&format!("{CONTRACTORS}\n")).digest(),
        Authorizer::with_operator_policies(folder(&[("other.cedar", CONTRACTORS)]).path())
            .unwrap()
            .digest(),
    ];
    for (place, digest) in digests.iter().enumerate() {
        assert!(!digests.iter().skip(place + 1).any(|other| other == digest));
    }
    assert_eq!(authorizer(CONTRACTORS).digest(), authorizer(CONTRACTORS).digest());
}
