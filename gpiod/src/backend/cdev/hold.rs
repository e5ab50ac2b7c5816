//! One line request of the kernel: its values, its configuration, and its edges.

use super::chip::Chip;
use super::let_go::LetGo;
use super::{failed, line_config, os_error};
use crate::backend::{EdgeSource, Error, HeldLines, Wanted};
use crate::clock;
use crate::line::{
    Direction, EVENT_BUFFER, Edge, EdgeEvent, LineConfig, Moment, Value, Values, known_mask, ones,
};
use gpiocdev_uapi::v2::{self, LineEdgeEvent, LineFlags, LineRequest, LineValues, Offsets};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

/// How many edges one read takes.
const EVENTS_PER_READ: usize = 64;

/// Lines of one chip that the kernel holds for us. The request ends with the last of its descriptors, which its
/// [`Edges`] share.
#[derive(Debug)]
pub(in crate::backend) struct Held {
    request: Arc<File>,
    lines: Vec<LineConfig>,
    offsets: Vec<u32>,
    let_go: LetGo,
}

/// Requests lines of a chip, all or none. Answers also which of those that were wanted as found are driven, and stay so.
pub(super) fn request(chip: &Chip, consumer: &str, wanted: &[&Wanted]) -> io::Result<(Held, Edges, u64)> {
    let offsets: Vec<u32> = wanted.iter().map(|line| line.id.offset).collect();
    let mut lines: Vec<LineConfig> = wanted.iter().map(|line| line.config).collect();
    let as_found = (0..).zip(wanted).fold(0, |mask, (i, line)| mask | u64::from(line.as_found) << i);
    let request = v2::get_line(
        &chip.file,
        LineRequest {
            offsets: Offsets::from_slice(&offsets),
            consumer: consumer.into(),
            config: line_config::uapi(&lines, as_found),
            num_lines: u32::try_from(offsets.len()).unwrap_or(u32::MAX),
            event_buffer_size: EVENT_BUFFER.into(),
            ..LineRequest::default()
        },
    )
    .map_err(os_error)?;
    let mut kept = 0;
    if as_found != 0 {
        // Direction and level are known for certain only of a line that is held; told what they are, outputs do not move.
        let mut values = LineValues { bits: 0, mask: as_found };
        v2::get_line_values(&request, &mut values).map_err(os_error)?;
        for i in ones(as_found) {
            let info = v2::get_line_info(&chip.file, offsets[i]).map_err(os_error)?;
            if info.flags.contains(LineFlags::OUTPUT) {
                let value = Value::from_bit(values.bits >> i & 1 == 1);
                lines[i] = LineConfig {
                    direction: Direction::Output,
                    value,
                    edges: false,
                    debounce_ns: 0,
                    ..lines[i]
                };
                kept |= 1 << i;
            }
        }
        v2::set_line_config(&request, line_config::uapi(&lines, 0)).map_err(os_error)?;
    }
    fcntl(&request, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(io::Error::from)?;
    let request = Arc::new(request);
    let buffer = vec![0; EVENTS_PER_READ * LineEdgeEvent::u64_size()].into();
    let edges = Edges { request: Arc::clone(&request), offsets: offsets.clone(), buffer };
    Ok((Held { request, lines, offsets, let_go: LetGo::of(chip) }, edges, kept))
}

impl Held {
    /// What the lines were last told to be.
    pub(in crate::backend) fn lines(&self) -> &[LineConfig] {
        &self.lines
    }

    /// Outputs were set past the kernel, which is told their values with the next configuration.
    pub(in crate::backend) fn wrote(&mut self, mask: u64, bits: u64) {
        for i in ones(mask) {
            self.lines[i].value = Value::from_bit(bits >> i & 1 == 1);
        }
    }
}

/// Does something that the kernel does not stamp, and tells between which moments that was.
fn timed(operation: &'static str, act: impl FnOnce() -> v2::Result<()>) -> Result<Moment, Error> {
    let begin_ns = clock::now_ns();
    act().map_err(os_error).map_err(failed(operation))?;
    Ok(Moment::between(begin_ns, clock::now_ns()))
}

impl HeldLines for Held {
    fn read(&mut self, mask: u64) -> Result<Values, Error> {
        let mut values = LineValues { bits: 0, mask };
        let read = timed("reading lines", || v2::get_line_values(&self.request, &mut values))?;
        Ok(Values { bits: values.bits & mask, read })
    }

    fn write(&mut self, mask: u64, bits: u64) -> Result<Moment, Error> {
        const OPERATION: &str = "writing lines";
        let mask = mask & known_mask(self.lines.len());
        let (off, on) = (mask & !bits, mask & bits);
        let set = |mask| v2::set_line_values(&self.request, &LineValues { bits, mask });
        // The kernel goes through the lines by their positions; what switches off comes first.
        let parts = if off == 0 || on == 0 { [mask, 0] } else { [off, on] };
        let mut written = 0;
        let moment = timed(OPERATION, || {
            for part in parts.into_iter().filter(|part| *part != 0) {
                set(part)?;
                written |= part;
            }
            Ok(())
        });
        self.wrote(written, bits);
        moment
    }

    /// The kernel takes a configuration of all lines; those that stay are told to be what they are.
    fn configure(&mut self, lines: &[(u8, LineConfig)]) -> Result<Moment, Error> {
        let mut all = self.lines.clone();
        let mut let_go = Vec::new();
        for (position, config) in lines {
            let position = usize::from(*position);
            let Some(line) = all.get_mut(position) else { continue };
            if line.direction == Direction::Output && config.direction == Direction::Input {
                let_go.push(position);
            }
            *line = *config;
        }
        if let_go.is_empty() { self.apply(all) } else { self.let_go(all, &let_go) }
    }
}

impl Held {
    /// What the kernel has taken is remembered: the next configuration tells it again what each line is.
    fn apply(&mut self, lines: Vec<LineConfig>) -> Result<Moment, Error> {
        let config = line_config::uapi(&lines, 0);
        let moment = timed(CONFIGURING, || v2::set_line_config(&self.request, config))?;
        self.lines = lines;
        Ok(moment)
    }

    /// Configures lines of which those at some positions are let go. When that was is what a sensor's reading begins
    /// with, so they are let go first and listened to then: an interrupt takes the kernel much longer to set up.
    fn let_go(&mut self, lines: Vec<LineConfig>, positions: &[usize]) -> Result<Moment, Error> {
        let offsets: Vec<u32> = positions.iter().map(|position| self.offsets[*position]).collect();
        // Without the kernel's stamp the moment is known less well; that is no reason to go on driving.
        let expected = self.let_go.expect(&offsets).is_ok();
        let mut deaf = lines.clone();
        for position in positions {
            deaf[*position].edges = false;
        }
        let looked = self.apply(deaf)?;
        let stamp = if expected { self.let_go.stamp(&offsets).ok().flatten() } else { None };
        if positions.iter().any(|position| lines[*position].edges) {
            self.apply(lines)?;
        }
        let (begin_ns, end_ns) = (looked.earliest_ns(), looked.latest_ns());
        // The stamp is the end of letting go; that began after we looked, if this thread was not made to wait.
        Ok(match stamp.filter(|stamp| (begin_ns..=end_ns).contains(stamp)) {
            Some(stamp) => Moment { timestamp_ns: stamp, uncertainty_ns: stamp - begin_ns },
            None => looked,
        })
    }
}

const CONFIGURING: &str = "configuring lines";

/// Where the edges of a request come from.
#[derive(Debug)]
pub(in crate::backend) struct Edges {
    request: Arc<File>,
    offsets: Vec<u32>,
    buffer: Box<[u64]>,
}

impl AsFd for Edges {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.request.as_fd()
    }
}

