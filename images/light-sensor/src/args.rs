//! The command line: what to measure and where to put it, or why not.

use lexopt::prelude::*;
use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Measures light with a photoresistor on the line light of a gpiod socket.
Prints one line for each reading: the charge time in microseconds; larger is darker.

usage: light-sensor [OPTION]...

  --json               print JSON
  --interval DURATION  time from reading to reading, 100ms to 1day (default: 1s)
  --timeout DURATION   how long to wait for the edge, 1ms to 1min (default: 2s)
  --once               take one reading and exit
  --append FILE        append each reading to FILE too, as JSON
  --listen ADDR        serve the last reading by HTTP, for example on 0.0.0.0:8080:
                       / or /reading (JSON), /metrics (Prometheus), /healthz
  --socket PATH        use this socket
  --group NAME         use the socket of this line group
  -h, --help           print this
  -V, --version        print the version

A duration has a unit: 500ms, 2s, 15min, 1h.
Without --socket and --group the socket is GPIOD_SOCKET, else the only one below /run/gpiod/groups.

exit codes: 0 ended by SIGTERM or SIGINT, or one reading taken, or nobody reads its output any more; 1 --once, and it timed out;
  64 wrong arguments; 65 the socket has no such line, or gpiod can not do the program; 69 --once, and gpiod is away,
  or the socket can not be used, and waiting does not help;
  70 a defect; 71 the system refused something; 74 the hardware or standard output failed, or --once, and FILE did; 75 somebody else holds the line;
  77 this socket may not drive it
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

/// What to measure and where to put it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) target: Target,
    pub(crate) json: bool,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) once: bool,
    pub(crate) append: Option<PathBuf>,
    pub(crate) listen: Option<SocketAddr>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            target: Target::Found,
            json: false,
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(2),
            once: false,
            append: None,
            listen: None,
        }
    }
}

/// What the user wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Invocation {
    /// Measure.
    Run(Options),
    /// Print [`HELP`].
    Help,
    /// Print the version.
    Version,
}

/// Reads the arguments, the program's name left out. The error is one line for the user.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Invocation, String> {
    let mut parser = lexopt::Parser::from_args(args);
    let mut options = Options::default();
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Short('h') | Long("help") => return Ok(Invocation::Help),
            Short('V') | Long("version") => return Ok(Invocation::Version),
            Long("json") => options.json = true,
            Long("once") => options.once = true,
            Long("interval") => {
                let range = Duration::from_millis(100)..=Duration::from_secs(24 * 60 * 60);
                options.interval = duration(&text(&mut parser)?)
                    .filter(|interval| range.contains(interval))
                    .ok_or("--interval is a duration from 100ms to 1day, such as 5s")?;
            }
            Long("timeout") => {
                let range = Duration::from_millis(1)..=Duration::from_secs(60);
                options.timeout = duration(&text(&mut parser)?)
                    .filter(|timeout| range.contains(timeout))
                    .ok_or("--timeout is a duration from 1ms to 1min, such as 2s")?;
            }
            Long("append") => {
                let path = named("--append", parser.value().map_err(|error| error.to_string())?)?;
                options.append = Some(path.into());
            }
            Long("listen") => {
                let text = text(&mut parser)?;
                let address = text.parse().map_err(|_| {
                    format!("--listen is an IP address and a port, such as 0.0.0.0:8080, not {text:?}")
                })?;
                options.listen = Some(address);
            }
            Long("socket") => {
                let path = named("--socket", parser.value().map_err(|error| error.to_string())?)?;
                choose(&mut options.target, Target::Socket(path.into()))?;
            }
            Long("group") => {
                let name = named("--group", text(&mut parser)?)?;
                choose(&mut options.target, Target::Group(name))?;
            }
            other @ (Short(_) | Long(_) | Value(_)) => return Err(other.unexpected().to_string()),
        }
    }
    if options.once && options.listen.is_some() {
        return Err("--once exits after its reading, so nobody could ask --listen for it".to_owned());
    }
    Ok(Invocation::Run(options))
}

fn duration(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok()
}

/// The value of an option that is text.
fn text(parser: &mut lexopt::Parser) -> Result<String, String> {
    parser.value().and_then(|value| value.string()).map_err(|error| error.to_string())
}

/// Refuses the empty value that an unset variable in a script leaves behind.
fn named<T: AsRef<OsStr>>(option: &str, value: T) -> Result<T, String> {
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
    fn without_arguments_there_is_a_reading_every_second() {
        let Ok(Invocation::Run(options)) = parsed("") else { panic!("runs") };
        assert_eq!((options.interval, options.timeout), (Duration::from_secs(1), Duration::from_secs(2)));
        assert_eq!(options, Options::default());
    }

    #[test]
    fn every_option_is_taken() {
        let line =
            "--json --interval 1500ms --timeout=5s --append /data/light.jsonl --listen [::]:80 --group hall";
        let options = Options {
            target: Target::Group("hall".into()),
            json: true,
            interval: Duration::from_millis(1500),
            timeout: Duration::from_secs(5),
            once: false,
            append: Some("/data/light.jsonl".into()),
            listen: Some("[::]:80".parse().unwrap()),
        };
        assert_eq!(parsed(line), Ok(Invocation::Run(options)));
        assert_eq!(parsed("--once"), Ok(Invocation::Run(Options { once: true, ..Options::default() })));
    }

    #[test]
    fn nonsense_is_refused_with_the_option_that_is_wrong() {
        let wrong = [
            ("--interval 0s", "--interval"),
            ("--interval 5", "--interval"),
            ("--interval -1s", "--interval"),
            ("--interval 99999999999999999999s", "--interval"),
            ("--timeout 1h", "--timeout"),
            ("--timeout 0s", "--timeout"),
            ("--listen 8080", "--listen"),
            ("--listen localhost:http", "--listen"),
            ("--once --listen 127.0.0.1:80", "--once"),
            ("--append=", "--append is empty"),
            ("--once=yes", "--once"),
            ("--socket /a --group b", "--socket and --group"),
            ("--line 4", "--line"),
            ("4", "4"),
        ];
        for (line, named) in wrong {
            let message = parsed(line).unwrap_err();
            assert!(message.contains(named), "{line}: {message}");
            assert!(!message.contains('\n'), "{line}: {message}");
        }
    }
}
