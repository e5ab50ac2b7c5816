//! What the API looks like, for clients that were built without it, such as grpcurl. It is made when somebody first asks,
//! and for all sockets of a kind at once: read and indexed it has some 60 kB, and hardly any client ever asks.

use super::dispatch::{Boxed, HEALTH, boxed};
use crate::broker::Scope;
use gpiod_proto::v1::admin_service_server;
use gpiod_proto::v1::gpio_service_server::SERVICE_NAME;
use std::sync::{Arc, OnceLock};
use tonic_reflection::server::{Builder, Error};

/// The services that tell it, by name; many clients still ask for the older one.
const V1: &str = "grpc.reflection.v1.ServerReflection";
const V1ALPHA: &str = "grpc.reflection.v1alpha.ServerReflection";

/// The reflection of all sockets.
#[derive(Debug)]
pub(super) struct Reflections {
    admin: Arc<Reflection>,
    group: Arc<Reflection>,
}

impl Reflections {
    /// Of sockets whose requests may have so many bytes.
    pub(super) fn new(most: usize) -> Self {
        let [admin, group] = [true, false].map(|admin| Arc::new(Reflection::new(admin, most)));
        Self { admin, group }
    }

    /// That of one socket.
    pub(super) fn of(&self, scope: Scope) -> Arc<Reflection> {
        Arc::clone(if scope == Scope::Admin { &self.admin } else { &self.group })
    }
}

/// The reflection of the sockets of one kind.
#[derive(Debug)]
pub(super) struct Reflection {
    /// Whether the administrator's service is told of.
    admin: bool,
    /// Bytes that a request may have.
    most: usize,
    v1: OnceLock<Option<Boxed>>,
    v1alpha: OnceLock<Option<Boxed>>,
}

impl Reflection {
    /// Nothing yet.
    fn new(admin: bool, most: usize) -> Self {
        Self { admin, most, v1: OnceLock::new(), v1alpha: OnceLock::new() }
    }

    /// The service of a name, if it is one of these.
    pub(super) fn named(&self, name: &str) -> Option<&Boxed> {
        let most = self.most;
        let made = match name {
            V1 => self.v1.get_or_init(|| {
                told(self.described(V1).build_v1().map(|v1| boxed(v1.max_decoding_message_size(most)).1))
            }),
            V1ALPHA => self.v1alpha.get_or_init(|| {
                let made = self.described(V1ALPHA).build_v1alpha();
                told(made.map(|v1alpha| boxed(v1alpha.max_decoding_message_size(most)).1))
            }),
            _ => return None,
        };
        made.as_ref()
    }

    /// The description is of the whole API; what these sockets do not serve is not listed.
    fn described(&self, itself: &'static str) -> Builder<'static> {
        let admin = self.admin.then_some(admin_service_server::SERVICE_NAME);
        let served = [SERVICE_NAME, HEALTH, itself].into_iter().chain(admin);
        let described = Builder::configure()
            .register_encoded_file_descriptor_set(gpiod_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
        served.fold(described, |described, name| described.with_service_name(name))
    }
}

/// What was made; a damaged description, which would be a defect of the build, is told in the log.
fn told(made: Result<Boxed, Error>) -> Option<Boxed> {
    made.inspect_err(|error| tracing::error!(%error, "the description of the API is damaged")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_of_the_api_is_whole() {
        for admin in [false, true] {
            let reflection = Reflection::new(admin, 4096);
            assert!(reflection.v1.get().is_none(), "nobody has asked");
            assert!(reflection.named(V1).is_some() && reflection.named(V1ALPHA).is_some());
            assert!(reflection.named(HEALTH).is_none());
        }
    }
}
