//! The command line: what to run, or why not.

use crate::phase::Speed;
use lexopt::prelude::*;
use std::ffi::OsString;
use std::path::PathBuf;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Runs a traffic light on the lines red, yellow and green of a gpiod socket.

usage: traffic-light [--speed N] [--socket PATH | --group NAME]

  --speed N      run N times faster than in the street, 0.1 to 1000 (default: 1)
  --socket PATH  use this socket
  --group NAME   use the socket of this line group
  -h, --help     print this
  -V, --version  print the version

Without --socket and --group the socket is GPIOD_SOCKET, else the only one below /run/gpiod/groups.

exit codes: 0 ended by SIGTERM or SIGINT, lights off; 64 wrong arguments; 65 the socket has no such lines;
  69 the socket can not be used, and waiting does not help; 70 a defect; 71 the system refused something;
  74 the hardware or standard output failed; 75 somebody else holds the lines; 77 this socket may not drive them
";

/// Which socket to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The one that is found.
    Found,
    /// This one.
    Socket(PathBuf),
    /// That of this line group.
    Group(String),
}

/// What the user wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Invocation {
    /// Run the light.
    Run { speed: Speed, target: Target },
    /// Print [`HELP`].
    Help,
    /// Print the version.
    Version,
}

/// Reads the arguments, the program's name left out. The error is one line for the user.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Invocation, String> {
    let mut parser = lexopt::Parser::from_args(args);
    let mut speed = Speed::NORMAL;
    let mut target = Target::Found;
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Short('h') | Long("help") => return Ok(Invocation::Help),
            Short('V') | Long("version") => return Ok(Invocation::Version),
            Long("speed") => {
                let text = text(&mut parser)?;
                speed = Speed::parse(&text)
                    .ok_or_else(|| format!("--speed is a number from 0.1 to 1000, not {text:?}"))?;
            }
            Long("socket") => {
                let path = parser.value().map_err(|error| error.to_string())?;
                choose(&mut target, Target::Socket(named("--socket", path)?.into()))?;
            }
            Long("group") => {
                let name = named("--group", text(&mut parser)?)?;
                choose(&mut target, Target::Group(name))?;
            }
            other @ (Short(_) | Long(_) | Value(_)) => return Err(other.unexpected().to_string()),
        }
    }
    Ok(Invocation::Run { speed, target })
}

/// The value of an option that is text.
fn text(parser: &mut lexopt::Parser) -> Result<String, String> {
    parser.value().and_then(|value| value.string()).map_err(|error| error.to_string())
}

/// Refuses the empty value that an unset variable in a script leaves behind.
fn named<T: AsRef<std::ffi::OsStr>>(option: &str, value: T) -> Result<T, String> {
    if value.as_ref().is_empty() { Err(format!("{option} is empty")) } else { Ok(value) }
}

/// Sets the target once: a second one would say something else than the first.
fn choose(target: &mut Target, wanted: Target) -> Result<(), String> {
    if *target != Target::Found {
        return Err("one of --socket and --group, and only once".to_owned());
    }
    *target = wanted;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Invocation, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn without_arguments_the_light_runs_as_in_the_street() {
        assert_eq!(parsed(""), Ok(Invocation::Run { speed: Speed::NORMAL, target: Target::Found }));
    }

    #[test]
    fn a_speed_and_a_socket_are_taken() {
        let speed = Speed::parse("2.5").unwrap();
        let target = Target::Socket("/tmp/s.sock".into());
        assert_eq!(parsed("--speed 2.5 --socket /tmp/s.sock"), Ok(Invocation::Run { speed, target }));
        let target = Target::Group("crossing".into());
        assert_eq!(parsed("--group=crossing"), Ok(Invocation::Run { speed: Speed::NORMAL, target }));
    }

    #[test]
    fn help_and_version_win_over_what_comes_later() {
        assert_eq!(parsed("--help --speed 0"), Ok(Invocation::Help));
        assert_eq!(parsed("-V nonsense"), Ok(Invocation::Version));
    }

    #[test]
    fn nonsense_is_refused_with_the_option_that_is_wrong() {
        let wrong = [
            ("--speed 0", "--speed"),
            ("--speed fast", "\"fast\""),
            ("--speed", "--speed"),
            ("--pin 9", "--pin"),
            ("red", "red"),
            ("--socket /a --group b", "--socket and --group"),
            ("--group a --group b", "only once"),
            ("--group=", "--group is empty"),
        ];
        for (line, named) in wrong {
            let message = parsed(line).unwrap_err();
            assert!(message.contains(named), "{line}: {message}");
            assert!(!message.contains('\n'), "{line}: {message}");
        }
    }
}
