//! Finds a compiled `.proto` file by its name or by what it declares. The files are read as they are (`descriptor.proto` of
//! protobuf): an index of them would take some 60 kB, and hardly any client ever asks.

use prost::encoding::{WireType, decode_key, decode_varint};

/// What may have a name, and what of it stands within what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File,
    Message,
    Enum,
    Service,
    /// A field, a value, a method.
    Leaf,
}

impl Kind {
    /// The kind of what stands in a field of this one, if that is something with a name.
    fn within(self, field: u32) -> Option<Self> {
        match (self, field) {
            (Self::File, 4) | (Self::Message, 3) => Some(Self::Message),
            (Self::File, 5) | (Self::Message, 4) => Some(Self::Enum),
            (Self::File, 6) => Some(Self::Service),
            (Self::Message, 2 | 8) | (Self::Enum | Self::Service, 2) => Some(Self::Leaf),
            _ => None,
        }
    }

    /// The field that has its name, or the part of their names that all in it have in common.
    fn name_field(self) -> u32 {
        if self == Self::File { 2 } else { 1 }
    }
}

/// The fields of a message that have a length, by number.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (u32, &'a [u8]);

    /// Ends where it can not be read, which would be a defect of the build; the test below reads all.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (number, kind) = decode_key(&mut self.0).ok()?;
            let length = match kind {
                WireType::LengthDelimited => usize::try_from(decode_varint(&mut self.0).ok()?).ok()?,
                WireType::Varint => decode_varint(&mut self.0).ok().map(|_| 0)?,
                WireType::SixtyFourBit => 8,
                WireType::ThirtyTwoBit => 4,
                WireType::StartGroup | WireType::EndGroup => return None,
            };
            let (field, rest) = self.0.split_at_checked(length)?;
            self.0 = rest;
            if kind == WireType::LengthDelimited {
                return Some((number, field));
            }
        }
    }
}

/// The text in a field; empty where there is none.
fn text(message: &[u8], number: u32) -> &str {
    let field = Fields(message).find(|(field, _)| *field == number).map(|(_, field)| field);
    field.and_then(|field| str::from_utf8(field).ok()).unwrap_or_default()
}

/// Whether the thing has this name, or something in it.
fn declares(thing: &[u8], kind: Kind, symbol: &str) -> bool {
    let name = text(thing, kind.name_field());
    let Some(rest) = symbol.strip_prefix(name) else { return false };
    let rest = match rest.strip_prefix('.') {
        Some(rest) => rest,
        None if rest.is_empty() => return kind != Kind::File,
        None if name.is_empty() => rest,
        None => return false,
    };
    Fields(thing).any(|(field, part)| kind.within(field).is_some_and(|kind| declares(part, kind, rest)))
}

/// All files of these `FileDescriptorSet`s.
fn files<'a>(sets: &'a [&'static [u8]]) -> impl Iterator<Item = &'static [u8]> + use<'a> {
    sets.iter().flat_map(|set| Fields(set)).filter(|(field, _)| *field == 1).map(|(_, file)| file)
}

/// The file of this name, such as `gpiod/v1/line.proto`.
pub(super) fn file_named(sets: &[&'static [u8]], name: &str) -> Option<&'static [u8]> {
    files(sets).find(|file| text(file, 1) == name)
}

/// The file that declares this, such as `gpiod.v1.Line` or `gpiod.v1.GpioService.Read`.
pub(super) fn file_with(sets: &[&'static [u8]], symbol: &str) -> Option<&'static [u8]> {
    files(sets).find(|file| declares(file, Kind::File, symbol))
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message;
    use protox::prost_reflect::prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorSet};

    const SETS: [&[u8]; 2] = [gpiod_proto::FILE_DESCRIPTOR_SET, tonic_health::pb::FILE_DESCRIPTOR_SET];

    fn of_enum(prefix: &str, of: &EnumDescriptorProto, into: &mut Vec<String>) {
        let name = format!("{prefix}.{}", of.name());
        into.extend(of.value.iter().map(|value| format!("{name}.{}", value.name())));
        into.push(name);
    }

    fn of_message(prefix: &str, of: &DescriptorProto, into: &mut Vec<String>) {
        let name = format!("{prefix}.{}", of.name());
        of.nested_type.iter().for_each(|nested| of_message(&name, nested, into));
        of.enum_type.iter().for_each(|nested| of_enum(&name, nested, into));
        into.extend(of.field.iter().map(|field| format!("{name}.{}", field.name())));
        into.extend(of.oneof_decl.iter().map(|one| format!("{name}.{}", one.name())));
        into.push(name);
    }

    #[test]
    fn every_file_is_found_by_its_name_and_by_all_that_it_declares() {
        let mut count = 0;
        for set in SETS {
            for file in FileDescriptorSet::decode(set).unwrap().file {
                let (bytes, package) = (file.encode_to_vec(), file.package().to_owned());
                assert_eq!(file_named(&SETS, file.name()), Some(&bytes[..]), "{}", file.name());
                let mut symbols = Vec::new();
                file.message_type.iter().for_each(|of| of_message(&package, of, &mut symbols));
                file.enum_type.iter().for_each(|of| of_enum(&package, of, &mut symbols));
                for service in &file.service {
                    let name = format!("{package}.{}", service.name());
                    symbols.extend(service.method.iter().map(|method| format!("{name}.{}", method.name())));
                    symbols.push(name);
                }
                for symbol in &symbols {
                    assert_eq!(file_with(&SETS, symbol), Some(&bytes[..]), "{symbol}");
                    assert_eq!(file_with(&SETS, &format!("{symbol}x")), None, "{symbol}x");
                }
                assert_eq!(file_with(&SETS, &package), None, "a package is in many files");
                count += symbols.len();
            }
        }
        assert!(count > 300, "{count}");
        for none in ["", ".", "gpiod", "gpiod.v1.", "gpiod.v1.Line.", "Line", "gpiod.v1..Line"] {
            assert_eq!((file_named(&SETS, none), file_with(&SETS, none)), (None, None), "{none:?}");
        }
    }
}
