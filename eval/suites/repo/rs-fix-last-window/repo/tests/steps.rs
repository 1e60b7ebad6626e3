use steps::{best_streak, days_over};

#[test]
fn the_last_days_count_too() {
    assert_eq!(best_streak(&[10, 20, 30, 400, 500], 2), Some(900));
}

#[test]
fn too_few_days() {
    assert_eq!(best_streak(&[1, 2], 3), None);
}

#[test]
fn goal() {
    assert_eq!(days_over(&[1, 5, 9], 5), 2);
}
