//! Whose clock is not that of the database judges no leases.

use tenon_store::Database;

use crate::place::{Place, on_both_places};

/// Every connection from now on reads this clock.
const AHEAD: &str = "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql \
     AS 'SELECT pg_catalog.clock_timestamp() - interval ''31 seconds'''; \
     ALTER ROLE tenon SET search_path = public, pg_catalog";
const MENDED: &str = "CREATE OR REPLACE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql \
     AS 'SELECT pg_catalog.clock_timestamp()'";

#[test]
fn a_clock_that_differs_from_the_databases_is_noticed_until_it_is_set() {
    on_both_places(async |place| {
        let right = place.migrated().await;
        assert!(right.compare_clocks().await.unwrap().is_bearable());
        if matches!(place, Place::Sqlite(_)) {
            return;
        }
        place.execute(AHEAD).await.unwrap();
        let database = Database::connect(&place.url(), 2).await.unwrap();
        assert!(database.has_right_clock());
        let skew = database.compare_clocks().await.unwrap();
        assert!((30_000..=32_000).contains(&skew.ahead_ms), "{skew:?}");
        assert!(!skew.is_bearable() && !database.has_right_clock());
        // Every handle of a process knows.
        assert!(!database.clone().has_right_clock());

        place.execute(MENDED).await.unwrap();
        assert!(database.compare_clocks().await.unwrap().is_bearable());
        assert!(database.has_right_clock());
    });
}
