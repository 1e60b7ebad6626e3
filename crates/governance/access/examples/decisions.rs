//! How long a decision takes: `cargo run --release -p tenon-access --example decisions`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measuring instrument that cannot go on should say so and stop"
)]
#![allow(dead_code, reason = "not every resource is asked about")]

use std::hint::black_box;
use std::time::Instant;

use tenon_access::{Action, Authorizer, Resource, Scopes};
use tenon_domain::{PrincipalId, Role};

#[path = "../tests/support/mod.rs"]
mod support;
use support::{batch, job, model, person, proposal, repository};

const ROUNDS: u32 = 500;

fn main() {
    let authorizer = Authorizer::built_in().unwrap();
    let mut asker = person(Role::Developer);
    asker.team = Some("payments".to_owned());
    let other = PrincipalId::new();
    let questions = [
        (Action::ServiceRead, Resource::Service),
        (Action::JobsCreate, repository("web")),
        (Action::JobsCancel, job(asker.id, "web")),
        (Action::JobsCancel, job(other, "web")),
        (Action::BatchesRead, batch(other)),
        (Action::ProposalsApprove, proposal(asker.id, "web")),
        (Action::ModelsUse, model()),
        (Action::KeysManage, Resource::Key { owner: asker.id }),
        (Action::UsersManage, Resource::Principal { id: other }),
    ];
    let count = u32::try_from(questions.len()).unwrap();
    // The best of many rounds: what else the machine does is not what is measured.
    let rounds = (0..ROUNDS).map(|_| {
        let begun = Instant::now();
        for (action, resource) in &questions {
            black_box(authorizer.decide(&asker, &Scopes::all(), *action, resource));
        }
        begun.elapsed() / count
    });
    let each = rounds.min().unwrap();
    println!("{each:?} for a decision, over {count} different ones");
}
