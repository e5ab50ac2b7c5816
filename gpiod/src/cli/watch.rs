//! `gpiod watch`: prints edges as they come.

use super::Command;
use super::arguments::{Argument, Declaration};
use super::connect::{TARGET, Target, with_client};
use super::get::{values_json, values_text};
use super::given::Given;
use super::output::{json, print, printable, seconds, span};
use super::words;
use crate::failure::Failure;
use gpiod_sdk::{Edge, EdgeEvent, EventSource, Loss, LossCause, WatchItem};
use serde_json::{Value as Json, json};

/// What it takes.
static TABLE: [Argument; 4] = [
    Argument::words("NAME", "The lines to watch, 1 to 64, as `gpiod lines` calls them"),
    Argument::value("edge", "EDGE", "Which edges: rising (to active), falling (to inactive) or both")
        .or("both"),
    Argument::value("count", "N", "End after so many edges"),
    Argument::switch("json", "Print JSON, one object on a line"),
];

/// The command, as `--help` tells of it.
pub(super) static DECLARATION: Declaration = Declaration {
    name: "watch",
    about: "Print edges as they come",
    tables: &[&TABLE, &TARGET],
    read: Some(|given| Args::read(given).map(Command::Watch)),
    more: "\
Watching needs no hold and disturbs none. First come the present values, then one line for each edge: its time \
(CLOCK_MONOTONIC of the node, s), the line and the edge. Events that were lost are told where they are missing. When \
the connection breaks or the daemon is started anew the watch goes on where it was, and says if nobody watched meanwhile. On \
the admin socket, which root speaks to unless another is named, a line is called GROUP/NAME.

Examples:
  gpiod watch --group door button
  gpiod watch door/button                                     the same, for root
  gpiod watch --group door button --edge falling --count 1    until it is let go
  gpiod watch --group traffic-light red yellow green --json",
    ..Declaration::NONE
};

/// Arguments of `gpiod watch`.
#[derive(Debug)]
pub struct Args {
    names: Vec<String>,
    edge: Edge,
    count: Option<u64>,
    json: bool,
    target: Target,
}

impl Args {
    fn read(given: &Given) -> Result<Self, Failure> {
        Ok(Self {
            names: given.each("NAME", words::text)?,
            edge: given.one("edge", words::edge_argument)?,
            count: given.maybe("count", words::some)?,
            json: given.switch("json"),
            target: Target::read(given)?,
        })
    }
}

/// Runs the command.
///
/// # Errors
/// What the daemon refuses; see [`Failure`].
pub fn run(args: &Args) -> Result<(), Failure> {
    with_client(&args.target, "gpiod watch", async |client| {
        let mut watch = client.watch(&args.names).edge(args.edge).open().await?;
        let mut left = args.count;
        while let Some(item) = watch.next().await {
            let item = item?;
            print(&if args.json { json(&item_json(&item))? } else { text(&item) })?;
            if let (WatchItem::Edge(_), Some(left)) = (&item, &mut left) {
                *left -= 1;
                if *left == 0 {
                    break;
                }
            }
        }
        Ok(())
    })
}

fn text(item: &WatchItem) -> String {
    match item {
        WatchItem::Values(values) => {
            format!("{} now {}\n", seconds(values.timestamp_ns()), values_text(values))
        }
        WatchItem::Edge(edge) => {
            format!("{} {} {}\n", seconds(edge.timestamp_ns), printable(&edge.line), edge.edge())
        }
        WatchItem::Lost(loss) => loss_text(loss),
    }
}

fn loss_text(loss: &Loss) -> String {
    let count = match loss.count {
        Some(1) => "1 event".to_owned(),
        Some(count) => format!("{count} events"),
        None => "an unknown number of events".to_owned(),
    };
    // Since when and until when are on the clock of the edges beside them.
    let during = match (loss.from_ns, loss.until_ns) {
        (Some(from), Some(until)) => format!(", from {} to {}", seconds(from), seconds(until)),
        (None, Some(until)) => format!(", until {}", seconds(until)),
        (_, None) => String::new(),
    };
    let cause = match (loss.cause, loss.away) {
        (LossCause::Kernel, _) => "the kernel's buffer overflowed".to_owned(),
        (LossCause::Watcher, _) => "this watcher was too slow".to_owned(),
        (LossCause::Restart, Some(away)) => {
            format!("nobody watched for {}", span(u64::try_from(away.as_nanos()).unwrap_or(u64::MAX)))
        }
        (LossCause::Restart, None) => "nobody watched for a while".to_owned(),
        (LossCause::Hardware, _) => "the chip swallowed an edge".to_owned(),
        (LossCause::Limit, _) => "more came per second than the configuration allows".to_owned(),
        (LossCause::Unknown, _) => "of an unknown cause".to_owned(),
    };
    format!("lost {count}: {cause}{during}\n")
}

fn item_json(item: &WatchItem) -> Json {
    match item {
        WatchItem::Values(values) => {
            let mut object = values_json(values);
            object["event"] = "values".into();
            object
        }
        WatchItem::Edge(edge) => {
            let mut object = edge_json(edge);
            object["event"] = "edge".into();
            object["seqno"] = edge.seqno.into();
            object
        }
        WatchItem::Lost(loss) => json!({
            "event": "lost",
            "count": loss.count,
            "cause": match loss.cause {
                LossCause::Kernel => "kernel",
                LossCause::Watcher => "watcher",
                LossCause::Restart => "restart",
                LossCause::Hardware => "hardware",
                LossCause::Limit => "limit",
                LossCause::Unknown => "unknown",
            },
            "away_ms": loss.away.map(|away| u64::try_from(away.as_millis()).unwrap_or(u64::MAX)),
            "from_ns": loss.from_ns,
            "until_ns": loss.until_ns,
        }),
    }
}

/// One edge, in the words of the API.
pub(super) fn edge_json(edge: &EdgeEvent) -> Json {
    json!({
        "line": &*edge.line,
        "edge": edge.edge().to_string(),
        "timestamp_ns": edge.timestamp_ns,
        "line_seqno": edge.line_seqno,
        "source": match edge.source {
            EventSource::Kernel => "kernel",
            EventSource::Daemon => "daemon",
            EventSource::Unknown => "unknown",
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_loss_says_how_many_and_why() {
        let loss = |cause, count| Loss { cause, count, away: None, from_ns: None, until_ns: None };
        let told = |cause, count| loss_text(&loss(cause, count));
        assert_eq!(told(LossCause::Kernel, Some(1)), "lost 1 event: the kernel's buffer overflowed\n");
        assert_eq!(told(LossCause::Watcher, Some(7)), "lost 7 events: this watcher was too slow\n");
        assert_eq!(
            told(LossCause::Limit, Some(2)),
            "lost 2 events: more came per second than the configuration allows\n"
        );
        let away = Loss { away: Some(Duration::from_millis(1234)), ..loss(LossCause::Restart, None) };
        assert_eq!(loss_text(&away), "lost an unknown number of events: nobody watched for 1.234 s\n");
        let known = Loss { from_ns: Some(1_000_000_000), until_ns: Some(2_234_000_000), ..away };
        assert_eq!(
            loss_text(&known),
            format!(
                "lost an unknown number of events: nobody watched for 1.234 s, from {} to {}\n",
                seconds(1_000_000_000),
                seconds(2_234_000_000)
            )
        );
    }
}
