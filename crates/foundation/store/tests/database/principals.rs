//! People, keys and repositories.

use tenon_domain::{Classification, Digest, PrincipalId, Role};
use tenon_store::{Database, DatabaseError, NewKey, RegisteredRepository, RepositoryKind};

use crate::place::{at_once, on_both, on_both_places};
use crate::samples::{NOW, person};

fn key(id: &str, principal: PrincipalId, expires_at_ms: Option<i64>) -> NewKey {
    NewKey {
        id: id.to_owned(),
        principal,
        name: format!("key {id}"),
        digest: Digest::of(id),
        scopes: r#"["read"]"#.to_owned(),
        expires_at_ms,
    }
}

fn is_conflict<T>(result: &Result<T, DatabaseError>) -> bool {
    matches!(result, Err(DatabaseError::Conflict { .. }))
}

#[test]
fn a_name_is_taken_once_and_everything_else_can_change() {
    on_both(async |database| {
        let (mut ada, bob) = (person("ada"), person("bob"));
        database.add_principal(&bob, NOW).await.unwrap();
        database.add_principal(&ada, NOW).await.unwrap();
        assert!(is_conflict(&database.add_principal(&person("ada"), NOW).await));
        assert_eq!(database.principals().await.unwrap(), [ada.clone(), bob.clone()]);

        ada.team = Some("web".to_owned());
        ada.role = Role::Admin;
        ada.repositories.clear();
        assert!(database.change_principal(&ada).await.unwrap());
        assert_eq!(database.principal_named("ada").await.unwrap(), Some(ada.clone()));
        ada.name = "bob".to_owned();
        assert!(is_conflict(&database.change_principal(&ada).await));
        assert!(!database.change_principal(&person("cid")).await.unwrap());
        assert_eq!(database.principal_named("cid").await.unwrap(), None);
        assert_eq!(database.principal_named("bob").await.unwrap(), Some(bob));
        repositories_are_registered_and_forgotten(&database).await;
    });
}

#[test]
fn a_key_holds_until_it_is_revoked_or_its_owner_disabled() {
    on_both_places(async |place| {
        let database = place.migrated().await;
        let (ada, bob) = (person("ada"), person("bob"));
        database.add_principal(&ada, NOW).await.unwrap();
        database.add_principal(&bob, NOW).await.unwrap();
        database.add_key(&key("a1", ada.id, None), NOW).await.unwrap();
        database
            .add_key(&key("a2", ada.id, Some(NOW + 5)), NOW + 1)
            .await
            .unwrap();
        database.add_key(&key("b1", bob.id, None), NOW + 2).await.unwrap();
        assert!(is_conflict(
            &database.add_key(&key("a1", bob.id, None), NOW).await
        ));
        database
            .add_key(&key("c1", person("cid").id, None), NOW)
            .await
            .unwrap_err();

        let ids = async |of: Option<PrincipalId>| {
            let keys = database.keys(of).await.unwrap();
            keys.into_iter().map(|key| key.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(None).await, ["a1", "a2", "b1"]);
        assert_eq!(ids(Some(ada.id)).await, ["a1", "a2"]);

        let (stored, whose) = database.key("a2").await.unwrap().unwrap();
        assert_eq!(whose, ada);
        assert_eq!(stored.digest, Digest::of("a2"));
        assert_eq!(
            (stored.created_at_ms, stored.expires_at_ms),
            (NOW + 1, Some(NOW + 5))
        );
        assert_eq!(
            (stored.revoked_at_ms, stored.scopes.as_str()),
            (None, r#"["read"]"#)
        );

        assert!(database.revoke_key("a2", NOW + 3).await.unwrap());
        assert!(!database.revoke_key("a2", NOW + 4).await.unwrap());
        assert!(!database.revoke_key("z9", NOW + 4).await.unwrap());
        let (stored, _) = database.key("a2").await.unwrap().unwrap();
        assert_eq!(stored.revoked_at_ms, Some(NOW + 3));

        let disable = "UPDATE principals SET disabled_at = 1 WHERE name = 'ada'";
        place.execute(disable).await.unwrap();
        assert_eq!(database.key("a1").await.unwrap(), None);
        assert!(database.key("b1").await.unwrap().is_some());
    });
}

#[test]
fn a_service_is_founded_once_however_many_try() {
    on_both(async |database| {
        let founded = at_once(&database, 8, |database, number| async move {
            let first = person(&format!("admin {number}"));
            let key = key(&format!("k{number}"), first.id, None);
            database.found(&first, &key, NOW).await.unwrap()
        });
        assert_eq!(founded.await.into_iter().filter(|is_first| *is_first).count(), 1);
        let principals = database.principals().await.unwrap();
        let keys = database.keys(None).await.unwrap();
        assert_eq!((principals.len(), keys.len()), (1, 1));
        assert_eq!(keys[0].principal, principals[0].id);
        let late = person("late");
        assert!(
            !database
                .found(&late, &key("k9", late.id, None), NOW)
                .await
                .unwrap()
        );
    });
}

async fn repositories_are_registered_and_forgotten(database: &Database) {
    let web = RegisteredRepository {
        name: "web".to_owned(),
        kind: RepositoryKind::Path,
        location: "/srv/web".to_owned(),
        classification: Classification::Normal,
        created_at_ms: NOW,
    };
    let payments = RegisteredRepository {
        name: "payments".to_owned(),
        kind: RepositoryKind::Remote,
        location: "https://git.example/payments".to_owned(),
        classification: Classification::Confidential,
        created_at_ms: NOW + 1,
    };
    database.add_repository(&web).await.unwrap();
    database.add_repository(&payments).await.unwrap();
    assert!(is_conflict(&database.add_repository(&web).await));
    assert_eq!(
        database.repositories().await.unwrap(),
        [payments.clone(), web.clone()]
    );
    assert_eq!(database.repository("payments").await.unwrap(), Some(payments));
    assert!(database.remove_repository("web").await.unwrap());
    assert!(!database.remove_repository("web").await.unwrap());
    assert_eq!(database.repository("web").await.unwrap(), None);
}
