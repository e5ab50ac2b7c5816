//! Random bytes, from the kernel.

use rustix::io::retry_on_intr;
use rustix::rand::{GetRandomFlags, getrandom};
use std::io;

/// Bytes that nobody can guess.
///
/// Early in a boot the kernel may have none yet. This asks it to make some and waits, about a second: getrandom(2), since
/// Linux 5.4. Who only polls `/dev/random`, as libraries do where their libc lacks the call, may wait for ever on a board
/// where nothing else happens. Who asked once never waits again, which is why the daemon does so before it serves.
pub(crate) fn bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    // Up to 256 bytes come whole, once there are any: getrandom(2).
    const { assert!(N <= 256) };
    retry_on_intr(|| getrandom(&mut bytes, GetRandomFlags::empty()))?;
    Ok(bytes)
}
