//! The command as a person or a script meets it: arguments in, text, files and exit codes out.

#[path = "cli/delivery.rs"]
mod delivery;
#[path = "cli/inspection.rs"]
mod inspection;
#[path = "cli/real_model.rs"]
mod real_model;
#[path = "cli/usage.rs"]
mod usage;
#[path = "cli/world.rs"]
mod world;
