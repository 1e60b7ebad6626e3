//! Attempts to sign in, identities and sessions.

use tenon_domain::{Digest, Principal, Role, Secret};
use tenon_store::{
    Acquaintance, Database, DatabaseError, LoginAttempt, LoginGrant, NewSession, ProviderIdentity,
};

use crate::place::{at_once, on_both, on_both_places};
use crate::samples::{NOW, person};

fn attempt(state: &str, expires_at_ms: i64) -> LoginAttempt {
    LoginAttempt {
        state: Digest::of(state),
        nonce: format!("nonce of {state}"),
        verifier: Secret::new("verifier"),
        return_to: "/docs?a=b".to_owned(),
        expires_at_ms,
    }
}

fn identity(subject: &str) -> ProviderIdentity {
    ProviderIdentity {
        issuer: "https://id.example".to_owned(),
        subject: subject.to_owned(),
    }
}

fn session(id: &str) -> NewSession {
    NewSession {
        id: id.to_owned(),
        digest: Digest::of(format!("token of {id}")),
        expires_at_ms: NOW + 100,
    }
}

async fn sign_in(
    database: &Database,
    user: &Principal,
    acquaintance: Acquaintance,
    subject: &str,
    id: &str,
) -> Result<(), DatabaseError> {
    database
        .sign_in(user, acquaintance, &identity(subject), &session(id), NOW)
        .await
}

#[test]
fn an_attempt_is_taken_once_and_in_time() {
    on_both(async |database| {
        database
            .add_login_attempt(&attempt("one", NOW + 10))
            .await
            .unwrap();
        database
            .add_login_attempt(&attempt("late", NOW + 10))
            .await
            .unwrap();
        let state = Digest::of("one");
        let taken = at_once(&database, 8, |database, _| async move {
            database
                .take_login_attempt(&Digest::of("one"), NOW)
                .await
                .unwrap()
        });
        let taken: Vec<_> = taken.await.into_iter().flatten().collect();
        assert_eq!(taken, [attempt("one", NOW + 10)]);
        let again = database.take_login_attempt(&state, NOW).await.unwrap();
        assert_eq!(again, None);
        let late = Digest::of("late");
        assert_eq!(database.take_login_attempt(&late, NOW + 10).await.unwrap(), None);
        assert_eq!(database.take_login_attempt(&late, NOW).await.unwrap(), None);
    });
}

#[test]
fn the_promise_of_a_key_is_taken_once_and_in_time() {
    on_both(async |database| {
        let ada = person("ada");
        database.add_principal(&ada, NOW).await.unwrap();
        let grant = |code: &str| LoginGrant {
            code: Digest::of(code),
            principal: ada.id,
            challenge: Digest::of("verifier"),
            name: "laptop".to_owned(),
            expires_at_ms: NOW + 10,
        };
        for code in ["one", "late", "old"] {
            database.add_login_grant(&grant(code)).await.unwrap();
        }
        let take = async |code: &str, now| database.take_login_grant(&Digest::of(code), now).await.unwrap();
        assert_eq!(take("one", NOW).await, Some(grant("one")));
        assert_eq!(take("one", NOW).await, None);
        assert_eq!(take("late", NOW + 10).await, None);
        assert_eq!(take("late", NOW).await, None);
        assert_eq!(database.expire_sessions(NOW + 10).await.unwrap(), 1);
    });
}

#[test]
fn an_identity_is_one_persons_and_a_person_has_one_at_a_provider() {
    on_both(async |database| {
        let (mut ada, bob) = (person("ada"), person("bob"));
        database.add_principal(&bob, NOW).await.unwrap();
        sign_in(&database, &ada, Acquaintance::New, "1", "first")
            .await
            .unwrap();
        assert_eq!(
            database.identified(&identity("1")).await.unwrap(),
            Some(ada.clone())
        );
        assert!(database.has_identity(ada.id, "https://id.example").await.unwrap());
        assert!(!database.has_identity(ada.id, "https://other").await.unwrap());
        assert!(!database.has_identity(bob.id, "https://id.example").await.unwrap());

        // Nothing of what cannot be kept whole is kept.
        for (user, acquaintance, subject) in [
            (&bob, Acquaintance::Linked, "1"),
            (&ada, Acquaintance::Linked, "2"),
            (&person("ada"), Acquaintance::New, "3"),
            (&person("cid"), Acquaintance::New, "1"),
        ] {
            let error = sign_in(&database, user, acquaintance, subject, "no")
                .await
                .unwrap_err();
            assert!(matches!(error, DatabaseError::Conflict { .. }), "{error}");
        }
        assert_eq!(database.session_by_id("no").await.unwrap(), None);
        assert_eq!(database.principal_named("cid").await.unwrap(), None);

        sign_in(&database, &bob, Acquaintance::Linked, "2", "second")
            .await
            .unwrap();
        assert_eq!(database.identified(&identity("2")).await.unwrap(), Some(bob));
        ada.role = Role::Reviewer;
        sign_in(&database, &ada, Acquaintance::Known, "1", "third")
            .await
            .unwrap();
        assert_eq!(database.identified(&identity("1")).await.unwrap(), Some(ada));
    });
}

#[test]
fn a_session_holds_until_it_is_revoked_or_over_or_its_owner_disabled() {
    on_both_places(async |place| {
        let database = place.migrated().await;
        let (ada, bob) = (person("ada"), person("bob"));
        sign_in(&database, &ada, Acquaintance::New, "1", "a1")
            .await
            .unwrap();
        sign_in(&database, &ada, Acquaintance::Known, "1", "a2")
            .await
            .unwrap();
        sign_in(&database, &bob, Acquaintance::New, "2", "b1")
            .await
            .unwrap();

        let (stored, whose) = database.session(&session("a1").digest).await.unwrap().unwrap();
        assert_eq!((stored.id.as_str(), whose), ("a1", ada.clone()));
        assert_eq!(
            (stored.created_at_ms, stored.expires_at_ms, stored.revoked_at_ms),
            (NOW, NOW + 100, None)
        );
        assert_eq!(database.session(&Digest::of("a1")).await.unwrap(), None);

        let ids = async |now| {
            let sessions = database.sessions(ada.id, now).await.unwrap();
            sessions.into_iter().map(|session| session.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(NOW).await, ["a1", "a2"]);
        assert_eq!(ids(NOW + 100).await, [""; 0]);
        assert!(database.revoke_session("a2", NOW + 3).await.unwrap());
        assert!(!database.revoke_session("a2", NOW + 4).await.unwrap());
        assert!(!database.revoke_session("z9", NOW + 4).await.unwrap());
        assert_eq!(ids(NOW).await, ["a1"]);
        let (stored, _) = database.session_by_id("a2").await.unwrap().unwrap();
        assert_eq!(stored.revoked_at_ms, Some(NOW + 3));

        let disable = "UPDATE principals SET disabled_at = 1 WHERE name = 'ada'";
        place.execute(disable).await.unwrap();
        assert_eq!(database.session(&session("a1").digest).await.unwrap(), None);
        assert_eq!(database.identified(&identity("1")).await.unwrap(), None);
        assert!(database.session(&session("b1").digest).await.unwrap().is_some());

        database.add_login_attempt(&attempt("old", NOW)).await.unwrap();
        assert_eq!(database.expire_sessions(NOW).await.unwrap(), 1);
        assert_eq!(database.expire_sessions(NOW + 100).await.unwrap(), 3);
        assert_eq!(database.session(&session("b1").digest).await.unwrap(), None);
        // Who is who stays.
        assert!(database.identified(&identity("2")).await.unwrap().is_some());
    });
}
