//! What people think of proposals, what it comes to, and how long texts are kept.

use tenon_domain::{AttemptOutcome, CheckKind, Digest, Level, PrincipalId, Proposal, ProposalId, Task};
use tenon_store::{Database, Feedback, FeedbackVerdict, QualityRow};

use crate::place::on_both;
use crate::samples::{
    NOW, attempt, claim, claimed, failed, job, owner, passed, proposal, propose, rejected, submit,
};

async fn give(
    database: &Database,
    proposal: ProposalId,
    principal: PrincipalId,
    verdict: FeedbackVerdict,
    edited: i64,
) {
    let feedback = Feedback {
        proposal,
        principal,
        verdict,
        reason: Some("since it is \0 so".to_owned()),
        edit_distance_permille: (edited > 0).then_some(edited),
    };
    database.give_feedback(&feedback, NOW).await.unwrap();
}

async fn keep(database: &Database, owner: PrincipalId, proposal: Proposal, now_ms: i64) -> ProposalId {
    let held = claimed(database, &job(owner), now_ms).await;
    propose(database, &held, &proposal, now_ms).await;
    proposal.id
}

fn nothing(model: &str, template: &str) -> QualityRow {
    QualityRow {
        task: Task::Generate,
        model: model.to_owned(),
        template: template.to_owned(),
        proposals: 1,
        verified: 0,
        verified_at_first_try: 0,
        attempts: 0,
        invented_names: 0,
        accepted: 0,
        edited: 0,
        rejected: 0,
        edit_distance_permille: None,
        completion_tokens: 50,
    }
}

#[test]
fn quality_is_what_a_hand_counts() {
    on_both(async |database| {
        let (ada, bob) = (owner(&database, "ada").await, owner(&database, "bob").await);
        assert!(database.quality(NOW).await.unwrap().is_empty());
        keep(
            &database,
            ada,
            proposal(Level::Tested, vec![attempt("old", "one", passed())], Some(0)),
            NOW - 1,
        )
        .await;

        // Of the small model: one at the first sample, one at the third, one that is only parsed.
        let first = proposal(Level::Tested, vec![attempt("small", "one", passed())], Some(0));
        let samples = vec![
            attempt("small", "one", rejected(CheckKind::Names)),
            attempt("small", "one", rejected(CheckKind::Tests)),
            attempt("small", "one", passed()),
            attempt("large", "one", rejected(CheckKind::Dependencies)),
        ];
        let third = proposal(Level::Built, samples, Some(2));
        let parsed = proposal(Level::Parsed, vec![attempt("small", "one", passed())], Some(0));
        let first = keep(&database, ada, first, NOW).await;
        let third = keep(&database, ada, third, NOW).await;
        keep(&database, ada, parsed, NOW + 1).await;
        // Of the large one, nothing was chosen: the last sample counts.
        let samples = vec![
            attempt("small", "one", rejected(CheckKind::Syntax)),
            attempt(
                "large",
                "two",
                AttemptOutcome::ModelFailed {
                    reason: "it left".to_owned(),
                },
            ),
        ];
        let none = keep(&database, bob, proposal(Level::Unverified, samples, None), NOW).await;
        // And of no model at all.
        keep(&database, bob, proposal(Level::Unverified, Vec::new(), None), NOW).await;

        give(&database, first, ada, FeedbackVerdict::Rejected, 999).await;
        give(&database, first, ada, FeedbackVerdict::Edited, 100).await;
        give(&database, first, bob, FeedbackVerdict::Edited, 202).await;
        give(&database, third, bob, FeedbackVerdict::Edited, 600).await;
        give(&database, third, ada, FeedbackVerdict::Accepted, 0).await;
        give(&database, none, bob, FeedbackVerdict::Rejected, 0).await;

        let small = QualityRow {
            proposals: 3,
            verified: 2,
            verified_at_first_try: 1,
            attempts: 1 + 4 + 1,
            invented_names: 2,
            accepted: 1,
            edited: 3,
            // A third of 902, which is not a whole number.
            edit_distance_permille: Some(300),
            completion_tokens: 150,
            ..nothing("small", &Digest::of("one").to_string())
        };
        let large = QualityRow {
            attempts: 2,
            rejected: 1,
            ..nothing("large", &Digest::of("two").to_string())
        };
        assert_eq!(
            database.quality(NOW).await.unwrap(),
            [nothing("", ""), large, small]
        );
        let models = database
            .quality(NOW - 1)
            .await
            .unwrap()
            .into_iter()
            .map(|row| row.model);
        assert_eq!(models.collect::<Vec<_>>(), ["", "large", "old", "small"]);
        let since = database.quality(NOW + 1).await.unwrap();
        assert_eq!((since.len(), since[0].proposals, since[0].verified), (1, 1, 0));

        let about_nothing = Feedback {
            proposal: ProposalId::new(),
            principal: ada,
            verdict: FeedbackVerdict::Accepted,
            reason: None,
            edit_distance_permille: None,
        };
        let error = database.give_feedback(&about_nothing, NOW).await.unwrap_err();
        assert!(!error.is_temporary(), "{error}");
    });
}

#[test]
fn texts_expire_and_what_unfinished_jobs_need_does_not() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        let done = claimed(&database, &job(ada), NOW).await;
        let answer = proposal(Level::Tested, vec![attempt("small", "one", passed())], Some(0));
        propose(&database, &done, &answer, NOW + 10).await;
        let over = claimed(&database, &job(ada), NOW).await;
        database
            .settle_job(over.id, 1, &failed(), None, NOW + 10)
            .await
            .unwrap();
        let running = claimed(&database, &job(ada), NOW).await.id;
        let waiting = submit(&database, &job(ada), NOW).await;

        assert_eq!(database.expire_payloads(NOW).await.unwrap(), 0);
        assert_eq!(database.expire_payloads(NOW + 1).await.unwrap(), 2);
        assert_eq!(database.job_request(done.id).await.unwrap(), None);
        assert_eq!(database.job_request(over.id).await.unwrap(), None);
        assert!(database.job_request(running).await.unwrap().is_some());
        assert_eq!(
            database.proposal(answer.id).await.unwrap().as_ref(),
            Some(&answer)
        );

        assert_eq!(database.expire_payloads(NOW + 11).await.unwrap(), 1);
        assert_eq!(database.proposal(answer.id).await.unwrap(), None);
        // What is known besides the text stays.
        assert_eq!(
            database.proposal_row(answer.id).await.unwrap().unwrap().job,
            done.id
        );
        assert_eq!(database.quality(NOW).await.unwrap()[0].attempts, 1);
        assert_eq!(claim(&database, NOW + 12).await.id, waiting);
        assert!(database.job_request(waiting).await.unwrap().is_some());
    });
}
