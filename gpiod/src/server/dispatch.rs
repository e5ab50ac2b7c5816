//! Which service a request is for: told by its path, `/package.Service/Method`.

use super::admin::Admin;
use super::answers::Answering;
use super::backlog::Backlog;
use super::body::RequestBody;
use super::doors::Door;
use super::places::Places;
use super::reflection::Reflection;
use super::service::Service as Api;
use super::streams::{StreamPlace, Streams};
use super::too_large;
use crate::broker::{Broker, Scope};
use crate::config::Limits;
use crate::error::Error;
use crate::holder::Caller;
use crate::programs::Programs;
use gpiod_proto::v1::admin_service_server::{self, AdminServiceServer};
use gpiod_proto::v1::gpio_service_server::SERVICE_NAME;
use h2::RecvStream;
use std::convert::Infallible;
use std::sync::Arc;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::server::NamedService;
use tonic_health::pb::health_server::{Health, HealthServer};
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};

/// The name of the health service.
pub(super) const HEALTH: &str = "grpc.health.v1.Health";

/// What is told of a path that is not here; the longest of ours has 59.
const PATH_CHARS: usize = 64;

pub(super) type Boxed = BoxCloneSyncService<Request<RequestBody>, Response<Body>, Infallible>;

/// All services of one socket.
#[derive(Clone)]
pub(super) struct Services {
    api: Api,
    /// Health, and the administrator's orders, by name.
    others: Arc<[(&'static str, Boxed)]>,
    reflection: Arc<Reflection>,
    broker: Arc<Broker>,
    streams: Places,
}

impl Services {
    /// The services of a socket.
    pub(super) fn new(
        broker: Arc<Broker>,
        programs: Arc<Programs>,
        (scope, door): (Scope, &Door),
        admin: Option<Admin>,
        health: HealthServer<impl Health>,
        reflection: Arc<Reflection>,
    ) -> Self {
        let most = broker.limits().message_bytes as usize;
        let mut others = vec![boxed(health.max_decoding_message_size(most))];
        if let Some(admin) = admin {
            others.push(boxed(AdminServiceServer::new(admin).max_decoding_message_size(most)));
        }
        let api = Api { broker: Arc::clone(&broker), programs, scope, watches: door.watches.clone() };
        Self { api, others: others.into(), reflection, broker, streams: door.streams.clone() }
    }

    /// The limits of its connections.
    pub(super) fn limits(&self) -> &Limits {
        self.broker.limits()
    }

    /// The streams of one more connection.
    pub(super) fn streams(&self) -> Streams {
        Streams::new(self.streams.clone())
    }

    /// The service of that name beside the API's own.
    fn other(&self, name: &str) -> Option<&Boxed> {
        let other = self.others.iter().find(|(known, _)| *known == name).map(|(_, service)| service);
        other.or_else(|| self.reflection.named(name))
    }

    /// A place for one more stream of a connection.
    ///
    /// # Errors
    /// [`Error::LimitReached`].
    pub(super) fn enter(&self, streams: &Streams) -> Result<StreamPlace, Error> {
        streams.enter(self.limits()).inspect_err(|full| self.broker.count_refusal(full))
    }

    /// Answers a request.
    pub(super) async fn answer(
        self,
        request: Request<RecvStream>,
        mut answering: Answering,
        (caller, backlog): (Caller, Arc<Backlog>),
    ) {
        let path = request.uri().path();
        let (name, method) = path.strip_prefix('/').and_then(|path| path.split_once('/')).unwrap_or_default();
        let answered = if name == SERVICE_NAME {
            let method = method.to_owned();
            self.api.call(&method, caller, (request.into_body(), backlog), answering).await
        } else if let Some(service) = self.other(name) {
            let (head, stream) = request.into_parts();
            let (body, unread) = RequestBody::new(stream, self.limits().message_bytes as usize);
            let mut request = Request::from_parts(head, body);
            request.extensions_mut().insert(caller);
            let answer = tokio::select! {
                answer = service.clone().oneshot(request) => answer,
                () = answering.gone() => return,
            };
            match answer {
                Ok(answer) => {
                    let answer = too_large::answer(answer, &self.broker);
                    answering.pass(unread.told_in(answer, &self.broker)).await
                }
                Err(never) => match never {},
            }
        } else if name == admin_service_server::SERVICE_NAME {
            let text = "orders to the daemon as a whole are taken on the admin socket alone, admin/gpiod.sock in its run directory";
            answering.fail(Error::NotPermitted(text.to_owned()).into())
        } else {
            // Cut, for the answer waits in memory until its client reads it.
            let path: String = path.chars().take(PATH_CHARS).collect();
            let text = format!("there is no {path:?} here; the API is {SERVICE_NAME}");
            answering.fail(Status::unimplemented(text))
        };
        if answered.is_err() {
            tracing::debug!(pid = caller.pid, "a client has gone before its answer");
        }
    }
}

pub(super) fn boxed<S>(service: S) -> (&'static str, Boxed)
where
    S: Service<Request<RequestBody>, Response = Response<Body>, Error = Infallible> + NamedService,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
{
    (S::NAME, BoxCloneSyncService::new(service))
}
