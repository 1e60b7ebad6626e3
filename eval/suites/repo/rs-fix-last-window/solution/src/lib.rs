//! Steps per day.

/// The best sum of `days` days in a row; `None` when there are fewer.
pub fn best_streak(steps: &[u32], days: usize) -> Option<u32> {
    if days == 0 || steps.len() < days {
        return None;
    }
    let mut best = 0;
    for start in 0..=steps.len() - days {
        let sum: u32 = steps[start..start + days].iter().sum();
        best = best.max(sum);
    }
    Some(best)
}

/// How many days reached the goal.
pub fn days_over(steps: &[u32], goal: u32) -> usize {
    steps.iter().filter(|&&count| count >= goal).count()
}
