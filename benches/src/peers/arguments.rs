//! The command line of `gpiod-bench peers`.

use crate::number;
use lexopt::prelude::*;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Measures gpiod beside other programs that own GPIO lines, on one chip of the kernel's GPIO simulator, as root.

usage: gpiod-bench peers --gpiod PATH [--peer-bin NAME=PATH]... [OPTION]...

  --gpiod PATH          the gpiod to measure
  --peer-bin NAME=PATH  a program to measure beside it: rgpiod, or gpio-manager (which needs dbus-daemon)
  --rounds N            how often each has its turn (default: 5)
  --calls N             writes, and reads, in a turn (default: 600)
  --edges N             edges, one at a time, in a turn (default: 200)
  --burst N             edges in the burst of a turn (default: 1000)
  --idle SECONDS        how long nothing happens in a turn (default: 6)
  --spread              use all processors (default: the first for everything, the kernel's part included)
  --json FILE           write what came out to this file, too
  -h, --help            print this

One client does one thing at a time. In each turn the program is started, holds an output and an input and watches a
second input, and is ended: no other is awake meanwhile. The rows of the table that comes out:

  write, read     a call of the client, from begin to end; median / 99th percentile (median as a multiple of the floor's)
  edge to client  from the kernel's time stamp to when the client has it
  burst           edges as fast as the kernel can tell them apart: how many the client got, how many it was told are
                  lost (or can tell by the kernel's line sequence number), and how many are missing without a word
  turns anew      how often a program was started once more because the very first edge did not come within 3 s
  idle            processor time and waits (voluntary context switches of all threads), lines held and watched

The floor is this program doing the same by the kernel's ioctls, without a daemon. On one processor the figures are
of the programs alone; on several, waking a halted processor is in each of them, which costs most in a virtual machine.
";

/// What to measure with, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) gpiod: PathBuf,
    pub(crate) rgpiod: Option<PathBuf>,
    pub(crate) gpio_manager: Option<PathBuf>,
    pub(crate) rounds: u32,
    pub(crate) calls: u32,
    pub(crate) edges: u32,
    pub(crate) burst: u32,
    pub(crate) idle: Duration,
    pub(crate) spread: bool,
    pub(crate) json: Option<PathBuf>,
}

/// Reads the arguments; `None` when help is wanted. The error is one line for the user.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Arguments>, String> {
    read(arguments).map_err(|error| error.to_string())
}

fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Arguments>, lexopt::Error> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let (mut gpiod, mut spread) = (None, false);
    let (mut rgpiod, mut gpio_manager, mut json) = (None, None, None);
    let (mut rounds, mut calls, mut edges, mut burst, mut idle) = (5, 600, 200, 1000, 6);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("gpiod") => gpiod = Some(parser.value()?.into()),
            Long("peer-bin") => {
                let text = parser.value()?.string()?;
                match text.split_once('=') {
                    Some(("rgpiod", path)) => rgpiod = Some(path.into()),
                    Some(("gpio-manager", path)) => gpio_manager = Some(path.into()),
                    Some((name, _)) => return Err(format!("no peer is called '{name}'").into()),
                    None => return Err("--peer-bin takes NAME=PATH".into()),
                }
            }
            Long("rounds") => rounds = number(&mut parser)?,
            Long("calls") => calls = number(&mut parser)?,
            Long("edges") => edges = number(&mut parser)?,
            Long("burst") => burst = number(&mut parser)?,
            Long("idle") => idle = number(&mut parser)?,
            Long("spread") => spread = true,
            Long("json") => json = Some(parser.value()?.into()),
            Short(_) | Long(_) | Value(_) => return Err(argument.unexpected()),
        }
    }
    let gpiod = gpiod.ok_or("--gpiod is missing")?;
    let idle = Duration::from_secs(idle.into());
    Ok(Some(Arguments { gpiod, rgpiod, gpio_manager, rounds, calls, edges, burst, idle, spread, json }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Option<Arguments>, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn peers_are_given_by_name() {
        let arguments = parsed("--gpiod a --peer-bin rgpiod=b --burst 10 --idle 2").unwrap().unwrap();
        assert_eq!(arguments.rgpiod, Some("b".into()));
        assert_eq!((arguments.gpio_manager, arguments.burst), (None, 10));
        assert_eq!(arguments.idle, Duration::from_secs(2));
    }

    #[test]
    fn mistakes_are_told() {
        for (line, mistake) in [
            ("", "--gpiod is missing"),
            ("--gpiod a --peer-bin pigpiod=b", "no peer is called 'pigpiod'"),
            ("--gpiod a --peer-bin b", "--peer-bin takes NAME=PATH"),
            ("--gpiod a --rounds 0", "a number above 0 is needed"),
        ] {
            assert_eq!(parsed(line), Err(mistake.to_owned()), "{line}");
        }
    }
}
