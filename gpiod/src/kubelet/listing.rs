//! The kubelet's answer to who has what, read as it comes: of all pods of the node one at a time, and of them those that
//! have something of ours are kept. However many pods there are, it takes no more memory than one of them.

use super::grpc::PREFIX;
use super::messages::v1::{ContainerDevices, PodResources};
use super::resource::Resource;
use crate::pods::{Allocated, PodName};
use prost::Message;
use std::io;
use std::sync::Arc;

/// Bytes of one pod that are read. One that is told in more is passed over, and so not known: it is not to keep others
/// from being known.
const POD_BYTES: usize = 64 * 1024;
/// Bytes of the whole answer: what the kubelet itself takes for the most (`defaultPodResourcesMaxSize`).
const MOST_BYTES: usize = 16 << 20;
/// The head of a pod in the answer: field 1, with a length.
const POD: u64 = 1 << 3 | 2;
/// Bytes of the longest number.
const NUMBER: usize = 10;

/// An answer that is coming.
#[derive(Debug)]
pub(super) struct Listing<'a> {
    resources: &'a [Resource],
    allocated: Allocated,
    /// What is to come next.
    next: Next,
    /// What of it has come.
    part: Vec<u8>,
    /// How many bytes may come.
    room: usize,
}

#[derive(Clone, Copy, Debug)]
enum Next {
    Prefix,
    /// A field's head, and its length.
    Field,
    Pod(usize),
    /// So many bytes that are passed over.
    Other(usize),
}

impl<'a> Listing<'a> {
    /// One of whose devices those of these resources are kept.
    pub(super) fn new(resources: &'a [Resource]) -> Self {
        let next = Next::Prefix;
        Self { resources, allocated: Allocated::new(), next, part: Vec::new(), room: MOST_BYTES }
    }

    /// Takes bytes of it.
    ///
    /// # Errors
    /// That it is too long, or is none.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let too_long = || invalid("the answer is too long");
        self.room = self.room.checked_sub(bytes.len()).ok_or_else(too_long)?;
        while !bytes.is_empty() {
            let wanted = match self.next {
                Next::Prefix => PREFIX,
                // A byte at a time: only its last tells that it is the last.
                Next::Field => self.part.len() + 1,
                Next::Pod(length) => length,
                Next::Other(left) => {
                    let passed = left.min(bytes.len());
                    bytes = &bytes[passed..];
                    self.next = if left > passed { Next::Other(left - passed) } else { Next::Field };
                    continue;
                }
            };
            let (more, rest) = bytes.split_at((wanted - self.part.len()).min(bytes.len()));
            self.part.extend_from_slice(more);
            bytes = rest;
            if self.part.len() == wanted {
                self.complete()?;
            }
        }
        Ok(())
    }

    fn complete(&mut self) -> io::Result<()> {
        let part = std::mem::take(&mut self.part);
        self.next = match self.next {
            Next::Prefix if part[0] == 0 => Next::Field,
            Next::Prefix => return Err(invalid("the answer is compressed")),
            Next::Field => match field(&part)? {
                Some((_, 0)) => Next::Field,
                Some((POD, length)) if length <= POD_BYTES => Next::Pod(length),
                Some((_, length)) => Next::Other(length),
                None => {
                    self.part = part;
                    Next::Field
                }
            },
            Next::Pod(_) | Next::Other(_) => {
                let pod = PodResources::decode(part.as_slice()).map_err(io::Error::other)?;
                self.keep(pod);
                Next::Field
            }
        };
        Ok(())
    }

    fn keep(&mut self, pod: PodResources) {
        let PodResources { name, namespace, containers } = pod;
        let pod = Arc::new(PodName { namespace, name });
        for ContainerDevices { resource_name, device_ids } in containers.into_iter().flat_map(|c| c.devices) {
            let Some(ours) = self.resources.iter().find(|known| known.name == resource_name) else {
                continue;
            };
            let known = self.allocated.get_or_default((ours.group.clone(), ours.access));
            let devices = device_ids.into_iter().filter(|id| ours.devices.contains(id));
            known.extend(devices.map(|id| (id, Arc::clone(&pod))));
        }
    }

    /// What it says, when all of it has come.
    ///
    /// # Errors
    /// That it is not whole.
    pub(super) fn end(self) -> io::Result<Allocated> {
        let whole = matches!(self.next, Next::Field) && self.part.is_empty();
        if whole { Ok(self.allocated) } else { Err(invalid("the answer is not whole")) }
    }
}

