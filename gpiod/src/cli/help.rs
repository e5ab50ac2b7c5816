//! Help, as it is written from a command's declaration.

use super::arguments::{Argument, Declaration, Kind, Needed, OPTIONS, WORDS};
use super::connect::WHICH_DAEMON;

/// How wide it is at most, in characters: a serial console's width.
pub(super) const WIDTH: usize = 80;
/// Where the texts beside names begin, at most.
const BESIDE: usize = 26;

/// The help of a command that is called so: `gpiod board state`.
pub(super) fn page(declaration: &Declaration, called: &str) -> String {
    let mut page = String::new();
    wrap(&mut page, declaration.about, 0);
    page += &format!("\nUsage: {}\n", usage(declaration, called));
    let mut commands: Vec<_> =
        declaration.commands.iter().map(|below| (below.name.to_owned(), below.about.to_owned())).collect();
    if !commands.is_empty() {
        commands.push(("help".to_owned(), "Print this, or the help of the command that is named".to_owned()));
    }
    section(&mut page, declaration.heading, &commands);
    for heading in [WORDS, OPTIONS, WHICH_DAEMON] {
        let arguments = declaration.arguments().filter(|one| one.heading == heading && !one.hidden);
        let mut rows: Vec<_> = arguments.map(|argument| (label(argument), text(argument))).collect();
        if heading == OPTIONS {
            rows.push(("-h, --help".to_owned(), "Print help".to_owned()));
            if is_root(called) {
                rows.push(("-V, --version".to_owned(), "Print version".to_owned()));
            }
        }
        section(&mut page, heading, &rows);
    }
    if !declaration.more.is_empty() {
        page.push('\n');
        wrap(&mut page, declaration.more, 0);
    }
    page
}

/// Whether that is the program itself, and none of its commands.
pub(super) fn is_root(called: &str) -> bool {
    !called.contains(' ')
}

/// How a command is used, in one line.
pub(super) fn usage(declaration: &Declaration, called: &str) -> String {
    let mut usage = called.to_owned();
    let options = || declaration.arguments().filter(|one| one.is_option() && !one.hidden);
    let mut add = |text: &str| {
        usage.push(' ');
        usage += text;
    };
    if options().any(|option| option.needed == Needed::No) {
        add("[OPTIONS]");
    }
    for argument in options().filter(|option| option.needed != Needed::No) {
        add(&argument.shown());
    }
    for argument in declaration.arguments().filter(|one| !one.is_option()) {
        add(&argument.shown());
    }
    match (declaration.commands, declaration.read) {
        ([], _) => {}
        (_, None) => add("<COMMAND>"),
        (_, Some(_)) => add("[COMMAND]"),
    }
    usage
}

/// An argument beside its text.
fn label(argument: &Argument) -> String {
    match argument.kind {
        Kind::Behind => format!("<{}>...", argument.name),
        Kind::Switch | Kind::Value(_) | Kind::Perhaps(..) | Kind::Word | Kind::Words => argument.shown(),
    }
}

/// What an argument is for, what it is where it is not given, and what it can be.
fn text(argument: &Argument) -> String {
    let mut text = argument.says.to_owned();
    if let Some(default) = argument.default.filter(|default| !default.is_empty()) {
        text += &format!(" [default: {default}]");
    }
    if let Some(variable) = argument.variable {
        text += &format!(" [env: {variable}]");
    }
    if !argument.among.is_empty() {
        text += &format!(" [possible values: {}]", argument.among.join(", "));
    }
    text
}

/// Names and their texts beside them; nothing where there are none.
fn section(page: &mut String, heading: &str, rows: &[(String, String)]) {
    if rows.is_empty() {
        return;
    }
    *page += &format!("\n{heading}:\n");
    let widest = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let indent = (widest + 4).min(BESIDE);
    for (name, text) in rows {
        let name = format!("  {name}");
        *page += &name;
        // A long name has its text below it.
        match indent.checked_sub(name.chars().count()) {
            Some(gap) if gap > 1 => *page += &" ".repeat(gap),
            _ => *page += &format!("\n{:indent$}", ""),
        }
        wrap(page, text, indent);
    }
}

/// Writes a text in lines of at most [`WIDTH`], all but the first `indent` to the right. A line of the text stays one, and
/// where it begins with a space it is kept as it is.
fn wrap(page: &mut String, text: &str, indent: usize) {
    for (number, line) in text.lines().enumerate() {
        if number > 0 && !line.is_empty() {
            *page += &" ".repeat(indent);
        }
        if line.starts_with(' ') {
            *page += line;
        } else {
            let mut column = indent;
            for word in line.split(' ') {
                let width = word.chars().count();
                if column > indent && column + 1 + width > WIDTH {
                    *page += &format!("\n{:indent$}", "");
                    column = indent;
                } else if column > indent {
                    page.push(' ');
                    column += 1;
                }
                *page += word;
                column += width;
            }
        }
        page.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_to_the_next_line_and_examples_stay_as_they_are() {
        let mut page = "  a ".to_owned();
        let long = "7 times ".repeat(10);
        wrap(&mut page, &format!("{long}end\n\n  kept   as it is\nnext"), 4);
        let first = ["7 times"; 9].join(" ");
        let wrapped = format!("  a {first} 7\n    times end\n\n      kept   as it is\n    next\n");
        assert_eq!(page, wrapped);
    }
}
