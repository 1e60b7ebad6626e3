//! `tenon model`.

use crate::arguments::ModelCommand;
use crate::failure::{Exit, Failure};

/// `tenon model …`.
pub async fn run(_command: ModelCommand) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Usage, "this command is not there yet"))
}
