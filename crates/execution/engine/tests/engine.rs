//! The room as its callers see it: a scripted model, the real sandbox, real repositories.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so and stop"
)]

#[path = "engine/acceptance.rs"]
mod acceptance;
#[path = "engine/budgets.rs"]
mod budgets;
#[path = "engine/compiler_suggestions.rs"]
mod compiler_suggestions;
#[path = "engine/completing.rs"]
mod completing;
#[path = "engine/explaining.rs"]
mod explaining;
#[path = "engine/failing_models.rs"]
mod failing_models;
#[path = "engine/fixing.rs"]
mod fixing;
#[path = "engine/generating.rs"]
mod generating;
#[path = "engine/hostile_answers.rs"]
mod hostile_answers;
#[path = "engine/hostile_repositories.rs"]
mod hostile_repositories;
#[path = "engine/interruption.rs"]
mod interruption;
#[path = "engine/odd_intents.rs"]
mod odd_intents;
#[path = "engine/odd_trees.rs"]
mod odd_trees;
#[path = "engine/resampling.rs"]
mod resampling;
#[path = "engine/scene.rs"]
mod scene;
#[path = "engine/writing_tests.rs"]
mod writing_tests;