impl EdgeSource for Edges {
    fn read(&mut self, into: &mut Vec<EdgeEvent>) -> Result<bool, Error> {
        const OPERATION: &str = "reading edges";
        let words = match v2::read_event(&self.request, &mut self.buffer).map_err(os_error) {
            Ok(words) => words,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(failed(OPERATION)(error)),
        };
        for words in self.buffer[..words].chunks_exact(LineEdgeEvent::u64_size()) {
            let event = LineEdgeEvent::from_slice(words).map_err(os_error).map_err(failed(OPERATION))?;
            let position = self.offsets.iter().position(|offset| *offset == event.offset);
            let Some(position) = position.and_then(|position| u8::try_from(position).ok()) else { continue };
            into.push(EdgeEvent {
                position,
                edge: if event.kind == RISING { Edge::Rising } else { Edge::Falling },
                timestamp_ns: event.timestamp_ns,
                seqno: event.seqno,
                line_seqno: event.line_seqno,
            });
        }
        Ok(words == self.buffer.len())
    }
}

/// `GPIO_V2_LINE_EVENT_RISING_EDGE`: inactive to active.
const RISING: u32 = v2::LineEdgeEventKind::RisingEdge as u32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_timed_lies_between_its_ends() {
        let begin_ns = clock::now_ns();
        let moment = timed("waiting", || Ok(())).unwrap();
        assert!(begin_ns <= moment.timestamp_ns && moment.timestamp_ns <= clock::now_ns());
        let refused = timed("waiting", || Err(v2::Error::Os(v2::Errno(16)))).unwrap_err();
        let Error::Failed { operation, source } = refused else { panic!("{refused}") };
        assert_eq!((operation, source.kind()), ("waiting", ErrorKind::ResourceBusy));
    }
}
