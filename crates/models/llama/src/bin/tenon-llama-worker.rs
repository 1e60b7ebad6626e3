//! A worker alone, for this crate's tests; the product starts itself with a hidden subcommand instead.

fn main() -> Result<(), tenon_llama::WorkerError> {
    tenon_llama::run_worker()
}
