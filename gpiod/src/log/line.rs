//! An event as a line of the log.

use crate::printable::is_order;
use serde_json::Value;
use std::fmt::{self, Debug, Write};
use std::time::SystemTime;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

/// Bytes that most lines have room in.
const USUAL: usize = 512;
/// The field that is what an event says.
const MESSAGE: &str = "message";

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// In colours: the time, how grave it is, the message, then `key=value`.
    Terminal,
    /// An object, with the fields beside `timestamp`, `level` and `message`.
    Json,
}

/// The line of an event, with its end.
pub(super) fn of(event: &Event<'_>, form: Form, now: SystemTime) -> String {
    let mut line = Line { text: String::with_capacity(USUAL), form };
    let level = event.metadata().level();
    let time = humantime::format_rfc3339_micros(now);
    match form {
        Form::Terminal => {
            line.put(format_args!("\x1b[2m{time}\x1b[0m \x1b[{}m{level:>5}\x1b[0m", colour(level)));
        }
        Form::Json => line.put(format_args!(r#"{{"timestamp":"{time}","level":"{level}""#)),
    }
    event.record(&mut line);
    line.text.push_str(match form {
        Form::Terminal => "\n",
        Form::Json => "}\n",
    });
    line.text
}

/// The terminal's number of a colour.
fn colour(level: &Level) -> u8 {
    match *level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        Level::DEBUG => 34,
        Level::TRACE => 35,
    }
}

struct Line {
    text: String,
    form: Form,
}

impl Line {
    /// A string takes all there is: what fails is somebody's `Display`, of which there is then the beginning.
    fn put(&mut self, what: fmt::Arguments<'_>) {
        let _ = self.text.write_fmt(what);
    }

    fn key(&mut self, field: &Field) {
        match self.form {
            Form::Terminal if field.name() == MESSAGE => self.text.push(' '),
            Form::Terminal => self.put(format_args!(" \x1b[3m{field}\x1b[0m\x1b[2m=\x1b[0m")),
            Form::Json => {
                self.text.push(',');
                self.string(format_args!("{field}"));
                self.text.push(':');
            }
        }
    }

    /// A string in JSON.
    fn string(&mut self, what: fmt::Arguments<'_>) {
        self.text.push('"');
        let _ = Escaped(&mut self.text).write_fmt(what);
        self.text.push('"');
    }

    /// What is the same in JSON.
    fn plain(&mut self, field: &Field, value: &dyn Debug) {
        self.key(field);
        self.put(format_args!("{value:?}"));
    }
}

impl Visit for Line {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        match self.form {
            Form::Terminal => self.plain(field, &value),
            // What is no number is null there.
            Form::Json => self.plain(field, &format_args!("{}", Value::from(value))),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match self.form {
            Form::Terminal if field.name() != MESSAGE => self.plain(field, &value),
            Form::Terminal | Form::Json => self.record_debug(field, &format_args!("{value}")),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.key(field);
        match self.form {
            Form::Terminal => drop(write!(Shown(&mut self.text), "{value:?}")),
            Form::Json => self.string(format_args!("{value:?}")),
        }
    }
}

/// Text within a string in JSON, as RFC 8259, 7, has it: written where it is to stand, without memory of its own.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '"' | '\\' => self.0.extend(['\\', character]),
                '\n' => self.0.push_str("\\n"),
                '\r' => self.0.push_str("\\r"),
                '\t' => self.0.push_str("\\t"),
                '\0'..' ' => write!(self.0, "\\u{:04x}", u32::from(character))?,
                _ => self.0.push(character),
            }
        }
        Ok(())
    }
}

/// Text for a terminal: what could be an order to it is written out. Ends of lines and tabs stay.
struct Shown<'a>(&'a mut String);

impl Write for Shown<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if is_order(character) && !matches!(character, '\n' | '\t') {
                self.0.extend(character.escape_default());
            } else {
                self.0.push(character);
            }
        }
        Ok(())
    }
}
