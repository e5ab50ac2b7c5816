//! The sockets that the groups have, brought to what the configuration says: each time all that is not so yet, so that
//! what failed once is done when it can be.

use super::control::Overseen;
use crate::broker::Scope;
use crate::config::{Config, Group};
use crate::log_keys as keys;
use crate::server::SocketChange;
use crate::server::socket::RunDir;
use std::io;

/// What the sockets were made for.
#[derive(Debug)]
pub(super) struct GroupSockets {
    made: Vec<Group>,
}

impl GroupSockets {
    /// Those that were made at the start.
    pub(super) fn made_for(config: &Config) -> Self {
        Self { made: config.groups.clone() }
    }

    /// Brings them to what a configuration says; answers all that could not be done.
    pub(super) async fn change(
        &mut self,
        config: &Config,
        run_dir: &RunDir,
        parts: &[Overseen],
    ) -> Vec<io::Error> {
        let mut failures = Vec::new();
        let gone = |made: &Group| !config.groups.iter().any(|group| group.name == made.name);
        for group in self.made.extract_if(.., |made| gone(made)) {
            for (part, scope) in places(parts, &group.name) {
                let _ = part.sockets.send(SocketChange::Remove(scope)).await;
            }
            failures.extend(run_dir.remove_group(&group.name).err());
        }
        for group in &config.groups {
            match self.made.iter_mut().find(|made| made.name == group.name) {
                Some(made) if rights(made) == rights(group) => {}
                Some(made) => match run_dir.set_rights(group) {
                    Ok(()) => *made = group.clone(),
                    Err(error) => failures.push(error),
                },
                None => match add(group, config, run_dir, parts).await {
                    Ok(()) => self.made.push(group.clone()),
                    Err(error) => failures.push(error),
                },
            }
        }
        failures
    }
}

async fn add(group: &Group, config: &Config, run_dir: &RunDir, parts: &[Overseen]) -> io::Result<()> {
    for (part, scope) in places(parts, &group.name).filter(|(part, scope)| part.broker.serves(*scope)) {
        let socket = run_dir.bind_later(config, group, scope)?;
        tracing::info!({ keys::PATH } = %socket.path.display(), "listening");
        let _ = part.sockets.send(SocketChange::Add(socket)).await;
    }
    Ok(())
}

fn rights(group: &Group) -> (u32, Option<u32>) {
    (group.socket_mode, group.socket_gid)
}

/// The sockets of a group, as each part knows them: it knows the groups of all the others.
fn places<'a>(parts: &'a [Overseen], group: &str) -> impl Iterator<Item = (&'a Overseen, Scope)> {
    parts
        .iter()
        .filter_map(move |part| Some((part, part.broker.place_of(group)?)))
        .flat_map(|(part, index)| [Scope::Group(index), Scope::Watch(index)].map(|scope| (part, scope)))
}
