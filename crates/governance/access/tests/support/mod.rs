//! Who asks and for what, in tests.
#![allow(
    dead_code,
    reason = "every file of tests is compiled by itself and needs a part of this"
)]

use tenon_access::Resource;
use tenon_domain::{BatchId, Classification, JobId, Principal, PrincipalId, PrincipalKind, ProposalId, Role};

pub fn person(role: Role) -> Principal {
    Principal {
        id: PrincipalId::new(),
        name: "ada".to_owned(),
        kind: PrincipalKind::Person,
        team: None,
        role,
        repositories: [].into(),
    }
}

pub fn service_account(role: Role) -> Principal {
    Principal {
        kind: PrincipalKind::ServiceAccount,
        ..person(role)
    }
}

pub fn repository(name: &str) -> Resource {
    Resource::Repository {
        name: name.to_owned(),
        classification: Classification::Normal,
    }
}

pub fn job(owner: PrincipalId, repository: &str) -> Resource {
    Resource::Job {
        id: JobId::new(),
        owner,
        repository: repository.to_owned(),
        classification: Classification::Normal,
    }
}

pub fn proposal(owner: PrincipalId, repository: &str) -> Resource {
    Resource::Proposal {
        id: ProposalId::new(),
        owner,
        repository: repository.to_owned(),
        classification: Classification::Normal,
    }
}

pub fn batch(owner: PrincipalId) -> Resource {
    Resource::Batch {
        id: BatchId::new(),
        owner,
        repository: "web".to_owned(),
        classification: Classification::Normal,
    }
}

pub fn model() -> Resource {
    Resource::Model {
        name: "small".to_owned(),
    }
}