/// A field's head and its length, if both are here whole. Nothing but strings and messages is in the answer itself.
fn field(part: &[u8]) -> io::Result<Option<(u64, usize)>> {
    let mut left = part;
    let mut next = || {
        let end = left.iter().position(|byte| byte & 0x80 == 0)?;
        let number = prost::decode_length_delimiter(&left[..=end]).ok()?;
        left = &left[end + 1..];
        Some(number)
    };
    match (next(), next()) {
        (Some(head), _) if head & 7 != 2 => Err(invalid("the answer has a field that is none")),
        (Some(head), Some(length)) => Ok(Some((head as u64, length))),
        _ if part.len() >= 2 * NUMBER => Err(invalid("the answer has a number that is none")),
        _ => Ok(None),
    }
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::kubelet::Offer;
    use crate::kubelet::messages::v1::{ContainerResources, ListPodResourcesResponse};
    use crate::pods::Access;
    use proptest::prelude::*;
    use std::path::Path;

    fn resources() -> Vec<Resource> {
        let text = "[kubernetes]\n[[group]]\nname = \"door\"\nlines.lock = { line = \"GPIO20\", direction = \"output\" }\n";
        Offer::of(&Config::parse(Path::new("x"), text).unwrap()).resources
    }

    fn pod(name: &str, resource: &str, ids: &[&str]) -> PodResources {
        let device_ids = ids.iter().map(|id| (*id).to_owned()).collect();
        let devices = vec![ContainerDevices { resource_name: resource.to_owned(), device_ids }];
        let containers = vec![ContainerResources::default(), ContainerResources { devices }];
        PodResources { name: name.to_owned(), namespace: "apps".to_owned(), containers }
    }

    fn answer(pods: Vec<PodResources>) -> Vec<u8> {
        let message = ListPodResourcesResponse { pod_resources: pods }.encode_to_vec();
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        [&[0][..], &length, &message].concat()
    }

    fn read(parts: &[&[u8]]) -> io::Result<Vec<(String, Access, String, String)>> {
        let resources = resources();
        let mut listing = Listing::new(&resources);
        parts.iter().try_for_each(|part| listing.take(part))?;
        let devices = listing.end()?.into_iter().flat_map(|((group, access), devices)| {
            devices.into_iter().map(move |(id, pod)| (group.clone(), access, id, pod.to_string()))
        });
        Ok(devices.collect())
    }

    fn pods() -> Vec<PodResources> {
        vec![
            pod("lock", "gpiod.local/door", &["door", "unknown"]),
            pod("gpu", "example.com/gpu", &["door"]),
            PodResources::default(),
            // Longer than any that is read.
            pod(&"x".repeat(POD_BYTES), "gpiod.local/door", &["door"]),
            pod("eye", "gpiod.local/door.watch", &["door-watch-3"]),
        ]
    }

    fn expected() -> Vec<(String, Access, String, String)> {
        vec![
            ("door".to_owned(), Access::Full, "door".to_owned(), "apps/lock".to_owned()),
            ("door".to_owned(), Access::Watch, "door-watch-3".to_owned(), "apps/eye".to_owned()),
        ]
    }

    #[test]
    fn of_all_pods_those_with_our_devices_are_known() {
        assert_eq!(read(&[&answer(pods())]).unwrap(), expected());
        assert_eq!(read(&[&answer(vec![])]).unwrap(), []);
    }

    #[test]
    fn an_answer_that_is_not_whole_or_is_none_is_not_believed() {
        let whole = answer(pods());
        for bytes in
            [&whole[..whole.len() - 1], &whole[..3], &[], &[1, 0, 0, 0, 0], &[0, 0, 0, 0, 1, 0x08, 1]]
        {
            read(&[bytes]).unwrap_err();
        }
        let resources = resources();
        let mut endless = Listing::new(&resources);
        endless.take(&[0; PREFIX]).unwrap();
        let many = [&[0x12, 0x80, 0x80, 0x04][..], &[0; POD_BYTES]].concat();
        while endless.take(&many).is_ok() {}
        assert!(endless.room < many.len());
    }

    proptest! {
        #[test]
        fn wherever_it_is_parted_it_says_the_same(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
            let all = answer(pods());
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.index(all.len())).collect();
            cuts.extend([0, all.len()]);
            cuts.sort_unstable();
            let parts: Vec<&[u8]> = cuts.windows(2).map(|cut| &all[cut[0]..cut[1]]).collect();
            prop_assert_eq!(read(&parts).unwrap(), expected());
        }

        #[test]
        fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&[&bytes]);
            let _ = read(&[&[0; PREFIX], &bytes]);
        }
    }
}
