use steps::best_streak;

#[test]
fn streaks() {
    assert_eq!(best_streak(&[5], 1), Some(5));
    assert_eq!(best_streak(&[1, 2, 3], 3), Some(6));
    assert_eq!(best_streak(&[9, 1, 1, 1], 2), Some(10));
    assert_eq!(best_streak(&[], 1), None);
    assert_eq!(best_streak(&[1], 0), None);
}
