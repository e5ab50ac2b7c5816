//! Measures gpiod, and programs of the same kind beside it. One file for each measurement; `README.md` has what they said.

mod chip;
mod counts;
mod daemon;
mod footprint;
mod frames;
mod hand;
mod hostile;
mod memory;
mod peers;
mod pins;
mod process;
mod sampling;
mod series;
mod soak;
mod speed;
mod told;

use std::process::ExitCode;

/// What goes wrong here is told to a person, and ends the run.
pub(crate) type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The number that an option is given, above 0.
pub(crate) fn number(parser: &mut lexopt::Parser) -> Result<u32, lexopt::Error> {
    match lexopt::ValueExt::parse(&parser.value()?)? {
        0 => Err("a number above 0 is needed".into()),
        number => Ok(number),
    }
}

const HELP: &str = "\
Measures gpiod.

usage: gpiod-bench BENCH [OPTION]...

  counts  what a call costs in instructions, allocations and system calls
  footprint  what gpiod takes of memory and disk when nothing happens
  hostile what a flood at one socket does to a session at another
  memory  what gpiod takes of memory when all its limits are reached at once
  peers   gpiod beside other programs that own GPIO lines, on one chip of the kernel's GPIO simulator
  sampling  at what rate lines are sampled, what is missed, and what one sample costs
  soak    is nobody left holding when clients and the daemon are killed, restarted and flooded?
  speed   how long calls take and how late edges are heard, beside the least that there can be

gpiod-bench BENCH --help tells more.
exit codes: 0 measured; 1 something failed; 64 wrong arguments
";

/// What came of a bench: it ran, or was not asked for as it should be.
type Ran = Result<Fallible<()>, String>;

/// Runs what was asked for, or helps.
fn begin<T>(asked: Result<Option<T>, String>, help: &str, run: impl FnOnce(&T) -> Fallible<()>) -> Ran {
    let Some(wanted) = asked? else {
        print!("{help}");
        return Ok(Ok(()));
    };
    Ok(run(&wanted))
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let ran = match arguments.next().as_deref().and_then(|bench| bench.to_str()) {
        Some("counts") => begin(counts::parse(arguments), counts::HELP, counts::run),
        Some("footprint") => begin(footprint::parse(arguments), footprint::HELP, footprint::run),
        Some("hostile") => begin(hostile::parse(arguments), hostile::HELP, hostile::run),
        Some("memory") => begin(memory::parse(arguments), memory::HELP, memory::run),
        Some("peers") => begin(peers::arguments::parse(arguments), peers::arguments::HELP, peers::run),
        Some("sampling") => begin(sampling::parse(arguments), sampling::HELP, sampling::run),
        Some("soak") => begin(soak::arguments::parse(arguments), soak::arguments::HELP, soak::run),
        Some("speed") => begin(speed::parse(arguments), speed::HELP, speed::run),
        // Parts of these, each in a process of its own.
        Some("soak-part") => Ok(soak::part::run(arguments)),
        Some(counts::NAME) => Ok(counts::client(arguments)),
        Some(daemon::NAME) => Ok(daemon::run(arguments)),
        Some(speed::floors::ECHO) => Ok(speed::floors::echo(arguments)),
        Some(speed::floors::EDGES) => Ok(speed::floors::edges(arguments)),
        Some("-h" | "--help") => begin::<()>(Ok(None), HELP, |()| Ok(())),
        Some(other) => Err(format!("there is no bench '{other}'")),
        None => Err("which bench?".to_owned()),
    };
    match ran {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            eprintln!("gpiod-bench: {error}");
            ExitCode::FAILURE
        }
        Err(mistake) => wrong(&mistake),
    }
}

fn wrong(mistake: &str) -> ExitCode {
    eprintln!("gpiod-bench: {mistake}\n\n{HELP}");
    ExitCode::from(64)
}

/// CLOCK_MONOTONIC in ns, as the kernel stamps edges.
pub(crate) fn now_ns() -> u64 {
    // Linux has this clock since 2.6, and gives it no negative time.
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC)
        .map_or(0, |time| time.tv_sec().unsigned_abs() * 1_000_000_000 + time.tv_nsec().unsigned_abs())
}
