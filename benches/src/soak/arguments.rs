//! The command line of `gpiod-bench soak`.

use crate::number;
use lexopt::prelude::*;
use std::ffi::OsString;
use std::path::PathBuf;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Kills clients, restarts the daemon, takes it away from its guardian and floods it, on the simulated board, and judges by
the board's record. Prints one table; fails when a promise was broken.

usage: gpiod-bench soak --gpiod PATH [OPTION]...

  --gpiod PATH     the gpiod to try
  --only SCENE     kill, restart, guard or hostile; may be repeated (default: all of them)
  --rounds N       kills, restarts or rounds of each scene (default: 1000 kills, 200 restarts, 50 rounds of guard)
  --seconds N      how long it is flooded (default: 60)
  --clients N      how many clients flood it (default: 200)
  --untimed        times are shown, but break no promise: for machines that are busy with something else
  -h, --help       print this

Progress is told on stderr.
";

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scene {
    /// Clients are killed.
    Kill,
    /// The daemon is restarted.
    Restart,
    /// The daemon goes, and its guardian acts.
    Guard,
    /// The daemon is flooded.
    Hostile,
}

impl Scene {
    const ALL: [Self; 4] = [Self::Kill, Self::Restart, Self::Guard, Self::Hostile];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Restart => "restart",
            Self::Guard => "guard",
            Self::Hostile => "hostile",
        }
    }
}

/// What to try, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) gpiod: PathBuf,
    only: Vec<Scene>,
    rounds: Option<u32>,
    pub(crate) seconds: u32,
    pub(crate) clients: u32,
    pub(crate) untimed: bool,
}

impl Arguments {
    /// The scenes, in their order.
    pub(crate) fn scenes(&self) -> impl Iterator<Item = Scene> + '_ {
        let wanted = |scene: &Scene| self.only.is_empty() || self.only.contains(scene);
        Scene::ALL.into_iter().filter(wanted)
    }

    /// How many rounds a scene has, where the command line does not say.
    pub(crate) fn rounds(&self, else_so_many: u32) -> u32 {
        self.rounds.unwrap_or(else_so_many)
    }
}

/// Reads the arguments; `None` when help is wanted. The error is one line for the user.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Arguments>, String> {
    read(arguments).map_err(|error| error.to_string())
}

fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Arguments>, lexopt::Error> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let (mut gpiod, mut only, mut rounds, mut untimed) = (None, Vec::new(), None, false);
    let (mut seconds, mut clients) = (60, 200);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("gpiod") => gpiod = Some(parser.value()?.into()),
            Long("only") => {
                let name = parser.value()?.string()?;
                let scene = Scene::ALL.into_iter().find(|scene| scene.name() == name);
                only.push(scene.ok_or(format!("there is no scene '{name}'"))?);
            }
            Long("rounds") => rounds = Some(number(&mut parser)?),
            Long("seconds") => seconds = number(&mut parser)?,
            Long("clients") => clients = number(&mut parser)?,
            Long("untimed") => untimed = true,
            Short(_) | Long(_) | Value(_) => return Err(argument.unexpected()),
        }
    }
    let gpiod = gpiod.ok_or("--gpiod is missing")?;
    Ok(Some(Arguments { gpiod, only, rounds, seconds, clients, untimed }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Option<Arguments>, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn without_a_choice_all_scenes_are_run_with_their_own_numbers() {
        let arguments = parsed("--gpiod a").unwrap().unwrap();
        assert_eq!(arguments.scenes().collect::<Vec<_>>(), Scene::ALL);
        assert_eq!((arguments.rounds(7), arguments.seconds, arguments.clients), (7, 60, 200));
        let chosen = parsed("--gpiod a --only guard --only kill --rounds 3").unwrap().unwrap();
        assert_eq!(chosen.scenes().collect::<Vec<_>>(), [Scene::Kill, Scene::Guard]);
        assert_eq!(chosen.rounds(7), 3);
    }

    #[test]
    fn mistakes_are_told() {
        for (line, mistake) in [
            ("", "--gpiod is missing"),
            ("--gpiod a --only flood", "there is no scene 'flood'"),
            ("--gpiod a --rounds 0", "a number above 0 is needed"),
        ] {
            assert_eq!(parsed(line), Err(mistake.to_owned()), "{line}");
        }
    }
}
