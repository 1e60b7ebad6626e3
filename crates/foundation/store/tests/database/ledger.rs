//! No window holds more than its quota, whoever spends.

use tenon_store::{Charge, Database, Exceeded, Limit, LimitScope, LimitUnit, Settlement};

use crate::place::{at_once, on_both};
use crate::samples::{NOW, limit, tokens, used_by};

const HOUR: i64 = 3_600_000;

async fn limits_are_set_changed_and_lifted(database: &Database) {
    let user = |quota| limit(LimitScope::User("ada".to_owned()), LimitUnit::Tokens, 3600, quota);
    let each = limit(LimitScope::EachUser, LimitUnit::Requests, 60, 10);
    for limit in [&user(5), &each, &user(7)] {
        database.set_limit(limit).await.unwrap();
    }
    assert_eq!(database.limits().await.unwrap(), [each.clone(), user(7)]);
    let Limit { scope, unit, .. } = user(7);
    assert!(!database.lift_limit(&scope, unit, 60).await.unwrap());
    assert!(database.lift_limit(&scope, unit, 3600).await.unwrap());
    assert_eq!(database.limits().await.unwrap(), [each]);
}

/// Takes so much more, or less, than was reserved then.
async fn correct(database: &Database, name: &str, amount: i64, reserved_at_ms: i64, now_ms: i64) {
    let settlement = Settlement {
        corrections: vec![tokens(name, amount)],
        reserved_at_ms,
        spending: None,
    };
    database.settle_all(&[settlement], now_ms).await.unwrap();
}

#[test]
fn a_window_is_filled_emptied_and_begun_anew() {
    on_both(async |database| {
        limits_are_set_changed_and_lifted(&database).await;
        let reserve = async |amount: i64, now_ms: i64| {
            database.reserve(&[tokens("ada", amount)], now_ms).await.unwrap()
        };
        let rows = reserve(400, NOW).await.unwrap();
        assert_eq!(
            (rows[0].used, rows[0].remaining(), rows[0].resets_at_ms),
            (400, 600, NOW + HOUR)
        );
        let rows = reserve(600, NOW + 10).await.unwrap();
        assert_eq!(
            (rows[0].used, rows[0].remaining(), rows[0].resets_at_ms),
            (1000, 0, NOW + HOUR)
        );
        let exceeded = Exceeded {
            limit: tokens("ada", 1).limit,
            resets_at_ms: NOW + HOUR,
        };
        assert_eq!(reserve(1, NOW + 20).await, Err(exceeded));

        let settle = async |amount: i64, at: i64| correct(&database, "ada", amount, at, at).await;
        settle(-600, NOW + 30).await;
        assert_eq!(used_by(&database, "ada", NOW + 30).await, 400);
        settle(900, NOW + 30).await;
        assert_eq!(used_by(&database, "ada", NOW + 30).await, 1300);
        settle(-5000, NOW + 30).await;
        assert_eq!(used_by(&database, "ada", NOW + 30).await, 0);

        settle(100, NOW + 40).await;
        assert_eq!(used_by(&database, "ada", NOW + HOUR - 1).await, 100);
        assert!(database.used(NOW + HOUR).await.unwrap().is_empty());
        settle(100, NOW + HOUR).await;
        let rows = reserve(50, NOW + HOUR + 5).await.unwrap();
        assert_eq!((rows[0].used, rows[0].resets_at_ms), (50, NOW + 2 * HOUR + 5));

        // A clock that was ahead and was set right keeps nobody waiting; two that differ a little have one window.
        let year = NOW + 365 * 24 * HOUR;
        reserve(1000, year).await.unwrap();
        let full = reserve(70, year - 3000).await.unwrap_err();
        assert_eq!(full.resets_at_ms, year + HOUR);
        let rows = reserve(70, NOW + 2 * HOUR).await.unwrap();
        assert_eq!((rows[0].used, rows[0].resets_at_ms), (70, NOW + 3 * HOUR));

        // What was reserved in a window is not given back in the next one.
        database
            .reserve(&[tokens("bob", 800)], NOW)
            .await
            .unwrap()
            .unwrap();
        let later = NOW + HOUR;
        database
            .reserve(&[tokens("bob", 300)], later)
            .await
            .unwrap()
            .unwrap();
        correct(&database, "bob", -700, NOW, later + 10).await;
        assert_eq!(used_by(&database, "bob", later + 10).await, 300);
        // What it took beyond that is taken now.
        correct(&database, "bob", 50, NOW, later + 10).await;
        correct(&database, "bob", -100, later, later + 10).await;
        assert_eq!(used_by(&database, "bob", later + 10).await, 250);
    });
}

#[test]
fn however_many_spend_at_once_no_quota_is_exceeded_and_each_takes_all_or_nothing() {
    on_both(async |database| {
        let reserved = at_once(&database, 32, |database, number| async move {
            // Everybody shares what the first two have, in one order or the other; few have the third.
            let mut charges = vec![tokens("ada", 70), tokens("bob", 90)];
            if number % 2 == 0 {
                charges.reverse();
                charges.push(tokens("cid", 300));
            }
            database.reserve(&charges, NOW).await.unwrap().map(|_| charges)
        });
        let taken: Vec<Charge> = reserved.await.into_iter().flatten().flatten().collect();
        let mut is_anything_full = false;
        for name in ["ada", "bob", "cid"] {
            let of_name = taken
                .iter()
                .filter(|charge| charge.counted == tokens(name, 0).counted);
            let amount: i64 = of_name.map(|charge| charge.amount).sum();
            assert_eq!(used_by(&database, name, NOW).await, amount, "{name}");
            assert!(amount <= 1000, "{name} has {amount}");
            is_anything_full |= amount + 90 > 1000;
        }
        assert!(is_anything_full, "there was room for more: {taken:?}");
        let alone = at_once(&database, 32, |database, _| async move {
            database.reserve(&[tokens("dan", 33)], NOW).await.unwrap().is_ok()
        });
        assert_eq!(alone.await.into_iter().filter(|was_taken| *was_taken).count(), 30);
        assert_eq!(used_by(&database, "dan", NOW).await, 990);
    });
}

#[test]
fn what_the_database_will_not_take_of_one_is_not_refused_to_those_written_with_it() {
    on_both(async |database| {
        let reserved = at_once(&database, 16, |database, number| async move {
            // PostgreSQL has no text with a zero in it.
            let name = if number % 4 == 0 { "a\0b" } else { "eve" };
            (name, database.reserve(&[tokens(name, 10)], NOW).await)
        });
        for (name, reserved) in reserved.await {
            let is_refused = name != "eve" && database.is_shared();
            assert_eq!(reserved.is_err(), is_refused, "{name:?}: {reserved:?}");
        }
        assert_eq!(used_by(&database, "eve", NOW).await, 120);
    });
}
