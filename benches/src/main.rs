//! Measures gpiod, and programs of the same kind beside it. One file for each measurement; `README.md` has what they said.

mod chip;
mod frames;
mod hand;
mod hostile;
mod memory;
mod peers;
mod process;
mod series;
mod soak;

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

  hostile what a flood at one socket does to a session at another
  memory  what gpiod takes of memory when all its limits are reached at once
  peers   gpiod beside other programs that own GPIO lines, on one chip of the kernel's GPIO simulator
  soak    is nobody left holding when clients and the daemon are killed, restarted and flooded?

gpiod-bench BENCH --help tells more.
exit codes: 0 measured; 1 something failed; 64 wrong arguments
";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let ran = match arguments.next().as_deref().and_then(|bench| bench.to_str()) {
        Some("soak") => match soak::arguments::parse(arguments) {
            Ok(Some(wanted)) => soak::run(&wanted),
            Ok(None) => {
                print!("{}", soak::arguments::HELP);
                Ok(())
            }
            Err(mistake) => return wrong(&mistake),
        },
        Some("soak-part") => soak::part::run(arguments),
        Some("peers") => match peers::arguments::parse(arguments) {
            Ok(Some(wanted)) => peers::run(&wanted),
            Ok(None) => {
                print!("{}", peers::arguments::HELP);
                Ok(())
            }
            Err(mistake) => return wrong(&mistake),
        },
        Some("hostile") => match hostile::parse(arguments) {
            Ok(Some(wanted)) => hostile::run(&wanted),
            Ok(None) => {
                print!("{}", hostile::HELP);
                Ok(())
            }
            Err(mistake) => return wrong(&mistake),
        },
        Some("memory") => match memory::parse(arguments) {
            Ok(Some(wanted)) => memory::run(&wanted),
            Ok(None) => {
                print!("{}", memory::HELP);
                Ok(())
            }
            Err(mistake) => return wrong(&mistake),
        },
        Some("-h" | "--help") => {
            print!("{HELP}");
            Ok(())
        }
        Some(other) => return wrong(&format!("there is no bench '{other}'")),
        None => return wrong("which bench?"),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gpiod-bench: {error}");
            ExitCode::FAILURE
        }
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
