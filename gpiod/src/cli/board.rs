//! `gpiod board`: the simulated board.

use super::failure::Failure;

/// Arguments of `gpiod board`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
///
/// # Errors
/// None yet.
pub fn run(_: Args) -> Result<(), Failure> {
    Ok(())
}
