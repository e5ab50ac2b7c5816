//! How the board's state and record look in a terminal.

use crate::board::client::Client;
use crate::board::model::{ComponentState, LineState, Part, State};
use crate::board::record::{Change, Entry, Page};
use crate::cli::output::{json, print};
use crate::failure::Failure;
use crate::line::{Bias, Direction, Drive};
use futures_util::StreamExt;

pub(super) fn state(state: &State, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return print(&json(state)?);
    }
    let mut text =
        format!("{}\n\nLINE    PIN  LEVEL  DIRECTION  DRIVE        BIAS       CONSUMER\n", state.board);
    for line in &state.lines {
        text += &line_text(line);
    }
    if !state.components.is_empty() {
        text += "\nCOMPONENT         KIND          LINE    STATE\n";
    }
    for component in &state.components {
        text += &component_text(component);
    }
    print(&text)
}

fn line_text(line: &LineState) -> String {
    let drive = match (line.direction, line.drive) {
        (Direction::Input, _) => "-",
        (_, Drive::PushPull) => "push-pull",
        (_, Drive::OpenDrain) => "open-drain",
        (_, Drive::OpenSource) => "open-source",
    };
    let bias = match line.bias {
        Bias::Disabled => "disabled",
        Bias::PullUp => "pull-up",
        Bias::PullDown => "pull-down",
    };
    let remarks = [
        (line.contention, "CONTENTION"),
        (line.floating, "floating"),
        (line.stuck_high == Some(true), "STUCK HIGH"),
        (line.stuck_high == Some(false), "STUCK LOW"),
    ];
    let remarks: Vec<&str> = remarks.into_iter().filter_map(|(is, word)| is.then_some(word)).collect();
    let pin = line.header_pin.map(|pin| pin.to_string()).unwrap_or_default();
    let (level, consumer) = (level(line.high), line.consumer.as_deref().unwrap_or("-"));
    let text = format!(
        "{:<7} {pin:>3}  {level:<5}  {:<9}  {drive:<11}  {bias:<9}  {consumer:<16} {}",
        line.line,
        line.direction,
        remarks.join(", ")
    );
    text.trim_end().to_owned() + "\n"
}

fn component_text(component: &ComponentState) -> String {
    let (kind, line, does) = match &component.part {
        Part::Wire { between: [one, other] } => ("wire", *one, format!("to {other}")),
        Part::Button { line, pressed, .. } => {
            ("button", *line, if *pressed { "pressed" } else { "released" }.to_owned())
        }
        Part::Led { line, colour, lit } => {
            let colour = format!("{colour:?}").to_lowercase();
            ("led", *line, format!("{colour} {}", if *lit { "lit" } else { "dark" }))
        }
        Part::Pulse { line, period_ns, on, .. } => {
            let hz = 1e9 / *period_ns as f64;
            ("pulse", *line, format!("{hz} Hz {}", if *on { "on" } else { "off" }))
        }
        Part::LightSensor { line, lux, by_hand, ohms, volts, expected_charge_us } => {
            let hand = if *by_hand { " by hand" } else { "" };
            let text = format!(
                "{lux:.1} lux{hand}, {ohms:.0} ohms, {volts:.3} V, charges in {expected_charge_us:.1} us"
            );
            ("light-sensor", *line, text)
        }
    };
    let loose = if component.connected { "" } else { ", DISCONNECTED" };
    format!("{:<17} {kind:<13} {:<7} {does}{loose}\n", component.name, line)
}

pub(super) fn page(page: &Page, as_json: bool) -> Result<(), Failure> {
    if page.dropped > 0 {
        eprintln!("gpiod: {} older entries are no longer kept", page.dropped);
    }
    let mut text = String::new();
    for entry in &page.entries {
        text += &if as_json { json(entry)? } else { entry_text(entry) };
    }
    print(&text)
}

pub(super) async fn follow(client: &Client, since: u64, as_json: bool) -> Result<(), Failure> {
    let mut pages = client.follow(since).await?;
    while let Some(next) = pages.next().await {
        page(&next?, as_json)?;
    }
    Ok(())
}

fn entry_text(entry: &Entry) -> String {
    let change = match entry.change {
        Change::Level => level(entry.high).to_owned(),
        Change::Direction => entry.direction.to_string(),
        Change::Contention if entry.contention => "contention".to_owned(),
        Change::Contention => "no contention".to_owned(),
        Change::Claim => "claimed".to_owned(),
        Change::Release => "free".to_owned(),
    };
    let (seconds, ns) = (entry.time_ns / 1_000_000_000, entry.time_ns % 1_000_000_000);
    format!("{:>6} {seconds:>7}.{ns:09} {:<7} {change:<14} {}\n", entry.seq, entry.line, entry.cause)
}

fn level(high: bool) -> &'static str {
    if high { "high" } else { "low" }
}
