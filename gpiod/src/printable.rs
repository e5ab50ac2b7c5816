//! Text of somebody else on a terminal.

/// Whether a terminal would take a character as an order: to move its cursor, to ring, to turn the direction of writing.
pub(crate) fn is_order(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text made harmless: what would be an order is shown as its number.
pub fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_order(c) {
            safe.extend(c.escape_unicode());
        } else {
            safe.push(c);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_gets_through() {
        assert_eq!(printable("ampel-süd"), "ampel-süd");
        assert_eq!(printable("\x1b[2Jred\n"), "\\u{1b}[2Jred\\u{a}");
        assert_eq!(printable("\u{202e}der\u{9b}"), "\\u{202e}der\\u{9b}");
    }
}
