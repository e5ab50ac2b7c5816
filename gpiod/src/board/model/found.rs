//! Lines as they are found: what is known of them without holding them, and taking over those that are driven.

use super::{Board, CHIP, Kernel, Refusal};
use crate::board::Line;
use crate::board::claim::ClaimId;
use crate::header;
use crate::line::{AtExit, Direction, LineConfig, LineId, LineInfo, MAX_LINES, Value};

impl Board {
    /// All lines, by BCM number.
    pub fn line_infos(&self) -> Vec<LineInfo> {
        let info = |line: Line| {
            let unit = &self.lines[line.index()];
            let output = unit.direction == Direction::Output;
            LineInfo {
                id: LineId { chip: 0, offset: line.bcm() },
                chip: CHIP.to_owned(),
                name: line.to_string(),
                header_pin: header::pin_of(line.bcm()),
                direction: unit.direction,
                high: Some(unit.high),
                drives_high: self.tells_drives().then_some(unit.drives_high).filter(|_| output),
                consumer: self.consumer(line),
                function: None,
                at_exit: AtExit { claimed: self.kernel.at_claims_end(), unclaimed: false },
                waits: false,
            }
        };
        Line::ALL.map(info).to_vec()
    }

    /// Whether it tells what an output drives. On gpio-sim only whoever holds the line could know.
    fn tells_drives(&self) -> bool {
        self.kernel != Kernel::GpioSim
    }

    /// Claims lines as [`claim`](Self::claim) does, but those of the mask `as_found` that are driven, and of which
    /// [`line_infos`](Self::line_infos) could not tell what they drive, stay outputs at their level. Answers also which
    /// these are.
    ///
    /// # Errors
    /// As for [`claim`](Self::claim).
    pub fn claim_as_found(
        &mut self,
        consumer: &str,
        lines: &[(LineId, LineConfig)],
        as_found: u64,
    ) -> Result<(ClaimId, u64), Refusal> {
        // Where they can be told, the configuration says already what it is to be.
        let as_found = if self.tells_drives() { 0 } else { as_found };
        let (mut lines, mut kept) = (lines.to_vec(), 0);
        for (position, (id, config)) in lines.iter_mut().enumerate().take(MAX_LINES) {
            let line = Line::new(id.offset).filter(|_| as_found >> position & 1 == 1);
            let Some(unit) = line.map(|line| &self.lines[line.index()]) else { continue };
            if unit.drives().is_some() {
                kept |= 1 << position;
                *config = LineConfig {
                    direction: Direction::Output,
                    value: Value::from_bit(unit.high != config.active_low),
                    edges: false,
                    debounce_ns: 0,
                    ..*config
                };
            }
        }
        Ok((self.claim(consumer, &lines)?, kept))
    }
}
