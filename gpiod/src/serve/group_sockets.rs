//! The sockets that the groups have, brought to what the configuration says. What can fail of that is done or tried
//! before the lines are touched, so that a configuration whose sockets can not be made changes nothing.

use super::control::Overseen;
use crate::broker::Scope;
use crate::config::{Config, Group};
use crate::log_keys as keys;
use crate::server::SocketChange;
use crate::server::socket::{RunDir, Socket, unbind};
use crate::wiring::GroupIndex;
use std::io;

/// What the sockets were made for.
#[derive(Debug)]
pub(super) struct GroupSockets {
    made: Vec<Group>,
}

/// The sockets of new groups, bound and not yet served.
#[derive(Debug, Default)]
pub(super) struct NewSockets(Vec<(Group, Socket)>);

impl NewSockets {
    /// Removes them again.
    pub(super) fn discard(self) {
        for (_, socket) in self.0 {
            if let Err(error) = unbind(socket) {
                tracing::warn!({ keys::ERROR } = %error, "a socket that is not needed after all stays");
            }
        }
    }
}

impl GroupSockets {
    /// Those that were made at the start.
    pub(super) fn made_for(config: &Config) -> Self {
        Self { made: config.groups.clone() }
    }

    /// Binds the sockets of groups that are new, and tries whether the others can be given the rights that they are to
    /// have.
    ///
    /// # Errors
    /// What the system says, with the path; then all is as before.
    pub(super) fn prepare(&self, config: &Config, run_dir: &RunDir) -> io::Result<NewSockets> {
        let mut new = NewSockets::default();
        match self.prepare_into(&mut new.0, config, run_dir) {
            Ok(()) => Ok(new),
            Err(error) => {
                new.discard();
                Err(error)
            }
        }
    }

    fn prepare_into(
        &self,
        new: &mut Vec<(Group, Socket)>,
        config: &Config,
        run_dir: &RunDir,
    ) -> io::Result<()> {
        for (index, group) in (0..).map(GroupIndex).zip(&config.groups) {
            match self.made.iter().find(|made| made.name == group.name) {
                Some(made) if rights(made) == rights(group) => {}
                Some(_) => run_dir.try_rights(group)?,
                None => {
                    for scope in [Scope::Group(index), Scope::Watch(index)] {
                        new.push((group.clone(), run_dir.bind_later(config, group, scope)?));
                    }
                }
            }
        }
        Ok(())
    }

    /// Serves the new ones, ends those of groups that are gone, and gives the others their rights; answers all that
    /// could not be done. To be called when the parts have their new wiring.
    pub(super) async fn change(
        &mut self,
        new: NewSockets,
        config: &Config,
        run_dir: &RunDir,
        parts: &[Overseen],
    ) -> Vec<io::Error> {
        let mut failures = Vec::new();
        let gone = |made: &Group| !config.groups.iter().any(|group| group.name == made.name);
        for group in self.made.extract_if(.., |made| gone(made)) {
            for part in parts {
                let Some(index) = part.broker.place_of(&group.name) else { continue };
                for scope in [Scope::Group(index), Scope::Watch(index)] {
                    let _ = part.sockets.send(SocketChange::Remove(scope)).await;
                }
            }
            failures.extend(run_dir.remove_group(&group.name).err());
        }
        for made in &mut self.made {
            let Some(group) = config.groups.iter().find(|group| group.name == made.name) else { continue };
            if rights(made) != rights(group) {
                match run_dir.set_rights(group) {
                    Ok(()) => *made = group.clone(),
                    Err(error) => failures.push(error),
                }
            }
        }
        for (group, socket) in new.0 {
            add(&group, socket, parts).await;
            if self.made.last().is_none_or(|made| made.name != group.name) {
                self.made.push(group);
            }
        }
        failures
    }
}

/// Gives a socket to the part that serves its group.
async fn add(group: &Group, mut socket: Socket, parts: &[Overseen]) {
    for part in parts {
        // Each part knows the groups of all the others; the place is the daemon's, not the file's.
        let Some(index) = part.broker.place_of(&group.name) else { continue };
        socket.scope = match socket.scope {
            Scope::Watch(_) => Scope::Watch(index),
            Scope::Group(_) | Scope::Admin => Scope::Group(index),
        };
        if part.broker.serves(socket.scope) {
            tracing::info!({ keys::PATH } = %socket.path.display(), "listening");
            let _ = part.sockets.send(SocketChange::Add(socket)).await;
            return;
        }
    }
}

fn rights(group: &Group) -> (u32, Option<u32>) {
    (group.socket_mode, group.socket_gid)
}
