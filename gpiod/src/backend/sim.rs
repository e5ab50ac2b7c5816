//! placeholder until the board is merged
use crate::backend::{Backend, Error, Request};
use crate::line::{LineConfig, LineId, LineInfo};
use std::path::Path;
/// Placeholder.
#[derive(Debug)]
pub struct Sim;
impl Sim {
    /// Placeholder.
    pub fn connect(_: &Path) -> Result<Self, Error> {
        Ok(Sim)
    }
}
impl Backend for Sim {
    fn kind(&self) -> &'static str {
        "sim"
    }
    fn board(&self) -> &str {
        ""
    }
    fn atomic_writes(&self) -> bool {
        true
    }
    fn lines(&self) -> Result<Vec<LineInfo>, Error> {
        Ok(vec![])
    }
    fn request(&self, _: &str, _: &[(LineId, LineConfig)]) -> Result<Request, Error> {
        Err(Error::Busy { line: String::new(), consumer: String::new() })
    }
}
