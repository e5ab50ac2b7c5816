//! What a socket may know of its lines.

use super::{Broker, Command, Scope};
use crate::config::Line;
use crate::error::Error;
use crate::holder::Holder;
use crate::line::{Direction, LineConfig, LineInfo, OnExit, Value, known_mask};
use crate::operations::{Operation, Operations};
use crate::wiring::{LineIndex, Presence};

/// All lines of a socket and what stands behind them.
#[derive(Clone, Debug)]
pub struct ListView {
    /// The lines: first the wired ones in the configuration's order, then, on the admin socket, the board's others.
    pub lines: Vec<LineView>,
    /// What stands behind them.
    pub backend: BackendView,
}

/// What stands behind the lines.
#[derive(Clone, Debug)]
pub struct BackendView {
    /// `gpiomem`, `cdev` or `sim`.
    pub kind: &'static str,
    /// The board's model.
    pub board: String,
    /// Whether several lines change in one access.
    pub atomic_writes: bool,
}

/// One line.
#[derive(Clone, Debug)]
pub struct LineView {
    /// Its name on this socket.
    pub name: String,
    /// The groups that have it.
    pub groups: Vec<String>,
    /// What the board says of it.
    pub info: LineInfo,
    /// What the configuration says of it; `None` for a line that no group has.
    pub config: Option<Line>,
    /// What it was last told to be; `None` likewise.
    pub now: Option<LineConfig>,
    /// Its value, where it may be read.
    pub value: Option<Value>,
    /// Who holds it.
    pub holder: Option<Holder>,
    /// How long it is kept for a holder whose connection broke, in ns.
    pub grace_ns: u64,
    /// What it would do as an output if the daemon went now; `None` for an input, and where nobody can tell.
    pub at_exit: Option<OnExit>,
    /// Of a line that becomes an input by a guardian alone: whether there is one.
    pub guardian: Option<Presence>,
    /// What may be done with it through this socket.
    pub operations: Operations,
}

impl Broker {
    /// All lines of a socket.
    ///
    /// # Errors
    /// [`Error::Hardware`].
    pub fn list(&self, scope: Scope) -> Result<ListView, Error> {
        let mut state = self.lock();
        state.counts.command(scope, Command::List);
        let named = scope.lines(&state.wiring);
        let mut lines = Vec::with_capacity(named.len());
        for part in named.chunks(crate::line::MAX_LINES) {
            let indices: Vec<LineIndex> = part.iter().map(|(_, line)| *line).collect();
            let values = state.pins.read(&indices, known_mask(indices.len()))?;
            for (i, (name, line)) in part.iter().enumerate() {
                let wired = state.wiring.line(*line);
                let grace = state.wiring.groups[wired.home.0].grace;
                let operations = scope.operations(&state.wiring, *line);
                lines.push(LineView {
                    name: name.clone(),
                    groups: state.wiring.groups_of(*line),
                    info: wired.info.clone(),
                    config: Some(wired.config.clone()),
                    now: Some(*state.pins.config(*line)),
                    value: operations
                        .has(Operation::Read)
                        .then(|| Value::from_bit(values.bits >> i & 1 == 1)),
                    holder: state.holder(*line).cloned(),
                    grace_ns: u64::try_from(grace.as_nanos()).unwrap_or(u64::MAX),
                    at_exit: wired.at_exit_now(),
                    guardian: wired.guardian.clone(),
                    operations,
                });
            }
        }
        // Who looks is to see it the next time, if it no longer answers.
        if let Some(guardian) = lines.iter().find_map(|line| line.guardian.as_ref()) {
            guardian.ask();
        }
        if scope == Scope::Admin {
            let wired: Vec<_> =
                state.wiring.lines.iter().filter(|line| !line.retired).map(|line| line.info.id).collect();
            let others = state.backend.lines()?.into_iter().filter(|info| !wired.contains(&info.id));
            lines.extend(others.map(unwired));
        }
        let backend = BackendView {
            kind: state.backend.kind(),
            board: state.backend.board().to_owned(),
            atomic_writes: state.atomic_writes(),
        };
        Ok(ListView { lines, backend })
    }
}

impl LineView {
    /// Which way the line goes now.
    pub fn direction(&self) -> Direction {
        self.now.map_or(self.info.direction, |now| now.direction)
    }
}

fn unwired(info: LineInfo) -> LineView {
    LineView {
        name: info.name.clone(),
        groups: Vec::new(),
        config: None,
        now: None,
        value: info.high.map(Value::from_bit),
        holder: None,
        grace_ns: 0,
        at_exit: None,
        guardian: None,
        operations: Operations::NONE,
        info,
    }
}
