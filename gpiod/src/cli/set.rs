//! `gpiod set`: sets values, once or for as long as they are held.

use super::Command;
use super::arguments::{Argument, Declaration};
use super::connect::{TARGET, Target, with_client};
use super::get::values_json;
use super::given::{Given, quoted};
use super::output::{json, print, printable};
use super::words;
use crate::failure::{Exit, Failure};
use gpiod_sdk::{Client, Error, Notice, Reason, Session, Value};
use serde_json::{Map, json};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// What it takes.
static TABLE: [Argument; 3] = [
    Argument::words("NAME=VALUE", "Lines, 1 to 64, and their values: active, 1, on or inactive, 0, off"),
    Argument::perhaps(
        "hold",
        "TIME",
        "forever",
        "Hold the lines, for so long or until Ctrl-C. A number without a unit is seconds",
    ),
    Argument::switch("json", "Print what was set as JSON"),
];

/// The command, as `--help` tells of it.
pub(super) static DECLARATION: Declaration = Declaration {
    name: "set",
    about: "Set values, once or for as long as they are held",
    tables: &[&TABLE, &TARGET],
    read: Some(|given| Args::read(given).map(Command::Set)),
    more: "\
All lines change at once, or none does. Without --hold the lines must be free and, but on the admin socket, \
configured with one_shot = true; the values stay. With --hold the lines are held, which refuses them to others, until the time is over or Ctrl-C or \
SIGTERM comes; then each line does what its on_release says. Values are logical: on an active-low line, active is low. On the \
admin socket, which root speaks to unless another is named, a line is called GROUP/NAME.

Examples:
  gpiod set --group door bell=active
  gpiod set door/bell=active                      the same, for root
  gpiod set --group traffic-light red=1 yellow=0 green=0 --hold
  gpiod set --group garden pump=on --hold=2.5s",
    ..Declaration::NONE
};

/// Arguments of `gpiod set`.
#[derive(Debug)]
pub struct Args {
    values: Vec<(String, Value)>,
    hold: Option<HoldTime>,
    json: bool,
    target: Target,
}

impl Args {
    fn read(given: &Given) -> Result<Self, Failure> {
        Ok(Self {
            values: given.each("NAME=VALUE", words::assignment)?,
            hold: given.maybe("hold", hold_time)?,
            json: given.switch("json"),
            target: Target::read(given)?,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum HoldTime {
    Forever,
    For(Duration),
}

fn hold_time(word: &str) -> Result<HoldTime, String> {
    match word {
        "forever" => Ok(HoldTime::Forever),
        _ => match word.parse::<f64>() {
            Ok(seconds) => Duration::try_from_secs_f64(seconds).map_err(|_| {
                format!("{} is no number of seconds that one could wait", quoted(word.as_ref()))
            }),
            Err(_) => words::time(word),
        }
        .map(HoldTime::For),
    }
}

/// Runs the command.
///
/// # Errors
/// What the daemon refuses; see [`Failure`].
pub fn run(args: &Args) -> Result<(), Failure> {
    with_client(&args.target, "gpiod set", async |client| match args.hold {
        None => once(&client, args).await,
        Some(time) => hold(&client, args, time).await,
    })
}

async fn once(client: &Client, args: &Args) -> Result<(), Failure> {
    match client.write(args.values.iter().cloned()).await {
        Ok(timestamp_ns) if args.json => {
            let values: Map<_, _> =
                args.values.iter().map(|(name, value)| (name.clone(), json!(value.to_string()))).collect();
            print(&json(&json!({ "timestamp_ns": timestamp_ns, "values": values }))?)
        }
        Ok(_) => Ok(()),
        Err(error) => Err(explained(client, args, error).await),
    }
}

/// A refusal, with the way out where there is one: most lines may be driven by who holds them, and by nobody else.
async fn explained(client: &Client, args: &Args, error: Error) -> Failure {
    let not_permitted = error.reason() == Some(&Reason::NotPermitted);
    let mut failure = Failure::from(error);
    if not_permitted
        && let Ok(lines) = client.lines().await
        && args.values.iter().all(|(name, _)| lines.get(name).is_some_and(|line| line.may_drive))
    {
        failure.message += "; to hold the lines while you need them: gpiod set";
        failure.message += &printable(&args.target.arguments());
        failure.message += " --hold";
        for (name, value) in &args.values {
            failure.message += &format!(" {}={value}", printable(name));
        }
    }
    failure
}

async fn hold(client: &Client, args: &Args, time: HoldTime) -> Result<(), Failure> {
    // Before the lines are held, so that there is no moment in which Ctrl-C would not let go of them properly.
    let stopped = stopped()?;
    let builder = client.session();
    let builder = args.values.iter().fold(builder, |builder, (name, value)| builder.output_at(name, *value));
    let session = builder.open().await?;
    let held = async {
        if args.json {
            print(&json(&values_json(&session.opened_with()))?)?;
        } else {
            eprintln!("gpiod: holding; Ctrl-C lets go");
        }
        tokio::select! {
            () = stopped => Ok(()),
            () = over(time) => Ok(()),
            failure = keep(&session, &args.values) => Err(failure),
        }
    };
    let held = held.await;
    let closed = session.close().await;
    held.and(closed.map_err(Failure::from))
}

async fn over(time: HoldTime) {
    match time {
        HoldTime::Forever => std::future::pending().await,
        HoldTime::For(time) => tokio::time::sleep(time).await,
    }
}

/// Sets the values again whenever the daemon has been away. Returns when the session has ended for good.
async fn keep(session: &Session, values: &[(String, Value)]) -> Failure {
    loop {
        match session.next_notice().await {
            Notice::Lost { why } => eprintln!("gpiod: {}; trying again", Failure::from(why)),
            Notice::Resumed { away, .. } => {
                eprintln!("gpiod: holding again after {} ms", away.as_millis());
                // Fails where the daemon has gone again: then there is another notice to come.
                let _ = session.write(values.iter().cloned()).await;
            }
            Notice::Ended { error } => return error.into(),
        }
    }
}

fn stopped() -> Result<impl Future<Output = ()>, Failure> {
    let handler =
        |kind| signal(kind).map_err(|error| Failure::new(Exit::Os, format!("no signal handler: {error}")));
    let (mut terminate, mut interrupt) =
        (handler(SignalKind::terminate())?, handler(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_lasts_for_seconds_a_time_or_for_ever() {
        assert_eq!(hold_time("forever"), Ok(HoldTime::Forever));
        assert_eq!(hold_time("2.5"), Ok(HoldTime::For(Duration::from_millis(2500))));
        assert_eq!(hold_time("20ms"), Ok(HoldTime::For(Duration::from_millis(20))));
        for wrong in ["", "-1", "nan", "inf", "1e30", "-1s"] {
            assert!(hold_time(wrong).is_err(), "{wrong}");
        }
    }
}
