//! What a key is limited to, and for how long it is good.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use proptest::prelude::*;
use support::{job, person, repository};
use tenon_access::{Action, Authorizer, KeyGrant, KeyRefusal, Resource, ScopeError, Scopes};
use tenon_domain::Role;

fn scopes(texts: &[&str]) -> Scopes {
    Scopes::parse(texts).unwrap()
}

#[test]
fn scopes_refuse_before_any_policy_permits() {
    let authorizer = Authorizer::built_in().unwrap();
    let asker = person(Role::Admin);
    let limited = scopes(&["jobs:create", "jobs:read", "repository:web"]);
    let decide = |action, resource: &Resource| authorizer.decide(&asker, &limited, action, resource);

    assert!(decide(Action::JobsCreate, &repository("web")).allowed);
    assert!(decide(Action::JobsRead, &job(asker.id, "web")).allowed);
    for (action, resource) in [
        (Action::JobsCreate, repository("payments")),
        (Action::JobsCancel, job(asker.id, "web")),
        (Action::JobsRead, Resource::Service),
        (Action::UsersManage, Resource::Service),
    ] {
        let decision = decide(action, &resource);
        assert!(!decision.allowed, "{action} {resource:?}");
        assert_eq!(decision.policies, ["scope"]);
        assert!(decision.reason.contains("repository:web"), "{}", decision.reason);
    }
}

#[test]
fn scopes_give_nothing_that_the_role_does_not() {
    let authorizer = Authorizer::built_in().unwrap();
    let all = scopes(&["jobs:create", "repository:web"]);
    let decision = authorizer.decide(
        &person(Role::Viewer),
        &all,
        Action::JobsCreate,
        &repository("web"),
    );
    assert!(!decision.allowed);
    assert_ne!(decision.policies, ["scope"]);
}

#[test]
fn a_key_for_repositories_reaches_what_has_none_only_by_name() {
    let web = scopes(&["repository:web"]);
    assert!(web.allow(Action::RepositoriesManage, Some("web")));
    assert!(!web.allow(Action::ModelsUse, None));
    assert!(!web.allow(Action::UsersManage, None));
    let with_models = scopes(&["repository:web", "models:use", "jobs:read"]);
    assert!(with_models.allow(Action::ModelsUse, None));
    assert!(!with_models.allow(Action::JobsRead, None));
}

#[test]
fn every_key_may_ask_who_it_is() {
    let authorizer = Authorizer::built_in().unwrap();
    for limited in [scopes(&["repository:web"]), scopes(&["jobs:read"])] {
        let asker = person(Role::Viewer);
        let decision = authorizer.decide(&asker, &limited, Action::ServiceRead, &Resource::Service);
        assert!(decision.allowed, "{}", decision.reason);
    }
}

#[test]
fn scopes_cover_what_is_not_wider() {
    let narrow = scopes(&["jobs:read", "repository:web"]);
    let web = scopes(&["repository:web"]);
    let models_and_web = scopes(&["repository:web", "models:use"]);
    assert!(Scopes::all().cover(&narrow) && Scopes::all().cover(&Scopes::all()));
    assert!(web.cover(&narrow) && scopes(&["jobs:read"]).cover(&narrow));
    assert!(!narrow.cover(&web) && !narrow.cover(&Scopes::all()));
    assert!(!narrow.cover(&scopes(&["jobs:read"])));
    assert!(!narrow.cover(&scopes(&["jobs:read", "repository:web", "repository:payments"])));
    // The wider list of names reaches a place that the shorter one does not.
    assert!(!web.cover(&models_and_web));
}

#[test]
fn an_unknown_scope_is_refused_with_the_known_ones() {
    for wrong in ["jobs:destroy", "repository:", "jobs", "", "Jobs:create", "** "] {
        let error = Scopes::parse(["jobs:read", wrong]).unwrap_err();
        let message = error.to_string();
        assert!(
            message.starts_with(&format!("`{wrong}` is not a scope")),
            "{message}"
        );
        for action in Action::ALL {
            assert!(message.contains(action.as_str()), "{message}");
        }
    }
}

#[test]
fn nothing_and_everything_must_be_said_clearly() {
    assert_eq!(Scopes::parse::<&str>([]), Err(ScopeError::Empty));
    assert_eq!(Scopes::parse(["*"]), Ok(Scopes::all()));
    assert_eq!(
        Scopes::parse(["*", "jobs:read"]),
        Err(ScopeError::EverythingAndMore)
    );
    assert!(serde_json::from_str::<Scopes>("[]").is_err());
    assert!(serde_json::from_str::<Scopes>("[\"jobs:destroy\"]").is_err());
}

#[test]
fn a_key_is_refused_from_its_last_second_on_and_once_revoked() {
    let grant = |expires_at, revoked_at| KeyGrant {
        principal: person(Role::Developer),
        scopes: Scopes::all(),
        expires_at,
        revoked_at,
    };
    assert_eq!(grant(None, None).refusal(u64::MAX), None);
    assert_eq!(grant(Some(100), None).refusal(99), None);
    assert_eq!(grant(Some(100), None).refusal(100), Some(KeyRefusal::Expired));
    assert_eq!(grant(Some(100), Some(50)).refusal(10), Some(KeyRefusal::Revoked));
    assert_eq!(grant(Some(100), Some(50)).refusal(200), Some(KeyRefusal::Revoked));
}

fn any_scopes() -> impl Strategy<Value = Scopes> {
    let action = prop::sample::select(Action::ALL).prop_map(|action| action.to_string());
    let name = "[a-z:* ]{1,3}".prop_map(|name| format!("repository:{name}"));
    let texts = prop::collection::vec(prop_oneof![action, name], 0..6);
    texts.prop_map(|texts| Scopes::parse(texts).unwrap_or_else(|_| Scopes::all()))
}

proptest! {
    #[test]
    fn scopes_survive_their_text_form_and_their_json(scopes in any_scopes()) {
        prop_assert_eq!(Scopes::parse(scopes.to_texts()), Ok(scopes.clone()));
        let json = serde_json::to_string(&scopes).unwrap();
        prop_assert_eq!(serde_json::from_str::<Scopes>(&json).unwrap(), scopes);
    }

    #[test]
    fn scopes_cover_themselves_and_nothing_covers_more_than_it_allows(
        one in any_scopes(), other in any_scopes(),
        action in prop::sample::select(Action::ALL), name in prop::option::of("[a-c]{1,2}"),
    ) {
        prop_assert!(one.cover(&one));
        if one.cover(&other) && other.allow(action, name.as_deref()) {
            prop_assert!(one.allow(action, name.as_deref()));
        }
    }
}
