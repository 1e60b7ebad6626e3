//! What the built-in policies decide: everybody, every action, one's own and others', here and elsewhere.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;

use support::{batch, job, model, person, proposal, repository, service_account};
use tenon_access::{Action, Authorizer, Resource, Scopes};
use tenon_domain::{Principal, PrincipalId, PrincipalKind, Role};

/// The weakest role that may; `None` where nobody may.
type Least = Option<Role>;

const VIEWER: Least = Some(Role::Viewer);
const DEVELOPER: Least = Some(Role::Developer);
const REVIEWER: Least = Some(Role::Reviewer);
const MAINTAINER: Least = Some(Role::Maintainer);
const ADMIN: Least = Some(Role::Admin);

/// A resource that belongs to somebody, or to nobody in particular.
type Thing = fn(PrincipalId) -> Resource;

const SERVICE: Thing = |_| Resource::Service;
const REPOSITORY: Thing = |_| repository("web");
const JOB: Thing = |owner| job(owner, "web");
const PROPOSAL: Thing = |owner| proposal(owner, "web");
const BATCH: Thing = batch;
const MODEL: Thing = |_| model();
const KEY: Thing = |owner| Resource::Key { owner };
const USER: Thing = |id| Resource::Principal { id };

/// The action, what it is done to, and who may where it is one's own and where it is somebody else's.
const PEOPLE: &[(Action, Thing, Least, Least)] = &[
    (Action::ServiceRead, SERVICE, VIEWER, VIEWER),
    (Action::RepositoriesRead, SERVICE, VIEWER, VIEWER),
    (Action::RepositoriesRead, REPOSITORY, VIEWER, VIEWER),
    (Action::RepositoriesManage, SERVICE, MAINTAINER, MAINTAINER),
    (Action::RepositoriesManage, REPOSITORY, MAINTAINER, MAINTAINER),
    (Action::JobsCreate, REPOSITORY, DEVELOPER, DEVELOPER),
    (Action::JobsRead, SERVICE, VIEWER, VIEWER),
    (Action::JobsRead, REPOSITORY, VIEWER, VIEWER),
    (Action::JobsRead, JOB, VIEWER, VIEWER),
    (Action::JobsCancel, JOB, DEVELOPER, MAINTAINER),
    (Action::JobsRetry, JOB, DEVELOPER, ADMIN),
    (Action::BatchesCreate, REPOSITORY, DEVELOPER, DEVELOPER),
    (Action::BatchesRead, SERVICE, DEVELOPER, DEVELOPER),
    (Action::BatchesRead, REPOSITORY, DEVELOPER, DEVELOPER),
    (Action::BatchesRead, BATCH, DEVELOPER, MAINTAINER),
    (Action::BatchesCancel, BATCH, DEVELOPER, MAINTAINER),
    (Action::BatchesResume, BATCH, DEVELOPER, ADMIN),
    (Action::ProposalsRead, SERVICE, VIEWER, VIEWER),
    (Action::ProposalsRead, REPOSITORY, VIEWER, VIEWER),
    (Action::ProposalsRead, PROPOSAL, VIEWER, VIEWER),
    (Action::ProposalsFeedback, PROPOSAL, DEVELOPER, DEVELOPER),
    (Action::ProposalsApprove, PROPOSAL, None, REVIEWER),
    (Action::PromptsRead, SERVICE, VIEWER, VIEWER),
    (Action::ModelsRead, SERVICE, VIEWER, VIEWER),
    (Action::ModelsRead, MODEL, VIEWER, VIEWER),
    (Action::ModelsUse, SERVICE, DEVELOPER, DEVELOPER),
    (Action::ModelsUse, MODEL, DEVELOPER, DEVELOPER),
    (Action::KeysRead, SERVICE, ADMIN, ADMIN),
    (Action::KeysRead, KEY, VIEWER, ADMIN),
    (Action::KeysManage, SERVICE, ADMIN, ADMIN),
    (Action::KeysManage, KEY, VIEWER, ADMIN),
    (Action::UsersRead, SERVICE, ADMIN, ADMIN),
    (Action::UsersRead, USER, ADMIN, ADMIN),
    (Action::UsersManage, SERVICE, ADMIN, ADMIN),
    (Action::UsersManage, USER, ADMIN, ADMIN),
    (Action::AuditRead, SERVICE, MAINTAINER, MAINTAINER),
    (Action::AuditRead, REPOSITORY, MAINTAINER, MAINTAINER),
    (Action::SignalsRead, SERVICE, VIEWER, VIEWER),
    (Action::SignalsRead, REPOSITORY, VIEWER, VIEWER),
    (Action::WebhooksManage, SERVICE, MAINTAINER, MAINTAINER),
    (Action::WebhooksManage, REPOSITORY, MAINTAINER, MAINTAINER),
    (Action::LimitsManage, SERVICE, ADMIN, ADMIN),
];

