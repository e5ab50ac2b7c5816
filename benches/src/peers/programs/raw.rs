//! The floor: the kernel's ioctls from this very process.

use super::Sequence;
use crate::Fallible;
use crate::chip::Chip;
use crate::peers::turn::{Heard, INPUT, OUTPUT, QUIET, Subject, WATCHED};
use crate::process::Process;
use gpiocdev_uapi::v2::{self, LineConfig, LineEdgeEvent, LineFlags, LineRequest, LineValues, Offsets};
use std::fs::File;

#[derive(Debug)]
pub(super) struct Raw {
    output: File,
    input: File,
    watched: File,
    buffer: Vec<u64>,
    sequence: Sequence,
}

impl Raw {
    pub(super) fn start(chip: &Chip) -> Fallible<Self> {
        let device = File::options().read(true).write(true).open(&chip.device)?;
        let request = |bcm, flags| -> Fallible<File> {
            let request = LineRequest {
                offsets: Offsets::from_slice(&[bcm]),
                consumer: "bench".into(),
                config: LineConfig { flags, ..LineConfig::default() },
                num_lines: 1,
                event_buffer_size: 1024,
                ..LineRequest::default()
            };
            Ok(v2::get_line(&device, request)?)
        };
        Ok(Self {
            output: request(OUTPUT, LineFlags::OUTPUT)?,
            input: request(INPUT, LineFlags::INPUT)?,
            watched: request(WATCHED, LineFlags::INPUT | LineFlags::EDGE_RISING | LineFlags::EDGE_FALLING)?,
            buffer: vec![0; LineEdgeEvent::u64_size()],
            sequence: Sequence::default(),
        })
    }
}

impl Subject for Raw {
    fn write(&mut self, high: bool) -> Fallible<()> {
        v2::set_line_values(&self.output, &LineValues { bits: u64::from(high), mask: 1 })?;
        Ok(())
    }

    fn read(&mut self) -> Fallible<bool> {
        let mut values = LineValues { bits: 0, mask: 1 };
        v2::get_line_values(&self.input, &mut values)?;
        Ok(values.bits & 1 == 1)
    }

    fn heard(&mut self) -> Fallible<Option<Heard>> {
        if !v2::wait_event(&self.watched, QUIET)? {
            return Ok(None);
        }
        v2::read_event(&self.watched, &mut self.buffer)?;
        let event = LineEdgeEvent::from_slice(&self.buffer)?;
        let lost = self.sequence.missing(event.line_seqno.into());
        Ok(Some(Heard { edge_ns: Some(event.timestamp_ns), lost }))
    }

    fn processes(&self) -> Vec<&Process> {
        Vec::new()
    }
}
