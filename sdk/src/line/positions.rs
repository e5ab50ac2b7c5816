//! From names and handles to positions: the masks and bits that commands are made of.

use crate::error::Error;
use crate::line::name::{Assignment, LineRef, LineRefs};
use crate::values::Names;
use std::borrow::Borrow;

/// The most lines that one request or session can have: the width of a mask.
pub(crate) const MAX_LINES: usize = 64;

/// The lines of a session or request, in the order that positions count.
#[derive(Clone, Debug)]
pub(crate) struct Positions {
    names: Names,
    /// The session whose handles are good here; `None` where only names are.
    session: Option<u64>,
}

impl Positions {
    /// Fails on what no request may have: no line, more than 64, one twice.
    pub(crate) fn new<'a>(
        names: impl IntoIterator<Item = &'a str>,
        session: Option<u64>,
    ) -> Result<Self, Error> {
        let names: Names = names.into_iter().map(Into::into).collect();
        if names.is_empty() {
            return Err(Error::invalid("no line is named"));
        }
        if names.len() > MAX_LINES {
            return Err(Error::invalid(format!("{} lines are more than {MAX_LINES}", names.len())));
        }
        if let Some((_, twice)) = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
            return Err(Error::invalid(format!("line {twice:?} is named twice")));
        }
        Ok(Self { names, session })
    }

    /// The names, in their order.
    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    /// The mask of all lines.
    pub(crate) fn all(&self) -> u64 {
        u64::MAX.checked_shr(u32::try_from(MAX_LINES - self.names.len()).unwrap_or(0)).unwrap_or(0)
    }

    /// The mask of some lines, at least one and none twice.
    pub(crate) fn mask(&self, lines: &LineRefs) -> Result<u64, Error> {
        let mut mask = 0;
        for line in &lines.0 {
            mask = self.with(mask, line)?;
        }
        some(mask)
    }

    /// The mask and bits of some assignments, at least one and no line twice.
    pub(crate) fn mask_and_bits(
        &self,
        values: impl IntoIterator<Item = impl Borrow<Assignment>>,
    ) -> Result<(u64, u64), Error> {
        let (mut mask, mut bits) = (0, 0);
        for assignment in values {
            let Assignment { line, value } = assignment.borrow();
            let with = self.with(mask, line)?;
            if value.is_active() {
                bits |= with & !mask;
            }
            mask = with;
        }
        Ok((some(mask)?, bits))
    }

    /// The mask with one more line.
    fn with(&self, mask: u64, line: &LineRef) -> Result<u64, Error> {
        let bit = self.bit(line)?;
        if mask & bit != 0 {
            return Err(Error::invalid(format!("line {:?} is named twice", line.name)));
        }
        Ok(mask | bit)
    }

    fn bit(&self, line: &LineRef) -> Result<u64, Error> {
        if let Some(handle) = line.handle {
            if self.session != Some(handle.session) {
                return Err(Error::ForeignHandle { line: line.name.to_string() });
            }
            return Ok(1 << handle.position);
        }
        match self.names.iter().position(|name| *name == line.name) {
            Some(position) => Ok(1 << position),
            None => Err(Error::NoSuchLine { line: line.name.to_string(), wanted: None }),
        }
    }
}

fn some(mask: u64) -> Result<u64, Error> {
    if mask == 0 { Err(Error::invalid("no line is named")) } else { Ok(mask) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Value;

    #[test]
    fn masks_and_bits_follow_the_positions() {
        let lines = Positions::new(["red", "yellow", "green"], None).unwrap();
        assert_eq!(lines.all(), 0b111);
        assert_eq!(lines.mask(&["green", "red"].into()).unwrap(), 0b101);
        let values: [Assignment; 2] = [("yellow", Value::Active).into(), ("green", Value::Inactive).into()];
        assert_eq!(lines.mask_and_bits(values).unwrap(), (0b110, 0b010));
    }

    #[test]
    fn sixty_four_lines_fit_and_one_more_does_not() {
        let names: Vec<String> = (0..65).map(|i| format!("line{i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let lines = Positions::new(names[..64].iter().copied(), None).unwrap();
        assert_eq!(lines.all(), u64::MAX);
        assert_eq!(lines.mask(&"line63".into()).unwrap(), 1 << 63);
        let error = Positions::new(names, None).unwrap_err();
        assert_eq!(error.to_string(), "65 lines are more than 64");
    }

    #[test]
    fn nothing_is_named_twice_and_something_is_named() {
        for names in [&["a", "b", "a"][..], &[]] {
            assert!(matches!(Positions::new(names.iter().copied(), None), Err(Error::Invalid { .. })));
        }
        let lines = Positions::new(["a", "b"], None).unwrap();
        assert!(matches!(lines.mask(&["a", "a"].into()), Err(Error::Invalid { .. })));
        assert!(matches!(lines.mask(&LineRefs(Vec::new())), Err(Error::Invalid { .. })));
    }

    #[test]
    fn an_unknown_name_is_named_in_the_error() {
        let lines = Positions::new(["a"], None).unwrap();
        assert_eq!(lines.mask(&"b".into()).unwrap_err().to_string(), "\"b\" is no line here");
    }
}
