//! Which processes a group's sockets let in, beyond what the rights of the socket's file say.

/// The user and group ids that are let in, both lists empty: everybody; and of which namespaces.
///
/// The ids are those that the kernel vouches for at the connection's beginning. Of a process's groups that is its
/// primary one alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// User ids.
    pub uids: Vec<u32>,
    /// Primary group ids.
    pub gids: Vec<u32>,
    /// Namespaces of the cluster, of whose pods those that have the group's resource must be; none: all. That is known
    /// later than the ids, and looked at with each call.
    pub namespaces: Vec<String>,
}

impl Allowed {
    /// Whether a process with these ids is let in: one of them is enough. Root is asked like anybody else.
    pub fn lets_in(&self, uid: u32, gid: u32) -> bool {
        let everybody = self.uids.is_empty() && self.gids.is_empty();
        everybody || self.uids.contains(&uid) || self.gids.contains(&gid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_id_is_enough_and_root_is_nobody_special() {
        let everybody = Allowed::default();
        assert!(everybody.lets_in(0, 0) && everybody.lets_in(1000, 1000));
        let some = Allowed { uids: vec![65532], gids: vec![100], ..Allowed::default() };
        assert!(some.lets_in(65532, 7) && some.lets_in(7, 100));
        assert!(!some.lets_in(100, 65532) && !some.lets_in(0, 0));
        let group = Allowed { gids: vec![100], ..Allowed::default() };
        assert!(group.lets_in(0, 100) && !group.lets_in(100, 0));
    }
}