/// What people may do and service accounts never.
const PEOPLE_ONLY: &[Action] = &[Action::ProposalsApprove, Action::KeysManage];

/// The rows of the table for `kind`, each as one's own and as somebody else's.
fn expectations(kind: PrincipalKind, own: PrincipalId) -> impl Iterator<Item = (Action, Resource, Least)> {
    PEOPLE
        .iter()
        .flat_map(move |(action, thing, least_own, least_others)| {
            let denied = kind == PrincipalKind::ServiceAccount && PEOPLE_ONLY.contains(action);
            let least = |least: Least| least.filter(|_| !denied);
            [
                (*action, thing(own), least(*least_own)),
                (*action, thing(PrincipalId::new()), least(*least_others)),
            ]
        })
}

fn verify_table(principal: &Principal) {
    let authorizer = Authorizer::built_in().unwrap();
    for (action, resource, least) in expectations(principal.kind, principal.id) {
        let role = principal.role_in(resource.repository());
        let expected = least.is_some_and(|least| role >= least);
        let decision = authorizer.decide(principal, &Scopes::all(), action, &resource);
        assert_eq!(
            decision.allowed, expected,
            "{:?} {role} {action} {resource:?}: {}",
            principal.kind, decision.reason
        );
        assert!(!decision.reason.is_empty());
        assert!(!decision.allowed || !decision.policies.is_empty());
    }
}

#[test]
fn every_role_may_what_the_table_says_and_no_more() {
    for role in Role::ALL {
        verify_table(&person(role));
        verify_table(&service_account(role));
    }
}

#[test]
fn a_role_in_a_repository_counts_there_and_nowhere_else() {
    for everywhere in Role::ALL {
        for there in Role::ALL {
            let mut asker = person(everywhere);
            asker.repositories = [("web".to_owned(), there)].into();
            verify_table(&asker);
            asker.repositories = [("other".to_owned(), there)].into();
            verify_table(&asker);
        }
    }
}

#[test]
fn the_table_leaves_no_action_out() {
    let in_table: BTreeSet<_> = PEOPLE.iter().map(|(action, ..)| *action).collect();
    assert_eq!(in_table, Action::ALL.iter().copied().collect());
}

#[test]
fn a_decision_says_which_policies_decided() {
    let authorizer = Authorizer::built_in().unwrap();
    let asker = person(Role::Admin);
    let decide = |action, resource: &Resource| authorizer.decide(&asker, &Scopes::all(), action, resource);

    let own = decide(Action::JobsCancel, &job(asker.id, "web"));
    let deciding = [
        "admins-do-everything",
        "developers-steer-their-jobs",
        "maintainers-manage",
    ];
    assert!(own.allowed);
    assert_eq!(own.policies, deciding);

    let approval = decide(Action::ProposalsApprove, &proposal(asker.id, "web"));
    assert!(!approval.allowed);
    assert_eq!(approval.policies, ["nobody-approves-their-own"]);
    assert_eq!(approval.reason, "forbidden by nobody-approves-their-own");
}

#[test]
fn what_no_policy_permits_is_refused_with_role_and_place() {
    let authorizer = Authorizer::built_in().unwrap();
    let mut asker = person(Role::Admin);
    asker.repositories = [("payments".to_owned(), Role::Viewer)].into();
    let decision = authorizer.decide(
        &asker,
        &Scopes::all(),
        Action::JobsCreate,
        &repository("payments"),
    );
    assert!(!decision.allowed);
    assert!(decision.policies.is_empty());
    assert_eq!(
        decision.reason,
        "no policy permits `jobs:create` to the role viewer in the repository `payments`"
    );
}

#[test]
fn an_action_on_what_it_is_not_done_to_is_refused() {
    let authorizer = Authorizer::built_in().unwrap();
    let asker = person(Role::Admin);
    let decision = authorizer.decide(&asker, &Scopes::all(), Action::JobsCreate, &Resource::Service);
    assert!(!decision.allowed);
    assert!(decision.reason.contains("jobs:create"), "{}", decision.reason);
}
