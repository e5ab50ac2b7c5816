//! Which service a request is for: told by its path, `/package.Service/Method`.

use super::admin::Admin;
use super::doors::Door;
use super::places::Places;
use super::service::Service as Api;
use super::streams::Streams;
use super::too_large;
use super::unread::looked_at;
use crate::broker::{Broker, Scope};
use crate::config::Limits;
use crate::error::Error;
use crate::programs::Programs;
use gpiod_proto::v1::admin_service_server::{self, AdminServiceServer};
use gpiod_proto::v1::gpio_service_server::{GpioServiceServer, SERVICE_NAME};
use hyper::Request;
use hyper::body::Incoming;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::Response;
use tonic::server::NamedService;
use tonic_health::pb::health_server::{Health, HealthServer};
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};

/// The name of the health service.
const HEALTH: &str = "grpc.health.v1.Health";

/// What is told of a path that is not here; the longest of ours has 59.
const PATH_CHARS: usize = 64;

type Boxed = BoxCloneSyncService<Request<Incoming>, Response<Body>, Infallible>;

/// All services of one socket.
#[derive(Clone)]
pub(super) struct Services {
    api: GpioServiceServer<Api>,
    /// Health and reflection, and the administrator's orders, by name.
    others: Arc<[(&'static str, Boxed)]>,
    broker: Arc<Broker>,
    streams: Places,
}

impl Services {
    /// The services of a socket.
    ///
    /// # Errors
    /// When the description of the API is damaged, which would be a defect of the build.
    pub(super) fn new(
        broker: Arc<Broker>,
        programs: Arc<Programs>,
        (scope, door): (Scope, &Door),
        admin: Option<Admin>,
        health: HealthServer<impl Health>,
    ) -> io::Result<Self> {
        let most = broker.limits().message_bytes as usize;
        // The description is of the whole API; what this socket does not serve is not listed.
        let reflection = |itself: &'static str| {
            let admin = admin.as_ref().map(|_| admin_service_server::SERVICE_NAME);
            let served = [SERVICE_NAME, HEALTH, itself].into_iter().chain(admin);
            let described = tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(gpiod_proto::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
            served.fold(described, |described, name| described.with_service_name(name))
        };
        let v1 = reflection("grpc.reflection.v1.ServerReflection").build_v1().map_err(io::Error::other)?;
        // As many clients still ask for it.
        let v1alpha = reflection("grpc.reflection.v1alpha.ServerReflection");
        let v1alpha = v1alpha.build_v1alpha().map_err(io::Error::other)?;
        let mut others = vec![
            boxed(health.max_decoding_message_size(most)),
            reflecting(v1.max_decoding_message_size(most), &broker),
            reflecting(v1alpha.max_decoding_message_size(most), &broker),
        ];
        if let Some(admin) = admin {
            others.push(boxed(AdminServiceServer::new(admin).max_decoding_message_size(most)));
        }
        let api =
            GpioServiceServer::new(Api::new(Arc::clone(&broker), programs, scope, door.watches.clone()));
        let api = api.max_decoding_message_size(most);
        Ok(Self { api, others: others.into(), broker, streams: door.streams.clone() })
    }

    /// The limits of its connections.
    pub(super) fn limits(&self) -> &Limits {
        self.broker.limits()
    }

    /// The streams of one more connection.
    pub(super) fn streams(&self) -> Streams {
        Streams::new(self.streams.clone())
    }

    /// Answers a request on a connection, if there is a place for one more stream.
    pub(super) async fn call(self, request: Request<Incoming>, streams: Streams) -> Response<Body> {
        match streams.enter(self.limits()) {
            // What a stream needs is not to be paid for one that is refused.
            Ok(place) => place.keep_for(Box::pin(self.answer(request)).await),
            Err(full) => {
                self.broker.count_refusal(&full);
                Status::from(full).into_http()
            }
        }
    }

    /// Answers a request.
    async fn answer(self, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path();
        let name = path.strip_prefix('/').and_then(|path| path.split_once('/')).map_or("", |(name, _)| name);
        let answered = if name == SERVICE_NAME {
            self.api.oneshot(request).await
        } else if let Some((_, service)) = self.others.iter().find(|(known, _)| *known == name) {
            service.clone().oneshot(request).await
        } else if name == admin_service_server::SERVICE_NAME {
            return Status::from(Error::NotPermitted(
                "orders to the daemon as a whole are taken on the admin socket alone, admin/gpiod.sock in its run directory"
                    .to_owned(),
            ))
            .into_http();
        } else {
            // Cut, for the answer waits in memory until its client reads it.
            let path: String = path.chars().take(PATH_CHARS).collect();
            return Status::unimplemented(format!("there is no {path:?} here; the API is {SERVICE_NAME}"))
                .into_http();
        };
        match answered {
            Ok(response) => too_large::answer(response, &self.broker),
            Err(never) => match never {},
        }
    }
}

fn boxed<S>(service: S) -> (&'static str, Boxed)
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible> + NamedService,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
{
    (S::NAME, BoxCloneSyncService::new(service))
}

/// The same for a reflection service, whose answers tell what it leaves unsaid.
fn reflecting<S>(service: S, broker: &Arc<Broker>) -> (&'static str, Boxed)
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + NamedService,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let broker = Arc::clone(broker);
    let told = tower::service_fn(move |request: Request<Incoming>| {
        let (request, unread) = looked_at(request, broker.limits().message_bytes as usize);
        let (answered, broker) = (service.clone().oneshot(request), Arc::clone(&broker));
        async move { Ok(unread.told_in(answered.await?, &broker)) }
    });
    (S::NAME, BoxCloneSyncService::new(told))
}
